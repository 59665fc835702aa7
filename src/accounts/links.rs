//! Links that mails carry: made, followed, and told whose they are.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::Accounts;
use crate::crypto::LinkToken;
use crate::domain::{API_BASE, Actor, MailKind, UserId};
use crate::failure::Failure;
use crate::store::credentials::Credentials;
use crate::store::links::NewLink;

/// How many mails with a link for one purpose an account gets in an hour at most (OWASP Forgot
/// Password Cheat Sheet).
const MOST_PER_HOUR: usize = 5;

impl Accounts {
    /// A link that a mail will carry to the stored address.
    pub(crate) fn new_link(&self, purpose: MailKind) -> Result<NewLink, Failure> {
        let nonce = self.parts.random.bytes()?;
        let rules = &self.parts.rules;
        let lasts = match purpose {
            MailKind::PasswordReset => rules.reset_ttl,
            _ => rules.activation_ttl,
        };
        Ok(NewLink {
            purpose,
            nonce,
            digest: LinkToken::derive(&self.parts.links, purpose.as_str(), &nonce).digest(),
            expires_at: self.now().plus(lasts),
            email: None,
            is_mailed: true,
        })
    }

    /// How many mails with a link may be asked for in an hour; none if that is not limited.
    pub(super) fn most_links(&self) -> Option<usize> {
        self.parts.rules.throttle.then_some(MOST_PER_HOUR)
    }

    /// Queues a mail with a link; to nobody, if there is no user, or if `most` were queued within the
    /// hour.
    pub(crate) async fn queue_link(
        &self,
        purpose: MailKind,
        user: Option<UserId>,
        most: Option<usize>,
        caller: &Actor,
    ) -> Result<(), Failure> {
        let link = self.new_link(purpose)?;
        let stamp = caller.at(self.now());
        self.parts.store.add_link(user, link, most, stamp).await?;
        match purpose {
            MailKind::Activation => tracing::info!(event = "user_activation_requested"),
            _ => tracing::info!(event = "authn_password_reset_requested"),
        }
        Ok(())
    }

    /// The owner of a link that works, and what is stored of its token.
    pub(crate) async fn link_owner(
        &self,
        purpose: MailKind,
        uid: &str,
        token: &str,
    ) -> Result<Option<(Credentials, [u8; 32])>, Failure> {
        let Some((user, digest)) = parse(uid, token) else {
            return Ok(None);
        };
        let owner = self
            .parts
            .store
            .link_user(purpose, &digest, self.now())
            .await?;
        Ok(owner.filter(|it| it.user.id == user).map(|it| (it, digest)))
    }

    /// Where a link leads.
    pub(crate) fn link_url(&self, purpose: MailKind, user: UserId, nonce: &[u8; 32]) -> String {
        let token = LinkToken::derive(&self.parts.links, purpose.as_str(), nonce).reveal();
        let uid = URL_SAFE_NO_PAD.encode(user.to_string());
        let page = match purpose {
            MailKind::Activation => "activate",
            MailKind::AddressChange => "confirm-address",
            _ => "verify-password-reset",
        };
        format!(
            "{}{API_BASE}/{page}/{uid}/{token}/",
            self.parts.rules.public_url
        )
    }
}

/// Whom a link is for, and what is stored of its token.
pub(super) fn parse(uid: &str, token: &str) -> Option<(UserId, [u8; 32])> {
    Some((parse_uid(uid)?, LinkToken::parse(token)?.digest()))
}

/// Links name a user as Django's do: the number, as base64url of its digits.
fn parse_uid(uid: &str) -> Option<UserId> {
    let digits = URL_SAFE_NO_PAD.decode(uid).ok()?;
    std::str::from_utf8(&digits).ok()?.parse().ok().map(UserId)
}
