//! What an endpoint asks of a request before it does anything, and in which order.

use std::marker::PhantomData;

use poem::web::Data;
use poem::{FromRequest, Request, RequestBody};
use poem_openapi::registry::{MetaRequest, Registry};
use poem_openapi::{ApiExtractor, ApiExtractorType, ExtractParamOptions};

use super::auth::{Anyone, Who, register_schemes};
use super::body::{Content, NoBody};
use super::client::actor;
use super::rate_limit::{Limit, Unlimited, count};
use super::refusal::Refusal;
use crate::accounts::Accounts;
use crate::domain::Actor;

/// A request that passed: `who` sent it, within the limit `L`, with this `body`. The handler serves
/// it with `accounts`, the use cases.
pub(crate) struct Call<W = Anyone, L = Unlimited, B = NoBody> {
    pub(crate) accounts: Accounts,
    pub(crate) who: W,
    pub(crate) body: B,
    /// As the use cases want to know who asks.
    pub(crate) actor: Actor,
    limit: PhantomData<L>,
}

impl<W: Who, L: Limit, B: Content> Call<W, L, B> {
    /// The order of the checks of all endpoints. Method and `Accept` were checked by the route.
    /// Nobody's body is read before it is known who sends it, and that they may.
    async fn check(request: &Request, body: &mut RequestBody) -> poem::Result<Self> {
        let Data(accounts) = Data::<&Accounts>::from_request_without_body(request).await?;
        B::check_media_type(request)?;
        let who = W::identify(request, accounts).await?;
        count::<L>(request).map_err(Refusal::from)?;
        Ok(Self {
            accounts: accounts.clone(),
            who,
            body: B::read(request, body).await?,
            actor: actor(request),
            limit: PhantomData,
        })
    }
}

impl<'a, W, L, B> ApiExtractor<'a> for Call<W, L, B>
where
    W: Who + Send,
    L: Limit + Send,
    B: Content + Send,
{
    const TYPES: &'static [ApiExtractorType] = &[
        ApiExtractorType::SecurityScheme,
        ApiExtractorType::RequestObject,
    ];

    type ParamType = ();
    type ParamRawType = ();

    fn register(registry: &mut Registry) {
        register_schemes(registry);
        B::register(registry);
    }

    fn security_schemes() -> Vec<&'static str> {
        W::SCHEMES.to_vec()
    }

    fn request_meta() -> Option<MetaRequest> {
        B::meta()
    }

    async fn from_request(
        request: &'a Request,
        body: &mut RequestBody,
        _options: ExtractParamOptions<()>,
    ) -> poem::Result<Self> {
        Self::check(request, body).await
    }
}
