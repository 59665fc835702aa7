//! Links that confirm something.

use super::email::Email;

/// What a link is good for that confirms an account or an address. A false one is not told from one
/// that came too late.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LinkState {
    Works,
    /// What it is for is done already, by this link or another one.
    Done,
}

/// Such a link, as it was found.
#[derive(Clone, Debug)]
pub struct FoundLink {
    pub state: LinkState,
    /// The address that it confirms.
    pub address: Email,
}
