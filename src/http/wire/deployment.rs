//! What the HTTP face has to know of the world around it.

use ipnet::IpNet;

/// What the HTTP face has to know of the world around it.
#[derive(Clone, Debug)]
pub struct Deployment {
    /// The only base of links; https makes cookies `Secure`.
    pub public_url: String,
    /// Where mailed links send the browser instead of our own pages.
    pub frontend_url: Option<String>,
    /// Origins whose pages may call the API.
    pub cors_origins: Vec<String>,
    /// Proxies whose `X-Forwarded-For` is believed.
    pub trusted_proxies: Vec<IpNet>,
}

impl Deployment {
    pub(crate) fn is_https(&self) -> bool {
        self.public_url.starts_with("https://")
    }

    /// Scheme, host and port of `public_url`, as browsers write them in `Origin`.
    pub(crate) fn origin(&self) -> &str {
        let host = self.public_url.find("://").map_or(0, |at| at + 3);
        let end = self.public_url[host..]
            .find('/')
            .map_or(self.public_url.len(), |at| host + at);
        &self.public_url[..end]
    }
}
