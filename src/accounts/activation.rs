//! Links that confirm something: a new account's address, or an account's new address.

use super::{Accounts, Trouble, links};
use crate::domain::{Actor, Email, FoundLink, LinkState, MailKind, UserRef};
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
    /// A link that confirms something; none if it is false or too old. Changes nothing.
    pub async fn confirming_link(
        &self,
        purpose: MailKind,
        uid: &str,
        token: &str,
    ) -> Result<Option<FoundLink>, Failure> {
        let Some((user, digest)) = links::parse(uid, token) else {
            return Ok(None);
        };
        let (store, now) = (&self.parts.store, self.now());
        store.confirming_link(user, purpose, digest, now).await
    }

    /// Does what a link is for: the address of a new account is confirmed, or a new address becomes
    /// the account's own. Whoever waited for that may log in. Returns the link, as it was before.
    pub async fn confirm(
        &self,
        purpose: MailKind,
        uid: &str,
        token: &str,
        caller: &Actor,
    ) -> Result<FoundLink, ConfirmError> {
        // A guess costs no write.
        let found = self.confirming_link(purpose, uid, token).await?;
        let mut found = found.ok_or(ConfirmError::BadLink)?;
        let (LinkState::Works, Some((user, digest))) = (found.state, links::parse(uid, token))
        else {
            return Ok(found);
        };
        let (store, actor) = (&self.parts.store, caller.at(self.now()));
        let state = match purpose {
            MailKind::AddressChange => {
                let redeemed = store.redeem_address(user, digest, actor).await?;
                redeemed.map_err(|_| ConfirmError::EmailTaken)?
            }
            _ => store.redeem_activation(user, digest, actor).await?,
        };
        if state == Some(LinkState::Works) {
            let what = purpose.as_str();
            tracing::info!(event = "user_updated", user_id = user.0, what);
        }
        found.state = state.ok_or(ConfirmError::BadLink)?;
        Ok(found)
    }

    /// Queues another activation mail to whoever has this address and has not confirmed it. The same
    /// is written, in the same time, for all other addresses.
    pub async fn resend_activation(&self, email: Email, caller: &Actor) -> Result<(), Failure> {
        let user = self.parts.store.user(&UserRef::Email(email)).await?;
        let user = user.filter(|it| it.email_confirmed_at.is_none());
        let (user, most) = (user.map(|it| it.id), self.most_links());
        self.queue_link(MailKind::Activation, user, most, caller)
            .await
    }
}
