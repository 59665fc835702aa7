//! Links with which users choose a password or confirm their account: mailed, or handed over by the
//! operator.

use super::Operator;
use super::users::UserError;
use crate::domain::{Actor, MailKind, MailState, User, UserId, UserRef};
use crate::failure::Failure;
use crate::store::links::NewLink;
use crate::store::mails::MailRecord;

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
    /// have an address that leads nowhere, or have such a mail whose link works. Whether one is sent.
    pub async fn send_first_reset(
        &self,
        who: &UserRef,
        is_dry: bool,
        caller: &Actor,
    ) -> Result<bool, Failure> {
        let Some(found) = self.parts.store.credentials(who).await? else {
            // In a dry run those who are new are not there, and nothing else is known of them.
            let leads_nowhere = matches!(who, UserRef::Email(email) if email.leads_nowhere());
            return Ok(is_dry && !leads_nowhere);
        };
        let user = &found.user;
        let is_to_have = found.password_hash.is_none()
            && user.is_active
            && !user.email.leads_nowhere()
            && !self.has_reset(user.id).await?;
        if is_to_have && !is_dry {
            let (purpose, user) = (MailKind::PasswordReset, Some(user.id));
            let queued = self.accounts.queue_link(purpose, user, None, caller);
            queued.await?;
        }
        Ok(is_to_have)
    }

    /// Whether a reset mail is on its way to a user, or arrived, and its link works.
    async fn has_reset(&self, user: UserId) -> Result<bool, Failure> {
        let now = self.now();
        for id in self.parts.store.mails_of(user).await? {
            let works = |it: &MailRecord| {
                it.kind == MailKind::PasswordReset
                    && [MailState::Queued, MailState::Sent].contains(&it.state)
                    && !it.is_link_used
                    && it.expires_at.is_some_and(|at| at > now)
            };
            if self.parts.store.mail(id).await?.as_ref().is_some_and(works) {
                return Ok(true);
            }
        }
        Ok(false)
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
