//! What is asked about links that mails carry.

use super::pending::Pending;
use super::users::{Credentials, NewPassword, Taken};
use crate::domain::Stamp;
use crate::domain::{Email, MailKind, Timestamp, UserId};

/// A link, as it is stored.
#[derive(Clone, Debug)]
pub struct NewLink {
    /// What it is for, and the mail that carries it; a link serves one purpose only.
    pub purpose: MailKind,
    /// What its token is derived from.
    pub nonce: [u8; 32],
    /// SHA-256 of its token.
    pub digest: [u8; 32],
    /// When it stops working.
    pub expires_at: Timestamp,
    /// The new address that it makes the account's own; its mail goes there.
    pub email: Option<Email>,
    /// Whether a mail carries it. Otherwise somebody hands it over.
    pub is_mailed: bool,
}

/// Links, each of which works once.
pub trait Links {
    /// The user whom a link lets in, if it is unused, has not expired at `now`, and the user is
    /// active or only waits for confirmation.
    fn link_user(
        &self,
        purpose: MailKind,
        digest: &[u8; 32],
        now: Timestamp,
    ) -> Pending<Option<Credentials>>;
    /// How many links of a user were written after `since`.
    fn links_since(&self, user: UserId, purpose: MailKind, since: Timestamp) -> Pending<usize>;
    /// Writes a link and its mail to the user's stored address, or a decoy of the same cost if
    /// nobody may use it or `most_per_hour` were written within the hour.
    fn add_link(
        &self,
        user: Option<UserId>,
        link: NewLink,
        most_per_hour: Option<usize>,
        actor: Stamp,
    ) -> Pending<()>;
    /// Uses up a link of `user`: sets the password, ends every session, voids the user's other links,
    /// clears the failed attempts and lets in whoever waited for confirmation. False if the link
    /// was used, has expired or is another's.
    fn redeem_password_link(
        &self,
        user: UserId,
        link: (MailKind, [u8; 32]),
        password: NewPassword,
        actor: Stamp,
    ) -> Pending<bool>;
    /// Uses up an activation link of `user`: the address is confirmed, and whoever waited for that
    /// may log in. False as above.
    fn redeem_activation(&self, user: UserId, digest: [u8; 32], actor: Stamp) -> Pending<bool>;
    /// Uses up a link to a new address of `user`, which replaces the old one and voids the user's
    /// other links. False as above.
    fn redeem_address(
        &self,
        user: UserId,
        digest: [u8; 32],
        actor: Stamp,
    ) -> Pending<Result<bool, Taken>>;
}
