//! What a session can do: prove who asks, give new tokens, end.

use std::sync::Arc;

use super::Accounts;
use crate::crypto::{Claims, Origin, TokenFault, TokenKind, sha256};
use crate::domain::{
    Actor, Agreement, LiveSession, ROTATION_GRACE, SessionId, Timestamp, User, UserId, UserRef,
    hexadecimal,
};
use crate::failure::Failure;

/// The tokens of a session.
#[derive(Clone)]
pub struct TokenPair {
    pub access: String,
    pub refresh: String,
}

/// Who is logged in, as login and check-auth-status tell it.
pub struct SessionStatus {
    pub user: Arc<User>,
    /// They end no later than the session does.
    pub tokens: TokenPair,
    /// Whether the profile is filled in; after a login also whether the password could still be
    /// chosen today.
    pub is_profile_updated: bool,
    /// What the user has said to the latest privacy policy.
    pub agreement: Agreement,
}

pub struct Refreshed {
    pub access: String,
    /// The next refresh token, if refresh tokens are good only once.
    pub refresh: Option<String>,
}

/// How often the refresh token of a session was rotated, and when that was last.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Rotation {
    count: i64,
    at: Timestamp,
}

impl Rotation {
    /// Never, so far.
    pub(crate) const NONE: Self = Self {
        count: 0,
        at: Timestamp(0),
    };

    fn of(session: &LiveSession) -> Self {
        Self {
            count: session.rotations,
            at: session.rotated_at,
        }
    }
}

/// Why a refresh token got nothing.
#[derive(Debug, thiserror::Error)]
pub enum RefreshError {
    /// It is not good, or its session has ended.
    #[error(transparent)]
    Token(#[from] TokenFault),
    #[error(transparent)]
    Failed(#[from] Failure),
}

/// Why a bearer token does not prove who asks.
#[derive(Debug, thiserror::Error)]
pub enum BearerError {
    /// It is not good, or its session has ended.
    #[error(transparent)]
    Token(#[from] TokenFault),
    #[error("its user does not exist any more")]
    UserNotFound,
    #[error("its user may not log in")]
    UserInactive,
    #[error(transparent)]
    Failed(#[from] Failure),
}

impl Accounts {
    /// The session that a bearer token belongs to.
    pub async fn bearer(&self, token: &str, caller: &Actor) -> Result<LiveSession, BearerError> {
        let now = self.now();
        let claims = self
            .verified::<BearerError>(token, TokenKind::Access)
            .await?;
        if let Some(session) = self.session_of(&claims, now, caller).await? {
            return Ok(session);
        }
        match self.parts.store.user(&UserRef::Id(claims.user)).await? {
            None => Err(BearerError::UserNotFound),
            Some(user) if !user.is_active => Err(BearerError::UserInactive),
            Some(_) => Err(TokenFault::Invalid.into()),
        }
    }

    /// The session that a cookie belongs to.
    pub async fn cookie(&self, secret: &str) -> Result<Option<LiveSession>, Failure> {
        let (store, digest) = (&self.parts.store, sha256(secret.as_bytes()));
        match store.session_of_cookie(&digest).await? {
            Some(id) => store.live_session(id, self.now()).await,
            None => Ok(None),
        }
    }

    /// What a session says of its user. Nothing is written: asking lengthens nothing.
    pub fn status(&self, session: LiveSession) -> Result<SessionStatus, Failure> {
        let (id, user) = (session.id, session.user.id);
        Ok(SessionStatus {
            tokens: self.pair(id, user, session.expires_at, Rotation::of(&session))?,
            user: session.user,
            is_profile_updated: session.has_profile,
            agreement: session.agreement,
        })
    }

    /// Ends a session. When this returns, its tokens and its cookie are dead, on the disk too.
    pub async fn logout(&self, session: &LiveSession, caller: &Actor) -> Result<(), Failure> {
        let (id, actor) = (session.id, caller.at(self.now()));
        // Ending it twice is as good as once.
        self.parts.store.end_session(id, "logout", actor).await?;
        tracing::info!(event = "session_logout", user_id = session.user.id.0, session = %id);
        Ok(())
    }

    /// A new access token for the session of a refresh token.
    pub async fn refresh(&self, token: &str, caller: &Actor) -> Result<Refreshed, RefreshError> {
        let now = self.now();
        let claims = self
            .verified::<RefreshError>(token, TokenKind::Refresh)
            .await?;
        let session = self
            .session_of(&claims, now, caller)
            .await?
            .ok_or(TokenFault::Invalid)?;
        // An imported token has no successor: its session's own tokens have.
        let rotation = if self.parts.rules.rotate_refresh && claims.session.is_some() {
            Some(self.rotate(&session, &claims.id, now, caller).await?)
        } else {
            None
        };
        let (id, user) = (session.id, session.user.id);
        let pair = self.pair(
            id,
            user,
            session.expires_at,
            rotation.unwrap_or(Rotation::NONE),
        )?;
        Ok(Refreshed {
            access: pair.access,
            refresh: rotation.map(|_| pair.refresh),
        })
    }

    /// Whether a token of either kind is good. Nothing is done with it.
    pub async fn check_token(&self, token: &str, caller: &Actor) -> Result<(), RefreshError> {
        let now = self.now();
        let claims = match self.verified(token, TokenKind::Access).await {
            Err(RefreshError::Token(TokenFault::WrongType)) => {
                self.verified::<RefreshError>(token, TokenKind::Refresh)
                    .await?
            }
            checked => checked?,
        };
        let session = self.session_of(&claims, now, caller).await?;
        let session = session.ok_or(TokenFault::Invalid)?;
        if self.is_used_up(&claims, &session, now) {
            return Err(TokenFault::Invalid.into());
        }
        Ok(())
    }

    /// Whether a refresh token was exchanged for a newer one, too long ago to be good once more.
    pub(crate) fn is_used_up(
        &self,
        claims: &Claims,
        session: &LiveSession,
        now: Timestamp,
    ) -> bool {
        self.parts.rules.rotate_refresh
            && claims.kind == TokenKind::Refresh
            && claims.session.is_some()
            && successor(session, &claims.id, now).is_none()
    }

    /// Ends the session of a refresh token.
    pub async fn blacklist(&self, token: &str, caller: &Actor) -> Result<(), RefreshError> {
        let now = self.now();
        let claims = self
            .verified::<RefreshError>(token, TokenKind::Refresh)
            .await?;
        let session = self.session_of(&claims, now, caller).await?;
        let session = session.ok_or(TokenFault::Invalid)?;
        Ok(self.logout(&session, caller).await?)
    }

    /// Turns the current refresh token into the next one and returns that. The one before gets
    /// the same successor for a short while. If an older one comes back, it or its successor was
    /// stolen: that ends the session (RFC 9700, section 4.14.2).
    async fn rotate(
        &self,
        session: &LiveSession,
        token_id: &str,
        now: Timestamp,
        caller: &Actor,
    ) -> Result<Rotation, RefreshError> {
        let (id, current, store) = (session.id, session.rotations, &self.parts.store);
        match successor(session, token_id, now) {
            Some(next) if next.count > current => {
                // Of two requests with the same token, both get the same successor.
                store.rotate(id, current, now).await?;
                return Ok(next);
            }
            Some(next) => return Ok(next),
            None => {}
        }
        let why = "refresh token reused";
        store.end_session(id, why, caller.at(now)).await?;
        tracing::warn!(event = "authn_token_reuse", user_id = session.user.id.0, session = %id);
        Err(TokenFault::Invalid.into())
    }

    async fn session_of(
        &self,
        claims: &Claims,
        now: Timestamp,
        caller: &Actor,
    ) -> Result<Option<LiveSession>, Failure> {
        let named = match claims.session {
            Some(id) => Some(id),
            None => self.imported_session(claims, caller).await?,
        };
        let Some(id) = named else {
            return Ok(None);
        };
        let session = self.parts.store.live_session(id, now).await?;
        Ok(session.filter(|it| it.user.id == claims.user))
    }

    /// The tokens of a session as of now.
    pub(crate) fn pair(
        &self,
        session: SessionId,
        user: UserId,
        expires_at: Timestamp,
        rotation: Rotation,
    ) -> Result<TokenPair, Failure> {
        let now = self.now();
        let access_ends = now.plus(self.parts.rules.access_ttl).min(expires_at);
        let access = self.access(session, user, access_ends)?;
        // All of it follows from the session, so whoever asks again gets the same token again.
        let origin = Origin {
            session,
            user,
            issued_at: session.opened_at().max(rotation.at).min(now),
            expires_at,
            rotations: rotation.count,
        };
        let refresh = self.parts.signer.sign_often(&origin, || Claims {
            kind: TokenKind::Refresh,
            issued_at: origin.issued_at,
            expires_at,
            id: refresh_id(session, rotation.count),
            user,
            session: Some(session),
        })?;
        Ok(TokenPair { access, refresh })
    }

    pub(crate) fn access(
        &self,
        session: SessionId,
        user: UserId,
        expires_at: Timestamp,
    ) -> Result<String, Failure> {
        let id = self.parts.random.id()?;
        self.parts.signer.sign(&Claims {
            kind: TokenKind::Access,
            issued_at: self.now(),
            expires_at,
            id: hexadecimal(&id),
            user,
            session: Some(session),
        })
    }
}

/// The refresh token that may replace this one; None if this one is too old.
fn successor(session: &LiveSession, token_id: &str, now: Timestamp) -> Option<Rotation> {
    let (id, current) = (session.id, session.rotations);
    if token_id == refresh_id(id, current) {
        let count = current + 1;
        return Some(Rotation { count, at: now });
    }
    // A second or two before it was rotated, the clock was put right. Much before, it was set back, and
    // nobody knows how long ago that was.
    let since = now.seconds_since(session.rotated_at);
    let in_grace = (-ROTATION_GRACE..=ROTATION_GRACE).contains(&since);
    let is_previous = current > 0 && token_id == refresh_id(id, current - 1);
    (in_grace && is_previous).then(|| Rotation::of(session))
}

/// The `jti` of a session's refresh token after `rotations`. It follows from the two, so that
/// a repeated request gets the same token and none has to be stored.
fn refresh_id(session: SessionId, rotations: i64) -> String {
    let digest = sha256(&[session.0.as_slice(), &rotations.to_be_bytes()].concat());
    hexadecimal(&digest[..16])
}
