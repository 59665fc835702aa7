//! A forgotten password: asking for the mail, and using its link.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::login::{attempts_key, names_of};
use super::{Accounts, Caller, Trouble};
use crate::crypto::LinkToken;
use crate::domain::{Email, Invalid, Password, Rule, User, UserId, UserRef};
use crate::failure::Failure;
use crate::mail::PASSWORD_RESET;
use crate::store::{Credentials, NewLink};

/// So many reset mails an account gets in an hour at most (OWASP Forgot Password Cheat Sheet).
const MOST_PER_HOUR: usize = 5;

/// Why a password was not set.
#[derive(Debug)]
pub enum ResetError {
    /// The link was used, has expired, or never was one.
    BadLink,
    /// The password broke a rule.
    Invalid(Invalid),
    /// Not served.
    Trouble(Trouble),
}

impl<T: Into<Trouble>> From<T> for ResetError {
    fn from(trouble: T) -> Self {
        Self::Trouble(trouble.into())
    }
}

impl Accounts {
    /// Queues a reset mail to the stored address of whoever has this one. The same is written, in
    /// the same time, for an address that nobody has.
    ///
    /// # Errors
    /// If it could not be written.
    pub async fn request_reset(&self, email: Email, caller: &Caller) -> Result<(), Failure> {
        let user = self.0.store.user(&UserRef::Email(email)).await?;
        let most = self.0.rules.throttle.then_some(MOST_PER_HOUR);
        self.queue_reset(user.map(|it| it.id), most, caller).await
    }

    /// Queues a reset mail on the operator's behalf.
    ///
    /// # Errors
    /// If it could not be written.
    pub async fn send_reset(&self, user: &User, caller: &Caller) -> Result<(), Failure> {
        self.queue_reset(Some(user.id), None, caller).await
    }

    async fn queue_reset(
        &self,
        user: Option<UserId>,
        most: Option<usize>,
        caller: &Caller,
    ) -> Result<(), Failure> {
        let now = self.now();
        let nonce = self.0.random.bytes()?;
        let link = NewLink {
            purpose: PASSWORD_RESET,
            nonce,
            digest: LinkToken::derive(&self.0.links, PASSWORD_RESET, &nonce).digest(),
            expires_at: now.plus(self.0.rules.reset_ttl),
        };
        self.0
            .store
            .queue_link_mail(user, link, most, caller.at(now))
            .await?;
        tracing::info!(event = "authn_password_reset_requested");
        Ok(())
    }

    /// Whether a reset link would work. Changes nothing.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn is_reset_link(&self, uid: &str, token: &str) -> Result<bool, Failure> {
        Ok(self.reset_link(uid, token).await?.is_some())
    }

    /// Sets the password of whoever got the link, ends all their sessions, and uses the link up.
    ///
    /// # Errors
    /// Why the password was not set; nothing has changed then.
    pub async fn confirm_reset(
        &self,
        uid: &str,
        token: &str,
        new_password: &str,
        caller: &Caller,
    ) -> Result<(), ResetError> {
        let (owner, digest) = self
            .reset_link(uid, token)
            .await?
            .ok_or(ResetError::BadLink)?;
        let names = names_of(&owner.user, &owner.profile);
        let password = Password::choose(new_password, self.0.rules.password, &names)
            .map_err(new_password_broke)?;
        let hash = self.0.hasher.hash(password).await?;
        let (user, link) = (owner.user.id, (PASSWORD_RESET, digest));
        let attempts = attempts_key(Some(user), "");
        let redeemed = self
            .0
            .store
            .redeem_password_link(user, link, hash, attempts, caller.at(self.now()))
            .await?;
        if !redeemed {
            return Err(ResetError::BadLink);
        }
        tracing::info!(
            event = "authn_password_change",
            user_id = user.0,
            by = "reset"
        );
        Ok(())
    }

    /// The owner of a link that works, and what is stored of its token.
    async fn reset_link(
        &self,
        uid: &str,
        token: &str,
    ) -> Result<Option<(Credentials, [u8; 32])>, Failure> {
        let (Some(user), Some(token)) = (parse_uid(uid), LinkToken::parse(token)) else {
            return Ok(None);
        };
        let digest = token.digest();
        let owner = self
            .0
            .store
            .link_user(PASSWORD_RESET, &digest, self.now())
            .await?;
        Ok(owner.filter(|it| it.user.id == user).map(|it| (it, digest)))
    }

    /// Where a reset mail leads.
    pub(super) fn reset_url(&self, user: UserId, nonce: &[u8; 32]) -> String {
        let token = LinkToken::derive(&self.0.links, PASSWORD_RESET, nonce).reveal();
        let uid = URL_SAFE_NO_PAD.encode(user.to_string());
        format!(
            "{}/authentication/api/verify-password-reset/{uid}/{token}/",
            self.0.rules.public_url
        )
    }
}

fn new_password_broke(rule: Rule) -> ResetError {
    ResetError::Invalid(Invalid::new("newPassword", rule))
}

/// Links name a user as Django's do: the number, as base64url of its digits.
fn parse_uid(uid: &str) -> Option<UserId> {
    let digits = URL_SAFE_NO_PAD.decode(uid).ok()?;
    std::str::from_utf8(&digits).ok()?.parse().ok().map(UserId)
}
