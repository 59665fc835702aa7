//! What the HTTP face has to know of the world around it.

use ipnet::IpNet;

use crate::domain::{API_BASE, WebUrl};

#[derive(Clone, Debug)]
pub struct Deployment {
    /// The only base of links; https makes cookies `Secure`.
    pub public_url: WebUrl,
    /// Where mailed links send the browser instead of our own pages.
    pub frontend_url: Option<WebUrl>,
    /// Origins whose pages may call the API.
    pub cors_origins: Vec<String>,
    /// Whether there are pages: of the endpoints, the front page, the documentation.
    pub docs: bool,
    /// Proxies whose `X-Forwarded-For` is believed.
    pub trusted_proxies: Vec<IpNet>,
}

impl Deployment {
    /// A path below the API, as browsers know it: a proxy may have cut off what comes before.
    pub(crate) fn api_path(&self, below: &str) -> String {
        let before = self.public_url.path().trim_end_matches('/');
        format!("{before}{API_BASE}/{below}")
    }

    /// Whether pages of this origin may do what ours may.
    pub(crate) fn is_own(&self, origin: &[u8]) -> bool {
        let mut configured = self.cors_origins.iter();
        origin == self.public_url.origin().as_bytes()
            || configured.any(|it| it.as_bytes() == origin)
    }
}
