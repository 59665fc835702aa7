//! refresh, check-auth-status, logout.

use std::sync::Arc;

use poem::web::Data;
use poem_openapi::payload::Json;
use poem_openapi::{ApiResponse, Object, OpenApi};

use super::session_body::SessionBody;
use super::tag::Tag;
use crate::accounts::Accounts;
use crate::accounts::session::{BearerError, RefreshError};
use crate::domain::LiveSession;
use crate::failure::Failure;
use crate::http::wire::{
    Answer, Anyone, Authorization, Body, CHALLENGE, Call, Credentials, Deployment, Detail, Input,
    Message, NOT_PROVIDED, NoSession, Refused, Sender, TokenProblem, Unlimited, Written, detail,
};

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
#[oai(rename = "NewAccessToken", skip_serializing_if_is_none)]
struct RefreshBody {
    /// Proves who asks.
    access: String,
    /// The same token again.
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

impl From<RefreshError> for Refused<RefreshReply> {
    fn from(err: RefreshError) -> Self {
        match err {
            RefreshError::Token(fault) => Self::Reply(RefreshReply::Unauthorized(
                Json(TokenProblem::new(
                    &fault.to_string(),
                    Some("token_not_valid"),
                )),
                CHALLENGE.to_owned(),
            )),
            RefreshError::Failed(failure) => failure.into(),
        }
    }
}

#[derive(ApiResponse)]
enum StatusReply {
    /// Who asks.
    #[oai(status = 200)]
    Ok(Written<SessionBody>),
    /// Nothing in the request proves who asks.
    #[oai(status = 401)]
    Unauthorized(Json<Detail>, #[oai(header = "WWW-Authenticate")] String),
}

#[derive(ApiResponse)]
enum LogoutReply {
    /// The session has ended; its tokens and its cookie are dead.
    #[oai(status = 200)]
    Ok(Json<Message>, #[oai(header = "Set-Cookie")] Option<String>),
    /// Nothing in the request proves who asks.
    #[oai(status = 401)]
    Unauthorized(
        Json<TokenProblem>,
        #[oai(header = "WWW-Authenticate")] String,
    ),
}

impl From<NoSession> for Refused<LogoutReply> {
    fn from(none: NoSession) -> Self {
        match none {
            NoSession::Denied(problem) => Self::Reply(LogoutReply::Unauthorized(
                Json(problem),
                CHALLENGE.to_owned(),
            )),
            NoSession::Failed(failure) => failure.into(),
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
        call: Call<Anyone, Unlimited, Body<RefreshRequest>>,
    ) -> Answer<RefreshReply> {
        let token = &call.body.fields.refresh;
        let new = call.accounts.refresh(token, &call.actor).await?;
        Ok(RefreshReply::Ok(Json(RefreshBody {
            access: new.access.clone(),
            access_token: new.access,
            refresh: new.refresh,
        })))
    }

    /// Token Refresh
    ///
    /// The same as `token/refresh/`, at the path of the specification.
    #[oai(path = "/refresh", method = "post", operation_id = "refresh")]
    async fn refresh(
        &self,
        call: Call<Anyone, Unlimited, Body<RefreshRequest>>,
    ) -> Answer<RefreshReply> {
        self.token_refresh(call).await
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
    async fn check_auth_status(&self, call: Call<Credentials>) -> Answer<StatusReply> {
        let Some(session) = whoever_asks(&call).await? else {
            return Ok(StatusReply::Unauthorized(
                detail(NOT_PROVIDED),
                CHALLENGE.to_owned(),
            ));
        };
        let status = call.accounts.status(session)?;
        Ok(StatusReply::Ok(Written(status.into())))
    }

    /// User Logout
    ///
    /// Ends the session of the bearer token, or else of the session cookie (only for our own pages).
    /// Its access tokens, refresh tokens and cookie are dead when the answer arrives. The body is ignored.
    #[oai(path = "/logout", method = "post", operation_id = "logout")]
    async fn logout(
        &self,
        Data(deployment): Data<&Arc<Deployment>>,
        call: Call<Credentials>,
    ) -> Answer<LogoutReply> {
        let Credentials {
            authorization,
            cookie,
            sender,
        } = call.who;
        let is_own_page = sender == Sender::OwnPage;
        let by_cookie = match authorization {
            Authorization::None => {
                session_of(&call.accounts, cookie.as_deref().filter(|_| is_own_page)).await?
            }
            _ => None,
        };
        let session = match by_cookie {
            Some(session) => session,
            None => authorization.session(&call.accounts, &call.actor).await?,
        };
        call.accounts.logout(&session, &call.actor).await?;
        let cookie = (sender != Sender::ForeignPage).then(|| deployment.no_session_cookie());
        Ok(LogoutReply::Ok(Message::new("Logout successful"), cookie))
    }
}

/// A bad bearer token counts as none.
async fn whoever_asks(call: &Call<Credentials>) -> Result<Option<LiveSession>, Failure> {
    if let Authorization::Bearer(token) = &call.who.authorization {
        match call.accounts.bearer(token, &call.actor).await {
            Ok(session) => return Ok(Some(session)),
            Err(BearerError::Failed(failure)) => return Err(failure),
            Err(_) => {}
        }
    }
    session_of(&call.accounts, call.who.cookie.as_deref()).await
}

async fn session_of(
    accounts: &Accounts,
    cookie: Option<&str>,
) -> Result<Option<LiveSession>, Failure> {
    match cookie {
        Some(secret) => accounts.cookie(secret).await,
        None => Ok(None),
    }
}
