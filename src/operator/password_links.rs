//! Links with which users choose a password or confirm their account: mailed, or handed over by the
//! operator.

use super::Operator;
use super::users::UserError;
use crate::domain::{Actor, MailKind, User, UserRef};
use crate::failure::Failure;
use crate::store::links::NewLink;

impl Operator {
    /// Queues a reset mail to each user, however many there were before: to all of them or, if mail
    /// does not reach one, to none.
    pub async fn send_resets(&self, users: &[User], caller: &Actor) -> Result<(), UserError> {
        check_may_choose(users)?;
        check_reachable(users)?;
        self.queue(MailKind::PasswordReset, users, caller).await
    }

    /// Queues another activation mail to each user, however many there were before: to all of them
    /// or, if one has nothing to confirm or is not reached by mail, to none.
    pub async fn resend_activations(
        &self,
        users: &[User],
        caller: &Actor,
    ) -> Result<(), UserError> {
        check_may_choose(users)?;
        let mut users_done = users.iter().filter(|it| it.email_confirmed_at.is_some());
        if let Some(user) = users_done.next() {
            return Err(UserError::Confirmed(user.username.to_string()));
        }
        if let Some(user) = users.iter().find(|it| !it.awaits_confirmation) {
            return Err(UserError::Active(user.username.to_string()));
        }
        check_reachable(users)?;
        self.queue(MailKind::Activation, users, caller).await
    }

    async fn queue(
        &self,
        purpose: MailKind,
        users: &[User],
        caller: &Actor,
    ) -> Result<(), UserError> {
        for user in users {
            let queued = self
                .accounts
                .queue_link(purpose, Some(user.id), None, caller);
            queued.await?;
        }
        Ok(())
    }

    /// Queues a reset mail to somebody who moved in without a password, unless they are inactive, have one meanwhile,
    /// have an address that leads nowhere, or have such a mail whose link works, of another import maybe that runs
    /// beside this one. Whether one is sent.
    pub async fn send_first_reset(
        &self,
        who: &UserRef,
        is_dry: bool,
        caller: &Actor,
    ) -> Result<bool, Failure> {
        let (store, now) = (&self.parts.store, self.now());
        let Some(is_needed) = store.needs_first_reset(who, now).await? else {
            // In a dry run those who are new are not there, and nothing else is known of them.
            let leads_nowhere = matches!(who, UserRef::Email(email) if email.leads_nowhere());
            return Ok(is_dry && !leads_nowhere);
        };
        // Most people in a file that is imported again need no mail, and this spares a write. The write looks once more.
        if is_dry || !is_needed {
            return Ok(is_needed);
        }
        let link = self.accounts.new_link(MailKind::PasswordReset)?;
        store.add_first_reset(who, link, caller.at(now)).await
    }

    /// Links with which users choose a password, for the operator to hand over. Each works once.
    pub async fn password_links_by_hand(
        &self,
        users: &[User],
        caller: &Actor,
    ) -> Result<Vec<String>, UserError> {
        check_may_choose(users)?;
        let mut links = Vec::with_capacity(users.len());
        for user in users {
            links.push(self.new_password_link(user, caller).await?);
        }
        Ok(links)
    }

    async fn new_password_link(&self, user: &User, caller: &Actor) -> Result<String, Failure> {
        let found = self.parts.store.credentials(&UserRef::Id(user.id)).await?;
        let purpose = match found.and_then(|it| it.password_hash) {
            Some(_) => MailKind::PasswordReset,
            None => MailKind::Invitation,
        };
        let link = NewLink {
            is_mailed: false,
            ..self.accounts.new_link(purpose)?
        };
        let url = self.accounts.link_url(link.purpose, user.id, &link.nonce);
        let stamp = caller.at(self.now());
        self.parts
            .store
            .add_link(Some(user.id), link, None, stamp)
            .await?;
        Ok(url)
    }
}

/// All of them or none.
fn check_reachable(users: &[User]) -> Result<(), UserError> {
    match users.iter().find(|it| it.email.leads_nowhere()) {
        Some(user) => Err(UserError::Unreachable(Box::new(user.clone()))),
        None => Ok(()),
    }
}

/// All of them or none: such a link would not let an inactive user in.
fn check_may_choose(users: &[User]) -> Result<(), UserError> {
    let is_out = |user: &&User| !user.is_active && !user.awaits_confirmation;
    match users.iter().find(is_out) {
        Some(user) => Err(UserError::Inactive(user.username.to_string())),
        None => Ok(()),
    }
}
