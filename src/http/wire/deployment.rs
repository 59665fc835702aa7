//! What the HTTP face has to know of the world around it.

use std::time::Duration;

use ipnet::IpNet;

use crate::domain::{API_BASE, WebUrl};

/// The name of the session cookie.
pub(crate) const COOKIE: &str = "minisass_session";

#[derive(Clone, Debug)]
pub struct Deployment {
    /// The only base of links; https makes cookies `Secure`.
    pub public_url: WebUrl,
    /// Whether nobody has set that, and it is made of the loopback address that the server listens at.
    pub is_made_up: bool,
    /// Where mailed links send the browser instead of our own pages.
    pub frontend_url: Option<WebUrl>,
    /// Origins whose pages may call the API.
    pub cors_origins: Vec<String>,
    /// Whether there are pages: of the endpoints, the front page, the documentation.
    pub docs: bool,
    /// Whether there is `/metrics`; otherwise it has an address of its own.
    pub metrics: bool,
    /// Proxies whose `X-Forwarded-For` is believed.
    pub trusted_proxies: Vec<IpNet>,
}

impl Deployment {
    /// A path below the API, as browsers know it: a proxy may have cut off what comes before.
    pub(crate) fn api_path(&self, below: &str) -> String {
        let before = self.public_url.path().trim_end_matches('/');
        format!("{before}{API_BASE}/{below}")
    }

    /// Where somebody goes on who is done with a mailed link: to the front end, else to our front page.
    pub(crate) fn way_on(&self) -> Option<String> {
        let front_page = || format!("{}/", self.public_url.path().trim_end_matches('/'));
        let front_end = self.frontend_url.as_ref().map(WebUrl::to_string);
        front_end.or_else(|| self.docs.then(front_page))
    }

    /// Whether pages of this origin may do what ours may.
    pub(crate) fn is_own(&self, origin: &[u8]) -> bool {
        let mut configured = self.cors_origins.iter();
        origin == self.public_url.origin().as_bytes()
            || configured.any(|it| it.as_bytes() == origin)
            || self.is_made_up && self.other_names().any(|it| it.as_bytes() == origin)
    }

    /// What people call this machine who were not told otherwise.
    fn other_names(&self) -> impl Iterator<Item = String> {
        let names = ["localhost", "127.0.0.1", "[::1]"].into_iter();
        let port = self.public_url.port();
        names.map(move |it| match port {
            // Browsers leave it out.
            80 => format!("http://{it}"),
            port => format!("http://{it}:{port}"),
        })
    }

    /// The `Set-Cookie` header of a session (RFC 6265, section 4.1). No script can read the cookie,
    /// and no other site can make a browser send it with a POST.
    pub(crate) fn session_cookie(&self, secret: &str, lasts: Duration) -> String {
        let is_https = self.public_url.is_https();
        let secure = if is_https { "; Secure" } else { "" };
        // What all our addresses have in common, for the browser.
        let path = self.public_url.path();
        format!(
            "{COOKIE}={secret}; Path={path}; Max-Age={}; HttpOnly; SameSite=Lax{secure}",
            lasts.as_secs()
        )
    }

    /// The `Set-Cookie` header that takes the cookie away.
    pub(crate) fn no_session_cookie(&self) -> String {
        self.session_cookie("", Duration::ZERO)
    }
}
