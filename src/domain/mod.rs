//! The values the use cases speak of, and their rules. No I/O, no HTTP, no database.

mod actor;
mod email;
mod formula;
mod invalid;
mod link;
mod look_alike;
mod mail;
mod password;
mod privacy_policy;
mod profile;
mod reserved_names;
mod sealed_key;
mod session;
mod similarity;
mod text;
mod time;
mod user;
mod username;
mod web_url;

pub use self::actor::{Actor, Stamp};
pub use self::email::{Email, NOWHERE, ascii_host, on_the_wire};
pub use self::formula::{formula_safe, without_formula_mark};
pub use self::invalid::{Invalid, Rule};
pub use self::link::{FoundLink, LinkState};
pub use self::mail::{MailKind, MailState};
pub use self::password::{Password, PasswordRules};
pub use self::privacy_policy::{Agreement, Consent, Policy};
pub use self::profile::{AdditionalFields, Profile, ProfileChange, UploadPreference};
pub use self::sealed_key::{KeyPurpose, SealedKey};
pub use self::session::{LiveSession, ROTATION_GRACE, Session, SessionId, SessionKind};
pub use self::similarity::{ALIKE, similarity};
pub use self::text::{bare_line, counted, hexadecimal, without_mark};
pub use self::time::Timestamp;
pub use self::user::{User, UserId, UserRef, spelling, spellings_of_part};
pub use self::username::Username;
pub use self::web_url::{API_BASE, NotABase, WebUrl};
