//! A session as several endpoints tell it.

use poem_openapi::Object;

use crate::accounts::session::SessionStatus;
use crate::domain::{Session, SessionId, push_json};
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
        let user = &status.user;
        Self {
            is_authenticated: true,
            username: user.username.as_str().to_owned(),
            email: user.email.as_str().to_owned(),
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
        let tokens = access_token.len() + refresh_token.len();
        let mut json = String::with_capacity(tokens + username.len() + email.len() + 400);
        json.push_str(r#"{"is_authenticated":"#);
        json.push_str(truth(is_authenticated));
        json.push_str(r#","username":"#);
        push_json(username, &mut json);
        json.push_str(r#","email":"#);
        push_json(email, &mut json);
        json.push_str(r#","is_admin":"#);
        json.push_str(truth(is_admin));
        json.push_str(r#","is_profile_updated":"#);
        json.push_str(truth(is_profile_updated));
        json.push_str(r#","is_agreed_to_privacy_policy":"#);
        json.push_str(truth(is_agreed_to_privacy_policy));
        json.push_str(r#","accepted_privacy_policy_version":"#);
        match accepted_privacy_policy_version {
            Some(version) => push_json(version, &mut json),
            None => json.push_str("null"),
        }
        json.push_str(r#","user_id":"#);
        json.push_str(&user_id.to_string());
        // Tokens have nothing in them that would have to be escaped.
        json.push_str(r#","access_token":""#);
        json.push_str(access_token);
        json.push_str(r#"","refresh_token":""#);
        json.push_str(refresh_token);
        json.push_str(r#""}"#);
        json
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
