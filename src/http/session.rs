//! login, token, refresh, check-auth-status, logout.

use poem::web::Data;
use poem_openapi::payload::Json;
use poem_openapi::types::{Example, Password};
use poem_openapi::{ApiResponse, Object, OpenApi};

use super::Tag;
use super::app_param::App;
use super::body::{Body, Input};
use super::client::Client;
use super::cookie::Cookies;
use super::gate::Passage;
use super::presented::{Authorization, Presented};
use super::problem::{
    BadRequest, CHALLENGE, Detail, ErrorSentence, Message, Refused, Unserved, detail, error,
};
use crate::accounts::{Accounts, BearerError, LoginError, RefreshError, TokenPair};
use crate::domain::{LiveSession, SessionKind, User};

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
struct SessionBody {
    /// Always true.
    is_authenticated: bool,
    /// The user name.
    username: String,
    /// The address.
    email: String,
    /// Whether the user is staff.
    is_admin: bool,
    /// Always true until privacy policies exist.
    is_agreed_to_privacy_policy: bool,
    /// The version of the privacy policy that was agreed to.
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
    fn new(user: &User, tokens: TokenPair, is_profile_updated: bool) -> Json<Self> {
        Json(Self {
            is_authenticated: true,
            username: user.username.to_string(),
            email: user.email.to_string(),
            is_admin: user.is_staff,
            is_agreed_to_privacy_policy: true,
            accepted_privacy_policy_version: None,
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
    #[oai(validator(max_length = 254))]
    username: String,
    /// The password.
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

/// A refresh token.
#[derive(Object)]
struct RefreshRequest {
    /// The refresh token.
    refresh: String,
}

impl Input for RefreshRequest {}

/// A new access token, twice because the Android client reads the second name.
#[derive(Object)]
#[oai(skip_serializing_if_is_none)]
struct RefreshBody {
    /// Proves who asks.
    access: String,
    /// The same.
    access_token: String,
    /// The next refresh token, if refresh tokens are good only once.
    refresh: Option<String>,
}

/// Why a token was not accepted.
#[derive(Object)]
#[oai(skip_serializing_if_is_none)]
struct TokenProblem {
    /// In one sentence.
    detail: String,
    /// In one word.
    code: Option<String>,
    /// In detail.
    messages: Option<Vec<TokenMessage>>,
}

/// Why one kind of token was not accepted.
#[derive(Object)]
struct TokenMessage {
    /// As SimpleJWT calls it.
    token_class: String,
    /// The kind.
    token_type: String,
    /// Why.
    message: String,
}

impl TokenProblem {
    fn new(detail: &str, code: Option<&str>) -> Self {
        Self {
            detail: detail.to_owned(),
            code: code.map(str::to_owned),
            messages: None,
        }
    }
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

#[derive(ApiResponse)]
enum RefreshReply {
    /// A new access token.
    #[oai(status = 200)]
    Ok(Json<RefreshBody>),
    /// The refresh token is not good, or its session has ended.
    #[oai(status = 401)]
    Unauthorized(
        Json<TokenProblem>,
        #[oai(header = "WWW-Authenticate")] String,
    ),
}

#[derive(ApiResponse)]
enum StatusReply {
    /// Who asks.
    #[oai(status = 200)]
    Ok(Json<SessionBody>),
    /// Nothing in the request proves who asks.
    #[oai(status = 401)]
    Unauthorized(Json<Detail>, #[oai(header = "WWW-Authenticate")] String),
}

#[derive(ApiResponse)]
enum LogoutReply {
    /// The session has ended; its tokens and its cookie are dead.
    #[oai(status = 200)]
    Ok(Json<Message>, #[oai(header = "Set-Cookie")] String),
    /// Nothing in the request proves who asks.
    #[oai(status = 401)]
    Unauthorized(
        Json<TokenProblem>,
        #[oai(header = "WWW-Authenticate")] String,
    ),
}

impl LogoutReply {
    fn refuse(problem: TokenProblem) -> Self {
        Self::Unauthorized(Json(problem), CHALLENGE.to_owned())
    }
}

impl From<BearerError> for Result<LogoutReply, Unserved> {
    fn from(err: BearerError) -> Self {
        let problem = match err {
            BearerError::Failed(failure) => return Err(failure.into()),
            BearerError::UserNotFound => {
                TokenProblem::new("User not found", Some("user_not_found"))
            }
            BearerError::UserInactive => {
                TokenProblem::new("User is inactive", Some("user_inactive"))
            }
            BearerError::Token(fault) => TokenProblem {
                messages: Some(vec![TokenMessage {
                    token_class: "AccessToken".to_owned(),
                    token_type: "access".to_owned(),
                    message: fault.to_string(),
                }]),
                ..TokenProblem::new(
                    "Given token not valid for any token type",
                    Some("token_not_valid"),
                )
            },
        };
        Ok(LogoutReply::refuse(problem))
    }
}

const NOT_PROVIDED: &str = "Authentication credentials were not provided.";

pub(super) struct SessionApi;

#[OpenApi(tag = "Tag::Sessions")]
impl SessionApi {
    /// User Login
    ///
    /// Opens a session and sets its cookie. The session of `?app=mobile` lasts longer.
    #[oai(path = "/login", method = "post", operation_id = "login")]
    async fn login(
        &self,
        Data(accounts): Data<&Accounts>,
        Data(cookies): Data<&Cookies>,
        Client(caller): Client,
        Passage(passage): Passage,
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
                let body = SessionBody::new(&opened.user, opened.tokens, opened.is_profile_updated);
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
        Passage(passage): Passage,
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

    /// Token Refresh
    ///
    /// A new access token for the session of a refresh token. The session and the user are looked up.
    #[oai(
        path = "/token/refresh",
        method = "post",
        operation_id = "token_refresh"
    )]
    async fn token_refresh(
        &self,
        Data(accounts): Data<&Accounts>,
        Client(caller): Client,
        body: Body<RefreshRequest>,
    ) -> Result<RefreshReply, Unserved> {
        match accounts.refresh(&body.fields.refresh, &caller).await {
            Ok(new) => Ok(RefreshReply::Ok(Json(RefreshBody {
                access: new.access.clone(),
                access_token: new.access,
                refresh: new.refresh,
            }))),
            Err(RefreshError::Token(fault)) => {
                let problem = TokenProblem::new(&fault.to_string(), Some("token_not_valid"));
                Ok(RefreshReply::Unauthorized(
                    Json(problem),
                    CHALLENGE.to_owned(),
                ))
            }
            Err(RefreshError::Failed(failure)) => Err(failure.into()),
        }
    }

    /// Token Refresh
    ///
    /// The same as `token/refresh/`, at the path of the specification.
    #[oai(path = "/refresh", method = "post", operation_id = "refresh")]
    async fn refresh(
        &self,
        accounts: Data<&Accounts>,
        client: Client,
        body: Body<RefreshRequest>,
    ) -> Result<RefreshReply, Unserved> {
        self.token_refresh(accounts, client, body).await
    }

    /// Check Authentication Status
    ///
    /// Who asks, by bearer token or else by session cookie, with tokens of the same session. Asking
    /// never lengthens a session.
    #[oai(
        path = "/check-auth-status",
        method = "get",
        operation_id = "check_auth_status"
    )]
    async fn check_auth_status(
        &self,
        Data(accounts): Data<&Accounts>,
        presented: Presented,
    ) -> Result<StatusReply, Unserved> {
        let Some(session) = whoever_asks(accounts, &presented).await? else {
            return Ok(StatusReply::Unauthorized(
                detail(NOT_PROVIDED),
                CHALLENGE.to_owned(),
            ));
        };
        let status = accounts.status(session)?;
        Ok(StatusReply::Ok(SessionBody::new(
            &status.user,
            status.tokens,
            status.has_profile,
        )))
    }

    /// User Logout
    ///
    /// Ends the session of the bearer token, or else of the session cookie (only for our own pages).
    /// Its access tokens, refresh tokens and cookie are dead when the answer arrives. The body is ignored.
    #[oai(path = "/logout", method = "post", operation_id = "logout")]
    async fn logout(
        &self,
        Data(accounts): Data<&Accounts>,
        Data(cookies): Data<&Cookies>,
        Client(caller): Client,
        presented: Presented,
    ) -> Result<LogoutReply, Unserved> {
        let session = match &presented.authorization {
            Authorization::Bearer(token) => match accounts.bearer(token).await {
                Ok(session) => session,
                Err(err) => return err.into(),
            },
            Authorization::Malformed | Authorization::Repeated => {
                let sentence = "Authorization header must contain two space-delimited values";
                return Ok(LogoutReply::refuse(TokenProblem::new(
                    sentence,
                    Some("bad_authorization_header"),
                )));
            }
            Authorization::None => {
                let cookie = presented
                    .cookie
                    .as_deref()
                    .filter(|_| presented.from_own_page);
                match session_of(accounts, cookie).await? {
                    Some(session) => session,
                    None => return Ok(LogoutReply::refuse(TokenProblem::new(NOT_PROVIDED, None))),
                }
            }
        };
        accounts.logout(&session, &caller).await?;
        Ok(LogoutReply::Ok(
            Message::new("Logout successful"),
            cookies.clear(),
        ))
    }
}

/// A bad bearer token counts as none.
async fn whoever_asks(
    accounts: &Accounts,
    presented: &Presented,
) -> Result<Option<LiveSession>, Unserved> {
    if let Authorization::Bearer(token) = &presented.authorization {
        match accounts.bearer(token).await {
            Ok(session) => return Ok(Some(session)),
            Err(BearerError::Failed(failure)) => return Err(failure.into()),
            Err(_) => {}
        }
    }
    session_of(accounts, presented.cookie.as_deref()).await
}

async fn session_of(
    accounts: &Accounts,
    cookie: Option<&str>,
) -> Result<Option<LiveSession>, Unserved> {
    match cookie {
        Some(secret) => Ok(accounts.cookie(secret).await?),
        None => Ok(None),
    }
}
