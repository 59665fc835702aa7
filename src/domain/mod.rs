//! The values the use cases speak of, and their rules. No I/O, no HTTP, no database.

mod actor;
mod email;
mod invalid;
mod mail;
mod password;
mod privacy_policy;
mod profile;
mod session;
mod similarity;
mod time;
mod user;
mod username;
mod web_url;

pub use crate::domain::actor::{Actor, Stamp};
pub use crate::domain::email::Email;
pub use crate::domain::invalid::{Invalid, Rule};
pub use crate::domain::mail::{MailKind, MailState};
pub use crate::domain::password::{Password, PasswordRules};
pub use crate::domain::privacy_policy::{Agreement, Consent, Policy};
pub use crate::domain::profile::{AdditionalFields, Profile, UploadPreference};
pub use crate::domain::session::{LiveSession, Session, SessionId, SessionKind};
pub use crate::domain::similarity::{ALIKE, similarity};
pub use crate::domain::time::Timestamp;
pub use crate::domain::user::{User, UserId, UserRef};
pub use crate::domain::username::Username;
pub use crate::domain::web_url::WebUrl;

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
