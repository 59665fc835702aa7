//! What holds for texts of all kinds: length, normal form, and the form in which names are compared.

use std::borrow::Cow;

use icu_casemap::CaseMapper;
use icu_normalizer::ComposingNormalizerBorrowed;

use super::invalid::Rule;

/// The rules of every short text: at most `most` characters, none of them NUL.
pub(super) fn check_text(raw: &str, most: usize) -> Result<(), Rule> {
    if raw.contains('\0') {
        return Err(Rule::NullCharacter);
    }
    if raw.chars().count() > most {
        return Err(Rule::TooLong(most));
    }
    Ok(())
}

/// A text without the byte order mark that editors on Windows put before it. It is no part of any
/// text that is read from elsewhere.
pub fn without_mark(text: &str) -> &str {
    text.strip_prefix('\u{feff}').unwrap_or(text)
}

/// Bytes as lower-case hexadecimal digits.
pub fn hexadecimal(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let mut text = String::with_capacity(2 * bytes.len());
    for byte in bytes {
        text.push(char::from(DIGITS[usize::from(byte >> 4)]));
        text.push(char::from(DIGITS[usize::from(byte & 15)]));
    }
    text
}

/// Normalisation form C: what a person typed and what is stored compare alike (RFC 8265, section 4.2).
pub(super) fn nfc(raw: &str) -> Cow<'_, str> {
    ComposingNormalizerBorrowed::new_nfc().normalize(raw)
}

/// The form that decides whether two names are the same: compatibility-normalised and case-folded,
/// so that look-alikes such as `ＡＬＩＣＥ` and `alice` collide (Unicode Standard Annex 15;
/// RFC 8265, section 3.3). The store compares it as bytes.
pub(super) fn canonical(raw: &str) -> String {
    let nfkc = ComposingNormalizerBorrowed::new_nfkc();
    let folded = CaseMapper::new()
        .fold_string(&nfkc.normalize(raw))
        .into_owned();
    // Case folding leaves the dotless ı as it is, although its capital is I.
    nfkc.normalize(&folded).replace('ı', "i")
}
