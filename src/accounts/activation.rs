//! Links that confirm something: a new account's address, or an account's new address.

use super::{Accounts, Trouble, links};
use crate::domain::{Actor, Email, LinkState, MailKind, User, UserRef};
use crate::failure::Failure;

/// Why nothing was confirmed.
#[derive(Debug)]
pub enum ConfirmError {
    /// The link has expired or was replaced by a newer one, or never was one.
    BadLink,
    /// Somebody else has the new address by now.
    EmailTaken,
    Trouble(Trouble),
}

impl<T: Into<Trouble>> From<T> for ConfirmError {
    fn from(trouble: T) -> Self {
        Self::Trouble(trouble.into())
    }
}

impl Accounts {
    /// How far a link has come; none if it is false or too old. Changes nothing.
    pub async fn link_state(
        &self,
        purpose: MailKind,
        uid: &str,
        token: &str,
    ) -> Result<Option<LinkState>, Failure> {
        let Some((user, digest)) = links::parse(uid, token) else {
            return Ok(None);
        };
        let (store, now) = (&self.parts.store, self.now());
        store.link_state(user, purpose, digest, now).await
    }

    /// Does what a link is for: the address of a new account is confirmed, or a new address becomes
    /// the account's own. Whoever waited for that may log in. Returns how far the link had come before.
    pub async fn confirm(
        &self,
        purpose: MailKind,
        uid: &str,
        token: &str,
        caller: &Actor,
    ) -> Result<LinkState, ConfirmError> {
        // A guess costs no write.
        let found = self.link_state(purpose, uid, token).await?;
        let (Some(LinkState::Works), Some((user, digest))) = (found, links::parse(uid, token))
        else {
            return found.ok_or(ConfirmError::BadLink);
        };
        let (store, actor) = (&self.parts.store, caller.at(self.now()));
        let found = match purpose {
            MailKind::AddressChange => {
                let redeemed = store.redeem_address(user, digest, actor).await?;
                redeemed.map_err(|_| ConfirmError::EmailTaken)?
            }
            _ => store.redeem_activation(user, digest, actor).await?,
        };
        if found == Some(LinkState::Works) {
            let what = purpose.as_str();
            tracing::info!(event = "user_updated", user_id = user.0, what);
        }
        found.ok_or(ConfirmError::BadLink)
    }

    /// Queues another activation mail to whoever has this address and has not confirmed it. The same
    /// is written, in the same time, for all other addresses.
    pub async fn resend_activation(&self, email: Email, caller: &Actor) -> Result<(), Failure> {
        let user = self.parts.store.user(&UserRef::Email(email)).await?;
        let is_reached = |it: &User| it.email_confirmed_at.is_none() && !it.email.leads_nowhere();
        let user = user.filter(is_reached);
        let (user, most) = (user.map(|it| it.id), self.most_links());
        self.queue_link(MailKind::Activation, user, most, caller)
            .await
    }
}
