//! A forgotten password: asking for the mail, and using its link.

use super::{Accounts, Trouble};
use crate::crypto::MOST_HASHES;
use crate::domain::{Actor, Email, Invalid, MailKind, Rule, UserRef};
use crate::failure::Failure;
use crate::store::credentials::Credentials;

/// Why a password was not set.
#[derive(Debug)]
pub enum ResetError {
    /// The link was used, has expired, or never was one.
    BadLink,
    /// The password broke a rule.
    Invalid(Invalid),
    Trouble(Trouble),
}

impl<T: Into<Trouble>> From<T> for ResetError {
    fn from(trouble: T) -> Self {
        Self::Trouble(trouble.into())
    }
}

/// Whose password a link sets.
pub struct LinkOwner {
    /// None if whoever follows the link may be a stranger to the account.
    pub username: Option<String>,
    pub email: Email,
}

impl Accounts {
    /// Queues a reset mail to the stored address of whoever has this one. The same is written, in
    /// the same time, for an address that nobody has.
    pub async fn request_reset(&self, email: Email, caller: &Actor) -> Result<(), Failure> {
        let user = self.parts.store.user(&UserRef::Email(email)).await?;
        let user = user.filter(|it| !it.email.leads_nowhere());
        let (user, most) = (user.map(|it| it.id), self.most_links());
        self.queue_link(MailKind::PasswordReset, user, most, caller)
            .await
    }

    /// Whose password a link would set, if it works. Changes nothing.
    pub async fn password_link_owner(
        &self,
        uid: &str,
        token: &str,
    ) -> Result<Option<LinkOwner>, Failure> {
        let found = self.password_link(uid, token).await?;
        Ok(found.map(|(owner, (purpose, _))| {
            let user = owner.user;
            let name = user.is_called_by_name(purpose).then_some(user.username);
            LinkOwner {
                username: name.map(|it| it.as_str().to_owned()),
                email: user.email,
            }
        }))
    }

    /// Sets the password of whoever got the link, ends all their sessions, and uses the link up.
    pub async fn confirm_reset(
        &self,
        uid: &str,
        token: &str,
        new_password: &str,
        caller: &Actor,
    ) -> Result<(), ResetError> {
        let (owner, link) = self
            .password_link(uid, token)
            .await?
            .ok_or(ResetError::BadLink)?;
        let chosen = self.check_choice(new_password, &owner);
        let chosen = chosen.map_err(new_password_broke)?;
        let counted = self.count_choice(&link.1).await?;
        let password = self.new_password(chosen, &owner, MOST_HASHES).await?;
        let (password, counted) = counted.judged(password).map_err(new_password_broke)?;
        let (user, actor) = (owner.user.id, caller.at(self.now()));
        let store = &self.parts.store;
        let redeemed = store.redeem_password_link(user, link, password, actor);
        let is_redeemed = redeemed.await?;
        counted.was_evaluated();
        if !is_redeemed {
            return Err(ResetError::BadLink);
        }
        tracing::info!(
            event = "authn_password_change",
            user_id = user.0,
            by = "reset"
        );
        Ok(())
    }

    /// Both links let somebody choose a password; which one it was is told by its digest.
    async fn password_link(
        &self,
        uid: &str,
        token: &str,
    ) -> Result<Option<(Credentials, (MailKind, [u8; 32]))>, Failure> {
        for purpose in [MailKind::PasswordReset, MailKind::Invitation] {
            if let Some((owner, digest)) = self.link_owner(purpose, uid, token).await? {
                return Ok(Some((owner, (purpose, digest))));
            }
        }
        Ok(None)
    }
}

fn new_password_broke(rule: Rule) -> ResetError {
    ResetError::Invalid(Invalid::new("newPassword", rule))
}
