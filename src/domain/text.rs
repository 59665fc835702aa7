//! What holds for texts of all kinds: length, normal form, and the form in which names are compared.

use std::borrow::Cow;
use std::fmt;

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

/// What editors on Windows put before a text.
const MARK: char = '\u{feff}';

/// A text without the byte order marks before it, of which joined files have several. They are no part
/// of any text that is read from elsewhere.
pub fn without_mark(text: &str) -> &str {
    text.trim_start_matches(MARK)
}

/// The same for a line of which the white space around it is no part either.
pub fn bare_line(line: &str) -> &str {
    line.trim_matches(|c: char| c == MARK || c.is_whitespace())
}

/// `1 user is` or `2 users are`.
pub fn counted(count: impl fmt::Display, one: &str, many: &str) -> String {
    let count = count.to_string();
    let words = if count == "1" { one } else { many };
    format!("{count} {words}")
}

/// Bytes as lower-case hexadecimal digits.
pub fn hexadecimal(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digit = |it: u8| DIGITS[usize::from(it)];
    let mut digits = Vec::with_capacity(bytes.len() * 2);
    for byte in bytes {
        digits.extend_from_slice(&[digit(byte >> 4), digit(byte & 15)]);
    }
    String::from_utf8(digits).unwrap_or_default()
}

/// Adds a text as JSON has it, in quotes. Most have nothing that would have to be escaped.
pub fn push_json(text: &str, json: &mut String) {
    let is_escaped = |it: u8| it < b' ' || matches!(it, b'"' | b'\\');
    if text.bytes().any(is_escaped) {
        json.push_str(&serde_json::Value::from(text).to_string());
    } else {
        json.push('"');
        json.push_str(text);
        json.push('"');
    }
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
