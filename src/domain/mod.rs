//! The values the use cases speak of, and their rules. No I/O, no HTTP, no database.

mod email;
mod invalid;
mod likeness;
mod mail;
mod password;
mod policy;
mod profile;
mod session;
mod time;
mod user;
mod username;

pub use email::Email;
pub use invalid::{Invalid, Rule};
pub use likeness::{ALIKE, likeness};
pub use mail::{MailKind, MailState};
pub use password::{Password, PasswordRules};
pub use policy::{Agreement, Consent, Policy};
pub use profile::{AdditionalFields, Profile, UploadPreference};
pub use session::{LiveSession, Session, SessionId, SessionKind};
pub use time::Timestamp;
pub use user::{User, UserId, UserRef};
pub use username::Username;

use std::borrow::Cow;

use icu_casemap::CaseMapper;
use icu_normalizer::ComposingNormalizerBorrowed;

/// What holds for every short text: at most `most` characters, none of them NUL.
fn check_text(raw: &str, most: usize) -> Result<(), Rule> {
    if raw.contains('\0') {
        return Err(Rule::NullCharacter);
    }
    if raw.chars().count() > most {
        return Err(Rule::TooLong(most));
    }
    Ok(())
}

/// Normalisation form C: what a person typed and what is stored compare alike (RFC 8265, section 4.2).
fn nfc(raw: &str) -> Cow<'_, str> {
    ComposingNormalizerBorrowed::new_nfc().normalize(raw)
}

/// The form that decides whether two names are the same: compatibility-normalised and case-folded,
/// so that look-alikes such as `ＡＬＩＣＥ` and `alice` collide (Unicode Standard Annex 15;
/// RFC 8265, section 3.3). The store compares it as bytes.
fn canonical(raw: &str) -> String {
    let nfkc = ComposingNormalizerBorrowed::new_nfkc();
    let folded = CaseMapper::new()
        .fold_string(&nfkc.normalize(raw))
        .into_owned();
    // The dotless ı is upper-cased to I, yet not case-folded to i (it is, in Turkish).
    nfkc.normalize(&folded).replace('ı', "i")
}
