//! What the HTTP face has to know of the world around it.

use ipnet::IpNet;

use crate::domain::WebUrl;

#[derive(Clone, Debug)]
pub struct Deployment {
    /// The only base of links; https makes cookies `Secure`.
    pub public_url: WebUrl,
    /// Where mailed links send the browser instead of our own pages.
    pub frontend_url: Option<WebUrl>,
    /// Origins whose pages may call the API.
    pub cors_origins: Vec<String>,
    /// Proxies whose `X-Forwarded-For` is believed.
    pub trusted_proxies: Vec<IpNet>,
}
