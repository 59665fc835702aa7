//! What the operator does about everybody's sessions and about tokens that turned up somewhere.

use serde_json::{Map, Value};

use super::Operator;
use crate::crypto::TokenKind;
use crate::domain::Actor;
use crate::domain::{Session, SessionId, Timestamp, UserId, UserRef};
use crate::failure::Failure;
use crate::store::sessions::SeenSession;

/// A token under the magnifying glass.
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
    /// What it says; to be believed only if `is_signed`.
    pub claims: Map<String, Value>,
    /// Whether a key of this installation signed it.
    pub is_signed: bool,
}

/// Why the operator was refused.
#[derive(Debug, thiserror::Error)]
pub enum SessionError {
    /// There is none of that number, or it has ended.
    #[error("there is no live session {0:?}; `session list` shows them")]
    NoSuchSession(String),
    /// It has not three parts of base64url with JSON in them.
    #[error("this is not a token; it should have three parts with dots between them")]
    NotAToken,
    /// Anybody could have written its claims.
    #[error(
        "no key of this installation signed the token, so nothing was done; \
         `session list` and `session revoke` end a session by its number"
    )]
    NotOurs,
    /// Something broke.
    #[error(transparent)]
    Failed(#[from] Failure),
}

impl Operator {
    /// Live sessions of everybody, the youngest first, a page at a time.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn live_sessions(
        &self,
        before: Option<SessionId>,
        limit: usize,
    ) -> Result<Vec<SeenSession>, Failure> {
        let store = &self.parts.store;
        store.live_sessions(self.now(), before, limit).await
    }

    /// Live sessions of a user, the youngest first.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn live_sessions_of(&self, user: UserId) -> Result<Vec<Session>, Failure> {
        self.parts.store.sessions_of(user, self.now()).await
    }

    /// The live session of that number.
    ///
    /// # Errors
    /// [`SessionError::NoSuchSession`], or what broke.
    pub async fn find_live_session(&self, typed: &str) -> Result<SeenSession, SessionError> {
        let found = match SessionId::parse(typed) {
            Some(id) => self.parts.store.session(id).await?,
            None => None,
        };
        found
            .filter(|it| it.ended_at.is_none() && it.session.expires_at > self.now())
            .ok_or_else(|| SessionError::NoSuchSession(typed.to_owned()))
    }

    /// Ends a session. False if it had ended before.
    ///
    /// # Errors
    /// If it could not be written.
    pub async fn revoke_session(&self, id: SessionId, caller: &Actor) -> Result<bool, Failure> {
        let actor = caller.at(self.now());
        self.parts.store.end_session(id, "revoked", actor).await
    }

    /// Ends all sessions of a user, and returns how many.
    ///
    /// # Errors
    /// If it could not be written.
    pub async fn revoke_sessions_of(&self, user: UserId, caller: &Actor) -> Result<usize, Failure> {
        let actor = caller.at(self.now());
        self.parts.store.end_sessions_of(user, None, actor).await
    }

    /// Ends every session there is, and returns how many.
    ///
    /// # Errors
    /// If it could not be written.
    pub async fn revoke_all_sessions(&self, caller: &Actor) -> Result<usize, Failure> {
        let actor = caller.at(self.now());
        self.parts.store.end_all_sessions(actor).await
    }

    /// What a token says, and whether and why the server takes it or not.
    ///
    /// # Errors
    /// [`SessionError::NotAToken`], or what broke.
    pub async fn inspect_token(&self, token: &str) -> Result<TokenReport, SessionError> {
        let dissected = self
            .parts
            .signer
            .inspect(token)
            .ok_or(SessionError::NotAToken)?;
        let kind = kind_of(&dissected.claims);
        let now = self.now();
        let mut faults = Vec::new();
        if !dissected.knows_key {
            faults.push("it names no key of this installation".to_owned());
        } else if !dissected.is_signed {
            faults.push("its signature is wrong".to_owned());
        } else {
            faults.extend(self.faults_of_session(&dissected.claims, now).await?);
        }
        let end = dissected.claims.get("exp").and_then(Value::as_i64);
        if let Some(end) = end.map(Timestamp).filter(|it| *it <= now) {
            faults.push(format!("it expired at {end}"));
        }
        let verified = self.parts.signer.verify(token, kind, now);
        if let (Err(fault), true) = (&verified, faults.is_empty()) {
            faults.push(fault.to_string().to_lowercase());
        }
        Ok(TokenReport {
            is_good: faults.is_empty(),
            faults,
            algorithm: dissected.algorithm,
            kid: dissected.kid,
            claims: dissected.claims,
            is_signed: dissected.is_signed,
        })
    }

    async fn faults_of_session(
        &self,
        claims: &Map<String, Value>,
        now: Timestamp,
    ) -> Result<Vec<String>, Failure> {
        let mut faults = Vec::new();
        let user = user_of(claims);
        let Some(sid) = claims.get("sid") else {
            return self.faults_of_imported(claims, user).await;
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
    ) -> Result<Vec<String>, Failure> {
        let mut faults: Vec<String> = self.fault_of_user(user).await?.into_iter().collect();
        let ended_at = match user {
            Some(id) => self.parts.store.imported_tokens_ended_at(id).await?,
            None => None,
        };
        let issued_at = claims.get("iat").and_then(Value::as_i64).map(Timestamp);
        if let Some(at) = ended_at.filter(|at| issued_at.is_some_and(|it| it <= *at)) {
            faults.push(format!(
                "the imported tokens of its user were ended at {at}"
            ));
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

    /// The session of a token that a key of ours signed, expired or not.
    ///
    /// # Errors
    /// [`SessionError::NotAToken`], [`SessionError::NotOurs`], [`SessionError::NoSuchSession`], or what broke.
    pub async fn session_of_token(
        &self,
        token: &str,
        caller: &Actor,
    ) -> Result<SeenSession, SessionError> {
        let report = self.inspect_token(token).await?;
        if !report.is_signed {
            return Err(SessionError::NotOurs);
        }
        if report.is_good && !report.claims.contains_key("sid") {
            let kind = kind_of(&report.claims);
            let claims = self.parts.signer.verify(token, kind, self.now());
            let imported = match claims {
                Ok(claims) => {
                    self.accounts
                        .session_of_imported_token(&claims, caller)
                        .await?
                }
                Err(_) => None,
            };
            let id = imported.map(|it| it.to_string()).unwrap_or_default();
            return self.find_live_session(&id).await;
        }
        let id = text(&report.claims, "sid").unwrap_or_default();
        self.find_live_session(id).await
    }
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
