//! login, token.

use poem::web::Data;
use poem_openapi::payload::Json;
use poem_openapi::types::{Example, Password};
use poem_openapi::{ApiResponse, Object, OpenApi};

use super::tag::Tag;
use crate::accounts::Accounts;
use crate::accounts::login::LoginError;
use crate::accounts::session::TokenPair;
use crate::domain::{Agreement, SessionKind, User};
use crate::http::wire::app_param::App;
use crate::http::wire::body::{Body, Input};
use crate::http::wire::client::Client;
use crate::http::wire::cookie::Cookies;
use crate::http::wire::problem::{
    BadRequest, CHALLENGE, Detail, ErrorSentence, Refused, detail, error,
};
use crate::http::wire::rate_limit::LoginPassage;

/// Credentials. Whatever is missing or malformed counts as wrong.
#[derive(Object)]
#[oai(example)]
struct LoginRequest {
    /// The address of the account, or its user name.
    #[oai(validator(max_length = 254))]
    email: Option<String>,
    /// The password.
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

/// Who is logged in, and the tokens of the session.
#[derive(Object)]
pub(crate) struct SessionBody {
    /// Always true.
    is_authenticated: bool,
    /// The user name.
    username: String,
    /// The address.
    email: String,
    /// Whether the user is staff.
    is_admin: bool,
    /// Whether the latest privacy policy was agreed to; true while there is none.
    is_agreed_to_privacy_policy: bool,
    /// The latest version of the privacy policy, agreed to or not.
    accepted_privacy_policy_version: Option<String>,
    /// Whether the profile is complete; after a login also whether the password meets today's policy.
    is_profile_updated: bool,
    /// The number of the user.
    user_id: i64,
    /// Proves who asks, for an hour.
    access_token: String,
    /// Gets new access tokens, as long as the session lasts.
    refresh_token: String,
}

impl SessionBody {
    pub(crate) fn new(
        user: &User,
        tokens: TokenPair,
        is_profile_updated: bool,
        agreement: &Agreement,
    ) -> Json<Self> {
        Json(Self {
            is_authenticated: true,
            username: user.username.to_string(),
            email: user.email.to_string(),
            is_admin: user.is_staff,
            is_agreed_to_privacy_policy: agreement.is_settled(),
            accepted_privacy_policy_version: agreement.latest.clone(),
            is_profile_updated,
            user_id: user.id.0,
            access_token: tokens.access,
            refresh_token: tokens.refresh,
        })
    }
}

/// Credentials for services and scripts.
#[derive(Object)]
#[oai(example)]
struct TokenRequest {
    /// The user name, or the address.
    #[oai(validator(min_length = 1, max_length = 254))]
    username: String,
    /// The password.
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
    Ok(Json<SessionBody>, #[oai(header = "Set-Cookie")] String),
    /// The request is malformed.
    #[oai(status = 400)]
    #[expect(
        dead_code,
        reason = "answered by the body extractor; declared here for the document"
    )]
    BadRequest(Json<BadRequest>),
    /// Wrong, missing or unknown credentials, or an inactive account: they all look alike.
    #[oai(status = 401)]
    WrongCredentials(Json<ErrorSentence>),
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

pub(crate) struct LoginApi;

#[OpenApi(tag = "Tag::Sessions")]
impl LoginApi {
    /// User Login
    ///
    /// Opens a session and sets its cookie. The session of `?app=mobile` lasts longer.
    #[oai(path = "/login", method = "post", operation_id = "login")]
    async fn login(
        &self,
        Data(accounts): Data<&Accounts>,
        Data(cookies): Data<&Cookies>,
        Client(caller): Client,
        LoginPassage(passage): LoginPassage,
        /// `mobile` for the Android client.
        #[oai(name = "app")]
        App(kind): App,
        body: Body<LoginRequest>,
    ) -> Result<LoginReply, Refused> {
        passage?;
        let LoginRequest {
            email,
            username,
            password,
        } = body.fields;
        let typed = email
            .filter(|it| !it.trim().is_empty())
            .or(username)
            .unwrap_or_default();
        let password = password.map_or_else(String::new, |it| it.0);
        match accounts.login(typed.trim(), &password, kind, &caller).await {
            Ok(opened) => {
                let cookie =
                    cookies.set(opened.cookie.as_deref().unwrap_or_default(), opened.lasts);
                let body = SessionBody::new(
                    &opened.user,
                    opened.tokens,
                    opened.is_profile_updated,
                    &opened.agreement,
                );
                Ok(LoginReply::Ok(body, cookie))
            }
            Err(LoginError::WrongCredentials) => {
                Ok(LoginReply::WrongCredentials(error("Invalid credentials")))
            }
            Err(LoginError::Trouble(trouble)) => Err(trouble.into()),
        }
    }

    /// Token Obtain Pair
    ///
    /// Opens a session for a service or a script, without a cookie.
    #[oai(path = "/token", method = "post", operation_id = "token")]
    async fn token(
        &self,
        Data(accounts): Data<&Accounts>,
        Client(caller): Client,
        LoginPassage(passage): LoginPassage,
        body: Body<TokenRequest>,
    ) -> Result<TokenReply, Refused> {
        passage?;
        let TokenRequest { username, password } = body.fields;
        match accounts
            .login(username.trim(), &password, SessionKind::Token, &caller)
            .await
        {
            Ok(opened) => {
                let TokenPair { access, refresh } = opened.tokens;
                Ok(TokenReply::Ok(Json(PairBody { refresh, access })))
            }
            Err(LoginError::WrongCredentials) => Ok(TokenReply::WrongCredentials(
                detail("No active account found with the given credentials"),
                CHALLENGE.to_owned(),
            )),
            Err(LoginError::Trouble(trouble)) => Err(trouble.into()),
        }
    }
}
