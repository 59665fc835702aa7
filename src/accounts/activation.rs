//! Links that confirm something: a new account's address, or an account's new address.

use super::{Accounts, Trouble};
use crate::domain::{Actor, MailKind};
use crate::failure::Failure;

/// Why nothing was confirmed.
#[derive(Debug)]
pub enum ConfirmError {
    /// The link was used, has expired, or never was one.
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
    /// Whether a link would work. Changes nothing.
    pub async fn is_link(
        &self,
        purpose: MailKind,
        uid: &str,
        token: &str,
    ) -> Result<bool, Failure> {
        Ok(self.link_owner(purpose, uid, token).await?.is_some())
    }

    /// Confirms the address of an account. If it was waiting for that, it may log in from now on.
    pub async fn confirm_account(
        &self,
        uid: &str,
        token: &str,
        caller: &Actor,
    ) -> Result<(), ConfirmError> {
        let (owner, digest) = self
            .link_owner(MailKind::Activation, uid, token)
            .await?
            .ok_or(ConfirmError::BadLink)?;
        let user = owner.user.id;
        let actor = caller.at(self.now());
        if !self
            .parts
            .store
            .redeem_activation(user, digest, actor)
            .await?
        {
            return Err(ConfirmError::BadLink);
        }
        tracing::info!(event = "user_updated", user_id = user.0, what = "confirmed");
        Ok(())
    }

    /// Makes the address that a link was sent to the account's own.
    pub async fn confirm_address(
        &self,
        uid: &str,
        token: &str,
        caller: &Actor,
    ) -> Result<(), ConfirmError> {
        let (owner, digest) = self
            .link_owner(MailKind::AddressChange, uid, token)
            .await?
            .ok_or(ConfirmError::BadLink)?;
        let user = owner.user.id;
        let actor = caller.at(self.now());
        match self.parts.store.redeem_address(user, digest, actor).await? {
            Ok(true) => {
                tracing::info!(event = "user_updated", user_id = user.0, what = "address");
                Ok(())
            }
            Ok(false) => Err(ConfirmError::BadLink),
            Err(_) => Err(ConfirmError::EmailTaken),
        }
    }
}
