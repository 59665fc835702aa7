//! token/verify, token/blacklist: as SimpleJWT has them.

use poem_openapi::payload::Json;
use poem_openapi::{ApiResponse, Object, OpenApi};

use super::tag::Tag;
use crate::accounts::session::RefreshError;
use crate::http::wire::{
    Answer, Anyone, Body, CHALLENGE, Call, Input, Refused, TokenProblem, Unlimited,
};

/// A token of either kind.
#[derive(Object)]
struct VerifyRequest {
    /// An access token or a refresh token.
    #[oai(validator(min_length = 1))]
    token: String,
}

impl Input for VerifyRequest {}

/// A refresh token to be blacklisted.
#[derive(Object)]
struct BlacklistRequest {
    /// The refresh token.
    #[oai(validator(min_length = 1))]
    refresh: String,
}

impl Input for BlacklistRequest {}

/// Nothing needs to be said.
#[derive(Object)]
#[oai(rename = "EmptyAnswer")]
struct Nothing {}

#[derive(ApiResponse)]
enum TokenReply {
    /// A token to verify is good; the session of one to blacklist has ended.
    #[oai(status = 200)]
    Ok(Json<Nothing>),
    /// The token is not good, or its session has ended.
    #[oai(status = 401)]
    Unauthorized(
        Json<TokenProblem>,
        #[oai(header = "WWW-Authenticate")] String,
    ),
}

impl From<RefreshError> for Refused<TokenReply> {
    fn from(err: RefreshError) -> Self {
        match err {
            RefreshError::Token(fault) => Self::Reply(TokenReply::Unauthorized(
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

pub(crate) struct TokenApi;

#[OpenApi(tag = "Tag::Sessions")]
impl TokenApi {
    /// Token Verify
    ///
    /// Whether an access or refresh token is good here: signature, kind, time, session and user.
    #[oai(path = "/token/verify", method = "post", operation_id = "token_verify")]
    async fn verify(
        &self,
        call: Call<Anyone, Unlimited, Body<VerifyRequest>>,
    ) -> Answer<TokenReply> {
        let token = &call.body.fields.token;
        call.accounts.check_token(token, &call.actor).await?;
        Ok(TokenReply::Ok(Json(Nothing {})))
    }

    /// Token Blacklist
    ///
    /// Ends the session of a refresh token: its access tokens and its cookie are dead too.
    #[oai(
        path = "/token/blacklist",
        method = "post",
        operation_id = "token_blacklist"
    )]
    async fn blacklist(
        &self,
        call: Call<Anyone, Unlimited, Body<BlacklistRequest>>,
    ) -> Answer<TokenReply> {
        let token = &call.body.fields.refresh;
        call.accounts.blacklist(token, &call.actor).await?;
        Ok(TokenReply::Ok(Json(Nothing {})))
    }
}
