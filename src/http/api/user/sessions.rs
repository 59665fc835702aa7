//! user/sessions: where one is logged in, and an end to it.

use poem_openapi::param::Path;
use poem_openapi::payload::Json;
use poem_openapi::{ApiResponse, OpenApi};

use crate::domain::{LiveSession, SessionId};
use crate::http::api::session_body::SessionEntry;
use crate::http::api::tag::Tag;
use crate::http::wire::{Answer, BEARER, Call, Detail, Message, detail};

#[derive(ApiResponse)]
enum SessionsReply {
    /// Sessions that have not ended, the youngest first.
    #[oai(status = 200)]
    Ok(Json<Vec<SessionEntry>>),
}

#[derive(ApiResponse)]
enum EndReply {
    /// The session has ended; its tokens and its cookie are dead.
    #[oai(status = 200)]
    Ok(Json<Message>),
    /// The bearer has no such session.
    #[oai(status = 404)]
    NotFound(Json<Detail>),
}

pub(crate) struct OwnSessionsApi;

#[OpenApi(tag = "Tag::Own")]
impl OwnSessionsApi {
    /// List Sessions
    ///
    /// Where the bearer is logged in.
    #[oai(
        path = "/user/sessions",
        method = "get",
        operation_id = "list_sessions"
    )]
    async fn sessions(&self, call: Call<LiveSession>) -> Answer<SessionsReply, BEARER> {
        let own = call.accounts.own_sessions(&call.who).await?.into_iter();
        let entries = own.map(|it| SessionEntry::new(it, call.who.id)).collect();
        Ok(SessionsReply::Ok(Json(entries)))
    }

    /// End Session
    ///
    /// Ends one of the bearer's sessions.
    #[oai(
        path = "/user/sessions/:id",
        method = "delete",
        operation_id = "end_session"
    )]
    async fn end(
        &self,
        call: Call<LiveSession>,
        /// The name of the session.
        id: Path<String>,
    ) -> Answer<EndReply, BEARER> {
        let ended = match SessionId::parse(&id) {
            Some(id) => {
                call.accounts
                    .end_own_session(&call.who, id, &call.actor)
                    .await?
            }
            None => false,
        };
        Ok(if ended {
            EndReply::Ok(Message::new("Session ended"))
        } else {
            EndReply::NotFound(detail("Not found."))
        })
    }
}
