//! A session as several endpoints tell it.

use poem_openapi::Object;
use serde_json::Value;

use crate::accounts::session::SessionStatus;
use crate::domain::{Session, SessionId};
use crate::http::wire::WriteJson;

/// Who is logged in, and the tokens of the session.
#[derive(Object)]
#[oai(rename = "Session")]
pub(crate) struct SessionBody {
    /// Always true.
    is_authenticated: bool,
    /// The user name.
    username: String,
    /// The address.
    email: String,
    /// Whether the user is staff.
    is_admin: bool,
    /// Whether the latest privacy policy was agreed to; true while there is none.
    is_agreed_to_privacy_policy: bool,
    /// The latest version of the privacy policy, agreed to or not.
    #[oai(nullable)]
    accepted_privacy_policy_version: Option<String>,
    /// Whether the profile is complete; after a login also whether the password meets today's policy.
    is_profile_updated: bool,
    /// The number of the user.
    user_id: i64,
    /// Proves who asks, for an hour.
    access_token: String,
    /// Gets new access tokens, as long as the session lasts.
    refresh_token: String,
}

impl From<SessionStatus> for SessionBody {
    fn from(status: SessionStatus) -> Self {
        let user = status.user;
        Self {
            is_authenticated: true,
            username: user.username.to_string(),
            email: user.email.to_string(),
            is_admin: user.is_staff,
            is_agreed_to_privacy_policy: status.agreement.is_settled(),
            // Whatever its name says: the Django service put the latest version here for everybody, and
            // its clients ask again when that is not the one they know.
            accepted_privacy_policy_version: status.agreement.latest,
            is_profile_updated: status.is_profile_updated,
            user_id: user.id.0,
            access_token: status.tokens.access,
            refresh_token: status.tokens.refresh,
        }
    }
}

impl WriteJson for SessionBody {
    fn json(&self) -> String {
        let Self {
            is_authenticated,
            is_admin,
            is_agreed_to_privacy_policy,
            is_profile_updated,
            user_id,
            access_token,
            refresh_token,
            username,
            email,
            accepted_privacy_policy_version,
        } = self;
        let truth = |it: &bool| if *it { "true" } else { "false" };
        let version = accepted_privacy_policy_version.as_deref();
        // Tokens have nothing in them that would have to be escaped.
        [
            r#"{"is_authenticated":"#,
            truth(is_authenticated),
            r#","username":"#,
            &quoted(username),
            r#","email":"#,
            &quoted(email),
            r#","is_admin":"#,
            truth(is_admin),
            r#","is_profile_updated":"#,
            truth(is_profile_updated),
            r#","is_agreed_to_privacy_policy":"#,
            truth(is_agreed_to_privacy_policy),
            r#","accepted_privacy_policy_version":"#,
            &version.map_or_else(|| "null".to_owned(), quoted),
            r#","user_id":"#,
            &user_id.to_string(),
            r#","access_token":""#,
            access_token,
            r#"","refresh_token":""#,
            refresh_token,
            r#""}"#,
        ]
        .concat()
    }
}

/// As JSON has it.
fn quoted(text: &str) -> String {
    let is_plain = |it: u8| it >= b' ' && !matches!(it, b'"' | b'\\');
    match text.bytes().all(is_plain) {
        true => ["\"", text, "\""].concat(),
        false => Value::from(text).to_string(),
    }
}

/// A session that has not ended.
#[derive(Object)]
pub(crate) struct SessionEntry {
    /// Its name, the claim `sid` of its tokens.
    id: String,
    /// `web`, `mobile`, `token` or `command-line`.
    kind: String,
    /// When it was opened.
    created_at: String,
    /// When it ends at the latest.
    expires_at: String,
    /// From where it was opened, if known.
    #[oai(nullable)]
    address: Option<String>,
    /// What the client called itself.
    #[oai(nullable)]
    user_agent: Option<String>,
    /// Whether it is the one that asks.
    is_current: bool,
}

impl SessionEntry {
    pub(crate) fn new(session: Session, current: SessionId) -> Self {
        Self {
            id: session.id.to_string(),
            kind: session.kind.as_str().to_owned(),
            created_at: session.created_at.to_string(),
            expires_at: session.expires_at.to_string(),
            address: session.address,
            user_agent: session.user_agent,
            is_current: session.id == current,
        }
    }
}
