//! login, token.

use std::sync::Arc;

use poem::web::Data;
use poem_openapi::payload::Json;
use poem_openapi::types::{Example, Password};
use poem_openapi::{ApiResponse, Object, OpenApi};

use super::session_body::SessionBody;
use super::tag::Tag;
use crate::accounts::login::LoginError;
use crate::accounts::session::TokenPair;
use crate::domain::SessionKind;
use crate::http::wire::{
    ANYONE, Answer, Anyone, AppParameter, Body, CHALLENGE, Call, Deployment, Detail, ErrorSentence,
    Input, LIMITED, Logins, NO_FOREIGN_PAGE, NoForeignPage, Refused, detail, error,
};

/// Credentials. Whatever is missing or malformed counts as wrong.
#[derive(Object)]
#[oai(example)]
struct LoginRequest {
    /// The address of the account, or its user name. Needed unless `usernameForEmailRetrieval` is sent.
    #[oai(validator(max_length = 254))]
    email: Option<String>,
    /// The password of the account.
    password: Option<Password>,
    /// The user name, for clients that have no address; read if `email` is absent or blank.
    #[oai(rename = "usernameForEmailRetrieval", validator(max_length = 254))]
    username: Option<String>,
}

impl Input for LoginRequest {
    const LENIENT: bool = true;
}

impl Example for LoginRequest {
    fn example() -> Self {
        Self {
            email: Some("test@example.org".to_owned()),
            password: Some(Password("test_password".to_owned())),
            username: None,
        }
    }
}

/// Credentials for services and scripts.
#[derive(Object)]
#[oai(example)]
struct TokenRequest {
    /// The user name, or the address.
    #[oai(validator(min_length = 1, max_length = 254))]
    username: String,
    /// The password of the account.
    #[oai(validator(min_length = 1))]
    password: Password,
}

impl Input for TokenRequest {}

impl Example for TokenRequest {
    fn example() -> Self {
        Self {
            username: "test_user".to_owned(),
            password: Password("test_password".to_owned()),
        }
    }
}

/// The tokens of a session.
#[derive(Object)]
#[oai(rename = "TokenPair")]
struct PairBody {
    /// Gets new access tokens.
    refresh: String,
    /// Proves who asks.
    access: String,
}

#[derive(ApiResponse)]
enum LoginReply {
    /// The session is open.
    #[oai(status = 200)]
    Ok(
        Json<SessionBody>,
        #[oai(header = "Set-Cookie")] Option<String>,
    ),
    /// Wrong, missing or unknown credentials, or an inactive account: they all look alike.
    #[oai(status = 401)]
    WrongCredentials(Json<ErrorSentence>),
}

impl From<LoginError> for Refused<LoginReply, NO_FOREIGN_PAGE, LIMITED> {
    fn from(err: LoginError) -> Self {
        match err {
            LoginError::WrongCredentials => {
                Self::Reply(LoginReply::WrongCredentials(error("Invalid credentials")))
            }
            LoginError::Trouble(trouble) => trouble.into(),
        }
    }
}

#[derive(ApiResponse)]
enum TokenReply {
    /// The session is open.
    #[oai(status = 200)]
    Ok(Json<PairBody>),
    /// Wrong or unknown credentials, or an inactive account: they all look alike.
    #[oai(status = 401)]
    WrongCredentials(Json<Detail>, #[oai(header = "WWW-Authenticate")] String),
}

impl From<LoginError> for Refused<TokenReply, ANYONE, LIMITED> {
    fn from(err: LoginError) -> Self {
        match err {
            LoginError::WrongCredentials => Self::Reply(TokenReply::WrongCredentials(
                detail("No active account found with the given credentials"),
                CHALLENGE.to_owned(),
            )),
            LoginError::Trouble(trouble) => trouble.into(),
        }
    }
}

pub(crate) struct LoginApi;

#[OpenApi(tag = "Tag::Sessions")]
impl LoginApi {
    /// User Login
    ///
    /// Opens a session and sets its cookie, unless a page of a foreign origin asks. `?app=mobile` says that the Android client asks: its session lasts longer.
    #[oai(path = "/login", method = "post", operation_id = "login")]
    async fn login(
        &self,
        Data(deployment): Data<&Arc<Deployment>>,
        /// Which client logs in: the session of `mobile`, the Android client, lasts longer than one of
        /// `web`. Anything else counts as `web`.
        #[oai(name = "app")]
        AppParameter(kind): AppParameter,
        call: Call<NoForeignPage, Logins, Body<LoginRequest>>,
    ) -> Answer<LoginReply, NO_FOREIGN_PAGE, LIMITED> {
        let is_malformed = call.body.broken.iter().any(|it| it.field == "email");
        let LoginRequest {
            email,
            username,
            password,
        } = call.body.fields;
        // Only an address that is absent or blank leaves it to the user name.
        let typed = email
            .filter(|it| !it.is_empty())
            .or(username.filter(|_| !is_malformed))
            .unwrap_or_default();
        let password = password.map_or_else(String::new, |it| it.0);
        let opened = call
            .accounts
            .login(&typed, &password, kind, &call.actor)
            .await?;
        let secret = opened.cookie.filter(|_| call.who.gets_cookie);
        let cookie = secret.map(|it| deployment.session_cookie(&it, opened.lasts));
        Ok(LoginReply::Ok(Json(opened.status.into()), cookie))
    }

    /// Token Obtain Pair
    ///
    /// Opens a session for a service or a script, without a cookie.
    #[oai(path = "/token", method = "post", operation_id = "token")]
    async fn token(
        &self,
        call: Call<Anyone, Logins, Body<TokenRequest>>,
    ) -> Answer<TokenReply, ANYONE, LIMITED> {
        let TokenRequest { username, password } = call.body.fields;
        let opened = call
            .accounts
            .login(&username, &password, SessionKind::Token, &call.actor)
            .await?;
        let TokenPair { access, refresh } = opened.status.tokens;
        Ok(TokenReply::Ok(Json(PairBody { refresh, access })))
    }
}
