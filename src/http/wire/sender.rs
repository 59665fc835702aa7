//! Which page sends a request, as browsers say it (RFC 6454; Fetch Metadata).

use std::sync::Arc;

use poem::Request;
use poem::http::{HeaderName, HeaderValue, header};

use super::deployment::Deployment;

const FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sender {
    /// A page of ours, or of a configured origin.
    OwnPage,
    /// Nobody says. A client that does not is no browser, or its user typed the address.
    Unknown,
    /// A page of somebody else. It gets no cookie, and no cookie that it sends is believed.
    ForeignPage,
}

impl Sender {
    pub(crate) fn of(request: &Request) -> Self {
        match request.data::<Arc<Deployment>>() {
            Some(deployment) => Self::to(deployment, request),
            None => Self::ForeignPage,
        }
    }

    /// Before the routes, which have the deployment at hand.
    pub(crate) fn to(deployment: &Deployment, request: &Request) -> Self {
        match request.headers().get(header::ORIGIN) {
            Some(origin) if deployment.is_own(origin.as_bytes()) => Self::OwnPage,
            Some(_) => Self::ForeignPage,
            None => match site(request) {
                Some(b"same-origin") => Self::OwnPage,
                Some(b"cross-site") => Self::ForeignPage,
                _ => Self::Unknown,
            },
        }
    }

    /// Whether a foreign page sends this to its own visitors' harm. One that the browser takes for
    /// ours has reached us at another address than `public_url`, `localhost` say.
    pub(crate) fn is_hostile(self, request: &Request) -> bool {
        self == Self::ForeignPage && site(request) != Some(b"same-origin")
    }
}

fn site(request: &Request) -> Option<&[u8]> {
    request.headers().get(FETCH_SITE).map(HeaderValue::as_bytes)
}
