//! Groups of endpoints in the documentation.

use poem_openapi::Tags;

#[derive(Tags)]
pub(crate) enum Tag {
    /// Logging in, staying logged in, logging out.
    Sessions,
    /// Registering, confirming, and a forgotten password.
    Accounts,
    /// One's own account, with a token.
    #[oai(rename = "Own account")]
    Own,
}
