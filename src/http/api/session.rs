//! refresh, check-auth-status, logout.

use poem::web::Data;
use poem_openapi::payload::Json;
use poem_openapi::{ApiResponse, Object, OpenApi};

use super::login::SessionBody;
use super::tag::Tag;
use crate::accounts::Accounts;
use crate::accounts::session::{BearerError, RefreshError};
use crate::domain::LiveSession;
use crate::http::wire::auth::{Authorization, Presented};
use crate::http::wire::body::{Body, Input};
use crate::http::wire::client::Client;
use crate::http::wire::cookie::Cookies;
use crate::http::wire::denied::{NOT_PROVIDED, NoSession, TokenProblem};
use crate::http::wire::problem::{CHALLENGE, Detail, Message, Unserved, detail};

/// A refresh token.
#[derive(Object)]
struct RefreshRequest {
    /// The refresh token.
    #[oai(validator(min_length = 1))]
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

impl From<NoSession> for Result<LogoutReply, Unserved> {
    fn from(refusal: NoSession) -> Self {
        match refusal {
            NoSession::Denied(problem) => Ok(LogoutReply::Unauthorized(
                Json(problem),
                CHALLENGE.to_owned(),
            )),
            NoSession::Failed(failure) => Err(failure.into()),
        }
    }
}

pub(crate) struct SessionApi;

#[OpenApi(tag = "Tag::Sessions")]
impl SessionApi {
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
            &status.agreement,
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
        presented: Presented,
    ) -> Result<LogoutReply, Unserved> {
        let session = match &presented.authorization {
            Authorization::Bearer(token) => match accounts.bearer(token, &presented.caller).await {
                Ok(session) => session,
                Err(err) => return NoSession::from(err).into(),
            },
            Authorization::Malformed | Authorization::Repeated => {
                return NoSession::bad_header().into();
            }
            Authorization::None => {
                let cookie = presented
                    .cookie
                    .as_deref()
                    .filter(|_| presented.from_own_page);
                match session_of(accounts, cookie).await? {
                    Some(session) => session,
                    None => return NoSession::not_provided().into(),
                }
            }
        };
        accounts.logout(&session, &presented.caller).await?;
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
        match accounts.bearer(token, &presented.caller).await {
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
