//! Logging in: the only place where a password opens a session.

use std::sync::Arc;
use std::time::Duration;

use super::attempts::{Counted, counter_of_name, counters_of};
use super::password::names_of;
use super::session::{Rotation, SessionStatus};
use super::{Accounts, Trouble};
use crate::crypto::{HashError, MOST_HASHES, Verdict, sha256};
use crate::domain::{Actor, Password, Session, SessionId, SessionKind, UserId, UserRef};
use crate::failure::Failure;
use crate::store::attempts::counter_of;
use crate::store::credentials::Credentials;
use crate::store::sessions::Opening;

/// A further login ends the oldest session of its user (OWASP ASVS 5.0, 7.1.2).
pub(crate) const MOST_SESSIONS: usize = 50;

/// An open session.
pub struct LoggedIn {
    pub status: SessionStatus,
    /// The secret of its cookie, if it has one.
    pub cookie: Option<String>,
    /// How long it lasts at the most.
    pub lasts: Duration,
}

/// Why no session was opened.
#[derive(Debug)]
pub enum LoginError {
    /// Unknown, inactive, wrong or missing: it is never said which.
    WrongCredentials,
    Trouble(Trouble),
}

impl<T: Into<Trouble>> From<T> for LoginError {
    fn from(trouble: T) -> Self {
        Self::Trouble(trouble.into())
    }
}

impl Accounts {
    /// Opens a session for whoever `typed` names, by address or user name, if `password` is theirs.
    /// Every refusal takes the same time, whatever is wrong.
    pub async fn login(
        &self,
        typed: &str,
        password: &str,
        kind: SessionKind,
        caller: &Actor,
    ) -> Result<LoggedIn, LoginError> {
        let found = self.find_credentials(typed).await?;
        let password = Password::attempt(password);
        let (verdict, counted) = self.try_password(typed, &password, found.as_ref()).await?;
        let (Verdict::Right { outdated, hashes }, Some(found)) = (verdict, &found) else {
            counted.was_evaluated();
            let user_id = found.map(|it| it.user.id.0);
            tracing::info!(event = "authn_login_fail", user_id);
            return Err(LoginError::WrongCredentials);
        };
        let rehashed = match outdated {
            true => self.rehash(password.clone()).await,
            false => None,
        };

        let user = found.user.clone();
        let lasts = self.lasts(kind);
        let mut session = self.new_session(user.id, kind, lasts, caller)?;
        let cookie = self.new_cookie(&mut session)?;
        // Signed before it is stored: a session without tokens helps nobody.
        let tokens = self.pair(session.id, user.id, session.expires_at, Rotation::NONE)?;
        let id = session.id;
        let opening = Opening {
            session,
            checked: found.password_hash.clone(),
            rehashed,
            attempts: counters_of(&found.user),
            most: MOST_SESSIONS,
        };
        let spare = outdated.then(|| MOST_HASHES.saturating_sub(hashes + 1));
        // Before there is a session: one whose tokens nobody gets would stay open.
        let agreement = self.agreement(user.id).await?;
        // What was right is no guess, if there is no session for want of a database.
        let is_open = self.open(opening, &password, spare, caller).await?;
        counted.was_evaluated();
        if !is_open {
            tracing::info!(event = "authn_login_fail", user_id = user.id.0);
            return Err(LoginError::WrongCredentials);
        }
        tracing::info!(event = "authn_login_success", user_id = user.id.0, session = %id);
        let status = SessionStatus {
            is_profile_updated: found.profile.is_complete() && self.is_good(&password, found),
            agreement,
            user: Arc::new(user),
            tokens,
        };
        Ok(LoggedIn {
            status,
            cookie,
            lasts,
        })
    }

    /// Opens a session, if the password is still the one that was checked. Where the hash was outdated,
    /// another login may have put one of today's cost in its place meanwhile: then the password is checked
    /// against that one, if a hash is to spare.
    async fn open(
        &self,
        opening: Opening,
        password: &Password,
        spare: Option<usize>,
        caller: &Actor,
    ) -> Result<bool, Trouble> {
        let store = &self.parts.store;
        let user = opening.session.user;
        let opened = store.open_session(opening.clone(), caller.at(self.now()));
        let is_open = opened.await?;
        let (false, Some(spare)) = (is_open, spare) else {
            return Ok(is_open);
        };
        let now = store.credentials(&UserRef::Id(user)).await?;
        let Some(now) = now.filter(|it| it.user.is_active && it.password_hash.is_some()) else {
            return Ok(false);
        };
        if spare == 0 {
            return Err(Trouble::Busy(1));
        }
        let hash = now.password_hash.as_deref();
        let verdict = self.parts.hasher.verify(password.clone(), hash).await?;
        if !matches!(verdict, Verdict::Right { .. }) {
            return Ok(false);
        }
        let opening = Opening {
            checked: now.password_hash,
            rehashed: None,
            ..opening
        };
        let opened = store.open_session(opening, caller.at(self.now()));
        Ok(opened.await?)
    }

    async fn find_credentials(&self, typed: &str) -> Result<Option<Credentials>, Failure> {
        for who in UserRef::candidates(typed, false) {
            if let Some(found) = self.parts.store.credentials(&who).await? {
                return Ok(Some(found));
            }
        }
        Ok(None)
    }

    /// Whether the password is that of whoever was found under the name that was typed; and the attempt, which is
    /// still to be told that it was evaluated.
    async fn try_password(
        &self,
        typed: &str,
        password: &Password,
        found: Option<&Credentials>,
    ) -> Result<(Verdict, Counted<'_>), Trouble> {
        let is_blank = typed.is_empty() || password.as_bytes().is_empty();
        let counted = if self.parts.rules.throttle && !is_blank {
            let account = found.map(|it| counter_of(it.user.id));
            self.count_attempt(counter_of_name(typed), account).await?
        } else {
            self.uncounted()
        };
        let tried = found.filter(|it| it.user.is_active && counted.may_be_right);
        let hash = tried.and_then(|it| it.password_hash.as_deref());
        let verdict = self.parts.hasher.verify(password.clone(), hash).await?;
        Ok((verdict, counted))
    }

    /// A hash of today's cost. None if there is no place for it now: a login that was right is not
    /// refused for that, and the next one tries again.
    async fn rehash(&self, password: Password) -> Option<String> {
        match self.parts.hasher.hash(password).await {
            Ok(hash) => Some(hash),
            Err(HashError::Busy) => None,
            Err(HashError::Failed(failure)) => {
                failure.log();
                None
            }
        }
    }

    /// Whether the password could be chosen today.
    fn is_good(&self, password: &Password, owner: &Credentials) -> bool {
        let names = names_of(&owner.user, &owner.profile);
        password.check(self.parts.rules.password, &names).is_ok()
    }

    fn lasts(&self, kind: SessionKind) -> Duration {
        let rules = &self.parts.rules;
        match kind {
            SessionKind::Web => rules.session_ttl,
            SessionKind::Mobile => rules.mobile_session_ttl,
            SessionKind::Token | SessionKind::CommandLine | SessionKind::Imported => {
                rules.token_session_ttl
            }
        }
    }

    pub(crate) fn new_session(
        &self,
        user: UserId,
        kind: SessionKind,
        lasts: Duration,
        caller: &Actor,
    ) -> Result<Session, Failure> {
        let now = self.now();
        Ok(Session {
            id: SessionId::new(now, self.parts.random.bytes()?),
            user,
            kind,
            created_at: now,
            expires_at: now.plus(lasts),
            address: caller.address.map(|it| it.to_string()),
            user_agent: caller.user_agent.clone(),
            cookie_digest: None,
        })
    }

    /// Gives a browser's session a cookie, and returns its secret.
    fn new_cookie(&self, session: &mut Session) -> Result<Option<String>, Failure> {
        if !matches!(session.kind, SessionKind::Web | SessionKind::Mobile) {
            return Ok(None);
        }
        let secret = self.parts.random.secret()?;
        session.cookie_digest = Some(sha256(secret.as_bytes()));
        Ok(Some(secret))
    }
}
