//! Logging in: the only place where a password opens a session.

use std::time::Duration;

use super::session::TokenPair;
use super::{Accounts, Trouble};
use crate::crypto::{Verdict, sha256};
use crate::domain::Actor;
use crate::domain::{
    Agreement, Password, Profile, Session, SessionId, SessionKind, User, UserId, UserRef,
};
use crate::failure::Failure;
use crate::store::attempts::Attempt;
use crate::store::credentials::Credentials;
use crate::store::sessions::Opening;

/// A user has at most so many sessions; a further login ends the oldest (OWASP ASVS 5.0, 7.1.2).
pub(crate) const MOST_SESSIONS: usize = 50;

/// A session was opened.
pub struct LoggedIn {
    /// Whose it is.
    pub user: User,
    /// Its tokens.
    pub tokens: TokenPair,
    /// The secret of its cookie, if it has one.
    pub cookie: Option<String>,
    /// How long it lasts at the most.
    pub lasts: Duration,
    /// Whether the profile is complete and the password could still be chosen today.
    pub is_profile_updated: bool,
    /// What the user has said to the latest privacy policy.
    pub agreement: Agreement,
}

/// Why no session was opened.
#[derive(Debug)]
pub enum LoginError {
    /// Unknown, inactive, wrong or missing: it is never said which.
    WrongCredentials,
    /// Not served.
    Trouble(Trouble),
}

impl<T: Into<Trouble>> From<T> for LoginError {
    fn from(trouble: T) -> Self {
        Self::Trouble(trouble.into())
    }
}

impl Accounts {
    /// Opens a session for whoever `typed` names, by address or user name, if `password` is theirs.
    /// Every refusal takes the time of one hash.
    ///
    /// # Errors
    /// [`LoginError::WrongCredentials`], or why it was not tried.
    pub async fn login(
        &self,
        typed: &str,
        password: &str,
        kind: SessionKind,
        caller: &Actor,
    ) -> Result<LoggedIn, LoginError> {
        let found = self.find_credentials(typed).await?;
        let attempts = attempts_key(found.as_ref().map(|it| it.user.id), typed);
        let counted = self.parts.rules.throttle && !typed.is_empty() && !password.is_empty();
        let enabled = !counted || self.count_attempt(&attempts).await?;

        let password = Password::attempt(password);
        let may_log_in = found.as_ref().filter(|it| it.user.is_active && enabled);
        let hash = may_log_in.and_then(|it| it.password_hash.as_deref());
        let verdict = self.parts.hasher.verify(password.clone(), hash).await?;
        let (Verdict::Right { outdated }, Some(found)) = (verdict, &found) else {
            tracing::info!(
                event = "authn_login_fail",
                user_id = found.map(|it| it.user.id.0)
            );
            return Err(LoginError::WrongCredentials);
        };

        let rehashed = if outdated {
            Some(self.parts.hasher.hash(password.clone()).await?)
        } else {
            None
        };
        let opening = Opening {
            session: self.new_session(found.user.id, kind, caller)?,
            checked: found.password_hash.clone(),
            rehashed,
            attempts: Some(attempts),
            most: MOST_SESSIONS,
        };
        let is_profile_updated =
            found.profile.is_complete() && self.is_good(&password, &found.user, &found.profile);
        self.open(found.user.clone(), opening, is_profile_updated, caller)
            .await
    }

    async fn find_credentials(&self, typed: &str) -> Result<Option<Credentials>, Failure> {
        for who in UserRef::candidates(typed, false) {
            if let Some(found) = self.parts.store.credentials(&who).await? {
                return Ok(Some(found));
            }
        }
        Ok(None)
    }

    /// False if only a reset of the password helps any more.
    async fn count_attempt(&self, key: &[u8]) -> Result<bool, Trouble> {
        match self
            .parts
            .store
            .reserve_attempt(key.to_vec(), self.now())
            .await?
        {
            Attempt::Allowed => Ok(true),
            Attempt::Wait(seconds) => {
                tracing::warn!(event = "excess_rate_limit_exceeded", limit = "account");
                Err(Trouble::TooMany(seconds))
            }
            Attempt::Disabled => {
                tracing::warn!(event = "authn_login_lock");
                Ok(false)
            }
        }
    }

    /// Whether the password could be chosen today.
    fn is_good(&self, password: &Password, user: &User, profile: &Profile) -> bool {
        password
            .check(self.parts.rules.password, &names_of(user, profile))
            .is_ok()
    }

    fn new_session(
        &self,
        user: UserId,
        kind: SessionKind,
        caller: &Actor,
    ) -> Result<Session, Failure> {
        let rules = &self.parts.rules;
        let lasts = match kind {
            SessionKind::Web => rules.session_ttl,
            SessionKind::Mobile => rules.mobile_session_ttl,
            SessionKind::Token | SessionKind::CommandLine | SessionKind::Imported => {
                rules.token_session_ttl
            }
        };
        let now = self.now();
        Ok(Session {
            id: SessionId::new(now, self.parts.random.bytes()?),
            user,
            kind,
            created_at: now,
            expires_at: now.plus(lasts),
            address: caller.address.clone(),
            user_agent: caller.user_agent.clone(),
            cookie_digest: None,
        })
    }

    async fn open(
        &self,
        user: User,
        mut opening: Opening,
        is_profile_updated: bool,
        caller: &Actor,
    ) -> Result<LoggedIn, LoginError> {
        let with_cookie = matches!(opening.session.kind, SessionKind::Web | SessionKind::Mobile);
        let cookie = if with_cookie {
            Some(self.parts.random.secret()?)
        } else {
            None
        };
        opening.session.cookie_digest = cookie.as_deref().map(|secret| sha256(secret.as_bytes()));
        let Session {
            id,
            expires_at,
            created_at: opened_at,
            ..
        } = opening.session;
        // Signed before it is stored: a session without tokens helps nobody.
        let tokens = self.pair(id, user.id, expires_at, 0)?;
        if !self
            .parts
            .store
            .open_session(opening, caller.at(self.now()))
            .await?
        {
            return Err(LoginError::WrongCredentials);
        }
        tracing::info!(event = "authn_login_success", user_id = user.id.0, session = %id);
        let agreement = self.agreement(user.id).await?;
        let lasts = Duration::from_secs(expires_at.seconds_since(opened_at).unsigned_abs());
        Ok(LoggedIn {
            user,
            tokens,
            cookie,
            lasts,
            is_profile_updated,
            agreement,
        })
    }
}

/// The names that a password of this account may not be.
pub(crate) fn names_of<'a>(user: &'a User, profile: &'a Profile) -> [&'a str; 6] {
    [
        user.username.as_str(),
        user.email.as_str(),
        user.email.local_part(),
        &user.first_name,
        &user.last_name,
        &profile.organisation_name,
    ]
}

/// One counter for an account, however it is called; one for each name that calls nobody, in the form
/// that names are compared in: its other spellings must not tell that nobody has it.
pub(crate) fn attempts_key(user: Option<UserId>, typed: &str) -> Vec<u8> {
    match user {
        Some(id) => [b"user:".as_slice(), &id.0.to_be_bytes()].concat(),
        None => {
            let name = match UserRef::candidates(typed, false).into_iter().next() {
                Some(UserRef::Email(email)) => email.canonical().to_owned(),
                Some(UserRef::Username(username)) => username.canonical().to_owned(),
                Some(UserRef::Id(_)) | None => typed.to_lowercase(),
            };
            [b"name:".as_slice(), &sha256(name.as_bytes())].concat()
        }
    }
}
