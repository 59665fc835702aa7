//! user/sessions: where one is logged in, and an end to it.

use poem::web::Data;
use poem_openapi::param::Path;
use poem_openapi::payload::Json;
use poem_openapi::{ApiResponse, Object, OpenApi};

use crate::accounts::Accounts;
use crate::domain::{Session, SessionId};
use crate::http::api::tag::Tag;
use crate::http::wire::auth::Bearer;
use crate::http::wire::client::Client;
use crate::http::wire::denied::Denied;
use crate::http::wire::problem::{Detail, Message, detail};

/// A session that has not ended.
#[derive(Object)]
pub(crate) struct SessionEntry {
    /// Its name, the claim `sid` of its tokens.
    id: String,
    /// `web`, `mobile`, `token` or `command-line`.
    kind: String,
    /// When it was opened.
    created_at: String,
    /// When it ends at the latest.
    expires_at: String,
    /// From where it was opened, if known.
    address: Option<String>,
    /// What the client called itself.
    user_agent: Option<String>,
    /// Whether it is the one that asks.
    is_current: bool,
}

impl SessionEntry {
    pub(crate) fn new(session: Session, current: SessionId) -> Self {
        Self {
            id: session.id.to_string(),
            kind: session.kind.as_str().to_owned(),
            created_at: session.created_at.to_string(),
            expires_at: session.expires_at.to_string(),
            address: session.address,
            user_agent: session.user_agent,
            is_current: session.id == current,
        }
    }
}

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
    async fn sessions(
        &self,
        Data(accounts): Data<&Accounts>,
        bearer: Bearer,
    ) -> Result<SessionsReply, Denied> {
        let session = bearer.session(accounts).await?;
        let own = accounts.own_sessions(&session).await?.into_iter();
        let entries = own.map(|it| SessionEntry::new(it, session.id)).collect();
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
        Data(accounts): Data<&Accounts>,
        Client(caller): Client,
        bearer: Bearer,
        /// The name of the session.
        id: Path<String>,
    ) -> Result<EndReply, Denied> {
        let session = bearer.session(accounts).await?;
        let ended = match SessionId::parse(&id) {
            Some(id) => accounts.end_own_session(&session, id, &caller).await?,
            None => false,
        };
        Ok(if ended {
            EndReply::Ok(Message::new("Session ended"))
        } else {
            EndReply::NotFound(detail("Not found."))
        })
    }
}
