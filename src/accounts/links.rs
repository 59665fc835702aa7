//! Links that mails carry: made, followed, and told whose they are.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::Accounts;
use crate::crypto::LinkToken;
use crate::domain::{API_BASE, MailKind, UserId};
use crate::failure::Failure;
use crate::store::credentials::Credentials;
use crate::store::links::NewLink;

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

    /// The owner of a link that works, and what is stored of its token.
    pub(crate) async fn link_owner(
        &self,
        purpose: MailKind,
        uid: &str,
        token: &str,
    ) -> Result<Option<(Credentials, [u8; 32])>, Failure> {
        let (Some(user), Some(token)) = (parse_uid(uid), LinkToken::parse(token)) else {
            return Ok(None);
        };
        let digest = token.digest();
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

/// Links name a user as Django's do: the number, as base64url of its digits.
fn parse_uid(uid: &str) -> Option<UserId> {
    let digits = URL_SAFE_NO_PAD.decode(uid).ok()?;
    std::str::from_utf8(&digits).ok()?.parse().ok().map(UserId)
}
