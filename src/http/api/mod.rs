//! The endpoints, by noun. A handler decodes, calls a use case, encodes; its types stand in the same
//! file. This is the list of all of them.

mod address_request;
pub(crate) mod confirmation;
pub(crate) mod contact;
pub(crate) mod keys;
pub(crate) mod login;
pub(crate) mod lookup;
pub(crate) mod privacy_policy;
pub(crate) mod register;
pub(crate) mod reset;
pub(crate) mod session;
pub(crate) mod session_body;
pub(crate) mod tag;
pub(crate) mod token;
pub(crate) mod user;

use self::confirmation::ConfirmApi;
use self::contact::ContactApi;
use self::keys::KeysApi;
use self::login::LoginApi;
use self::lookup::LookupApi;
use self::privacy_policy::PolicyApi;
use self::register::RegisterApi;
use self::reset::ResetApi;
use self::session::SessionApi;
use self::token::TokenApi;
use self::user::account::AccountApi;
use self::user::data::OwnApi;
use self::user::sessions::OwnSessionsApi;

/// In the order of the documentation.
pub(crate) fn endpoints() -> impl poem_openapi::OpenApi {
    (
        LoginApi,
        SessionApi,
        TokenApi,
        RegisterApi,
        ResetApi,
        ConfirmApi,
        AccountApi,
        OwnApi,
        OwnSessionsApi,
        LookupApi,
        PolicyApi,
        ContactApi,
        KeysApi,
    )
}
