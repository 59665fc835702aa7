//! The session cookie as a header.

use std::time::Duration;

/// Its name.
pub(crate) const COOKIE: &str = "minisass_session";

/// Writes `Set-Cookie` headers (RFC 6265, section 4.1). No script can read the cookie, and no other
/// site can make a browser send it with a POST.
#[derive(Clone)]
pub(crate) struct Cookies {
    /// What all our addresses have in common, for the browser.
    pub(crate) path: String,
    /// Only over https.
    pub(crate) secure: bool,
}

impl Cookies {
    pub(crate) fn set(&self, secret: &str, lasts: Duration) -> String {
        let secure = if self.secure { "; Secure" } else { "" };
        let path = &self.path;
        format!(
            "{COOKIE}={secret}; Path={path}; Max-Age={}; HttpOnly; SameSite=Lax{secure}",
            lasts.as_secs()
        )
    }

    pub(crate) fn clear(&self) -> String {
        self.set("", Duration::ZERO)
    }
}
