//! Tokens: issued by the operator, or found somewhere and inspected.

use std::time::Duration;

use serde_json::{Map, Value};

use super::Operator;
use super::sessions::SessionError;
use super::users::UserError;
use crate::accounts::imported_tokens::imported_session_id;
use crate::accounts::login::MOST_SESSIONS;
use crate::accounts::session::{Rotation, TokenPair};
use crate::crypto::TokenKind;
use crate::domain::{Actor, Session, SessionId, SessionKind, Timestamp, User, UserId, UserRef};
use crate::failure::Failure;
use crate::store::sessions::{Opening, SeenSession};

/// Which tokens to issue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NewToken {
    /// An access token alone; its session lasts as long as it does.
    Access,
    Refresh,
    Pair,
}

/// The tokens of a session that the operator opened.
pub struct Tokens {
    /// Both; whoever asked for one drops the other.
    pub pair: TokenPair,
    pub session: Session,
}

/// What a token says, and what the server says of it.
#[derive(Clone, Debug)]
pub struct TokenReport {
    /// Whether the server takes it now.
    pub is_good: bool,
    /// Why it does not.
    pub faults: Vec<String>,
    /// How its header says it was signed.
    pub algorithm: String,
    /// The key that its header names.
    pub kid: Option<String>,
    /// To be believed only if `is_signed`.
    pub claims: Map<String, Value>,
    /// Whether a key of this installation signed it.
    pub is_signed: bool,
}

/// Why nothing was done about a token.
#[derive(Debug, thiserror::Error)]
pub enum TokenError {
    #[error("a token may live {} at most; ask for less, or raise session_ttl", in_words(*.0))]
    TooLong(Duration),
    /// It has not three parts of base64url with JSON in them.
    #[error("this is not a token; it should have three parts with dots between them")]
    NotAToken,
    /// Anybody could have written its claims.
    #[error(
        "no key of this installation signed the token, so nothing was done; \
         `session list` and `session revoke` end a session by its number"
    )]
    NotOurs,
    #[error("the token has no session here that could end: {0}")]
    NoSession(String),
    #[error(transparent)]
    Session(#[from] SessionError),
    #[error(transparent)]
    User(#[from] UserError),
    #[error(transparent)]
    Failed(#[from] Failure),
}

impl Operator {
    /// Opens a session for a user and returns its tokens. They obey the rules of any others: the
    /// session ends them, and so does deactivating the user.
    pub async fn issue_token(
        &self,
        user: &User,
        what: NewToken,
        ttl: Option<Duration>,
        caller: &Actor,
    ) -> Result<Tokens, TokenError> {
        let rules = &self.parts.rules;
        let most = rules.longest_session();
        let usual = match what {
            NewToken::Access => rules.access_ttl,
            NewToken::Refresh | NewToken::Pair => rules.token_session_ttl,
        };
        let lasts = ttl.unwrap_or(usual.min(most));
        if lasts > most {
            return Err(TokenError::TooLong(most));
        }
        let (accounts, kind) = (&self.accounts, SessionKind::CommandLine);
        let session = accounts.new_session(user.id, kind, lasts, caller)?;
        let (id, expires_at) = (session.id, session.expires_at);
        let mut pair = accounts.pair(id, user.id, expires_at, Rotation::NONE)?;
        if what == NewToken::Access {
            pair.access = accounts.access(id, user.id, expires_at)?;
        }
        let opening = Opening {
            session: session.clone(),
            checked: None,
            rehashed: None,
            attempts: Vec::new(),
            most: MOST_SESSIONS,
        };
        let (actor, by) = (caller.at(self.now()), &*caller.name);
        if !self.parts.store.open_session(opening, actor).await? {
            return Err(UserError::Inactive(user.username.to_string()).into());
        }
        tracing::info!(event = "authn_token_created", user_id = user.id.0, session = %id, by);
        Ok(Tokens { pair, session })
    }

    /// What a token says, and whether and why the server takes it or not.
    pub async fn inspect_token(&self, token: &str) -> Result<TokenReport, TokenError> {
        let inspected = self.parts.signer.inspect(token);
        let inspected = inspected.ok_or(TokenError::NotAToken)?;
        let kind = kind_of(&inspected.claims);
        let now = self.now();
        let mut faults = Vec::new();
        if !inspected.knows_key {
            faults.push("it names no key of this installation".to_owned());
        } else if !inspected.is_signed {
            faults.push("its signature is wrong".to_owned());
        } else {
            faults.extend(self.fault_of_issuer(&inspected.claims));
            faults.extend(self.faults_of_session(&inspected.claims, now).await?);
        }
        let end = inspected.claims.get("exp").and_then(Value::as_i64);
        if let Some(end) = end.map(Timestamp).filter(|it| *it <= now) {
            faults.push(format!("it expired at {end}"));
        }
        if faults.is_empty() {
            faults.extend(self.other_fault(token, kind, now).await?);
        }
        Ok(TokenReport {
            is_good: faults.is_empty(),
            faults,
            algorithm: inspected.algorithm,
            kid: inspected.kid,
            claims: inspected.claims,
            is_signed: inspected.is_signed,
        })
    }

    /// Why the server does not take a token of a session that lives.
    async fn other_fault(
        &self,
        token: &str,
        kind: TokenKind,
        now: Timestamp,
    ) -> Result<Option<String>, Failure> {
        let claims = match self.parts.signer.verify(token, kind, now) {
            Ok(claims) => claims,
            Err(fault) => return Ok(Some(fault.to_string().to_lowercase())),
        };
        let Some(id) = claims.session else {
            return Ok(None);
        };
        let session = self.parts.store.live_session(id, now).await?;
        let is_used_up = session.is_some_and(|it| self.accounts.is_used_up(&claims, &it, now));
        Ok(is_used_up.then(|| "it was exchanged for a newer refresh token".to_owned()))
    }

    /// The session of a token that a key of ours signed, expired or not.
    pub async fn session_of_token(
        &self,
        token: &str,
        caller: &Actor,
    ) -> Result<SeenSession, TokenError> {
        let report = self.inspect_token(token).await?;
        if !report.is_signed {
            return Err(TokenError::NotOurs);
        }
        let mut id = text(&report.claims, "sid").map(str::to_owned);
        if report.is_good && !report.claims.contains_key("sid") {
            let kind = kind_of(&report.claims);
            if let Ok(claims) = self.parts.signer.verify(token, kind, self.now()) {
                let imported = self.accounts.imported_session(&claims, caller).await?;
                id = imported.map(|it| it.to_string());
            }
        }
        let Some(id) = id else {
            return Err(TokenError::NoSession(report.faults.join("; ")));
        };
        Ok(self.find_live_session(&id).await?)
    }

    /// The tokens of the service before this one name no session and no issuer.
    fn fault_of_issuer(&self, claims: &Map<String, Value>) -> Option<String> {
        let is_from = text(claims, "iss").filter(|_| claims.contains_key("sid"))?;
        match self.parts.signer.issuer() {
            None => {
                Some("the setting public_url is missing, which is the issuer of ours".to_owned())
            }
            Some(ours) if ours.accepts(is_from) => None,
            Some(ours) => Some(format!(
                "its issuer is {is_from}, and ours is {}",
                ours.name()
            )),
        }
    }

    async fn faults_of_session(
        &self,
        claims: &Map<String, Value>,
        now: Timestamp,
    ) -> Result<Vec<String>, Failure> {
        let mut faults = Vec::new();
        let user = user_of(claims);
        let Some(sid) = claims.get("sid") else {
            return self.faults_of_imported(claims, user, now).await;
        };
        let session = match sid.as_str().and_then(SessionId::parse) {
            Some(id) => self.parts.store.session(id).await?,
            None => None,
        };
        match &session {
            None => faults.push("its session does not exist".to_owned()),
            Some(it) if Some(it.session.user) != user => {
                faults.push("its session is another user's".to_owned());
            }
            Some(SeenSession {
                ended_at: Some(at), ..
            }) => faults.push(format!("its session was ended at {at}")),
            Some(it) if it.session.expires_at <= now => {
                faults.push(format!("its session ran out at {}", it.session.expires_at));
            }
            Some(_) => {}
        }
        faults.extend(self.fault_of_user(user).await?);
        Ok(faults)
    }

    async fn faults_of_imported(
        &self,
        claims: &Map<String, Value>,
        user: Option<UserId>,
        now: Timestamp,
    ) -> Result<Vec<String>, Failure> {
        let mut faults: Vec<String> = self.fault_of_user(user).await?.into_iter().collect();
        let refused = match user {
            Some(id) => self.parts.store.refused_imported_tokens(id).await?,
            None => None,
        };
        let issued_at = claims.get("iat").and_then(Value::as_i64).map(Timestamp);
        faults.extend(match (refused, issued_at) {
            (None, _) if faults.is_empty() => {
                Some("its user did not come from the service that issued it".to_owned())
            }
            (Some(it), Some(at)) if at < it.before => {
                Some(format!("its user was made after it, at {}", it.before))
            }
            (Some(it), Some(at)) if at <= it.up_to => Some(format!(
                "the imported tokens of its user were ended at {}",
                it.up_to
            )),
            _ => None,
        });
        let (Some(at), Some(id)) = (issued_at, text(claims, "jti")) else {
            return Ok(faults);
        };
        let (store, session) = (&self.parts.store, imported_session_id(at, id));
        if store.is_refused_token(session).await? {
            faults.push("the service before this one had blacklisted it".to_owned());
        }
        if at.plus(self.parts.rules.longest_session()) <= now {
            faults.push("since it was issued, the longest session would have run out".to_owned());
        }
        let seen = store.session(session).await?;
        if let (Some(ended), true) = (seen.and_then(|it| it.ended_at), faults.is_empty()) {
            faults.push(format!("its session was ended at {ended}"));
        }
        Ok(faults)
    }

    async fn fault_of_user(&self, user: Option<UserId>) -> Result<Option<String>, Failure> {
        let Some(id) = user else {
            return Ok(None);
        };
        let fault = match self.parts.store.user(&UserRef::Id(id)).await? {
            None => "its user does not exist",
            Some(user) if !user.is_active => "its user is inactive",
            Some(_) => return Ok(None),
        };
        Ok(Some(fault.to_owned()))
    }
}

/// In the largest unit of which it is a whole number.
fn in_words(time: Duration) -> String {
    let seconds = time.as_secs();
    let units = [(86_400, "days"), (3600, "hours"), (60, "minutes")];
    let unit = units.into_iter().find(|it| seconds.is_multiple_of(it.0));
    let (size, name) = unit.unwrap_or((1, "seconds"));
    format!("{} {name}", seconds / size)
}

fn kind_of(claims: &Map<String, Value>) -> TokenKind {
    match text(claims, "token_type") {
        Some("refresh") => TokenKind::Refresh,
        _ => TokenKind::Access,
    }
}

/// As a number, or as a text, which newer versions of SimpleJWT write.
fn user_of(claims: &Map<String, Value>) -> Option<UserId> {
    let id = claims.get("user_id")?;
    id.as_i64()
        .or_else(|| id.as_str()?.parse().ok())
        .map(UserId)
}

fn text<'a>(claims: &'a Map<String, Value>, name: &str) -> Option<&'a str> {
    claims.get(name).and_then(Value::as_str)
}
