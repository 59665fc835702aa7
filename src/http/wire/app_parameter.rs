//! The query parameter `app`. The framework's own type reads what its router leaves in a request,
//! and these endpoints have ours.

use poem::{Request, RequestBody};
use poem_openapi::registry::{MetaParamIn, MetaSchema, MetaSchemaRef};
use poem_openapi::{ApiExtractor, ApiExtractorType, ExtractParamOptions};
use serde::Deserialize;

use crate::domain::SessionKind;

/// Which client logs in: sessions of `mobile` last longer; anything else is the web.
pub(crate) struct AppParameter(pub(crate) SessionKind);

#[derive(Deserialize)]
struct Parameters {
    #[serde(default)]
    app: String,
}

impl<'a> ApiExtractor<'a> for AppParameter {
    const TYPES: &'static [ApiExtractorType] = &[ApiExtractorType::Parameter];

    type ParamType = String;
    type ParamRawType = String;

    fn param_in() -> Option<MetaParamIn> {
        Some(MetaParamIn::Query)
    }

    fn param_schema_ref() -> Option<MetaSchemaRef> {
        Some(MetaSchemaRef::Inline(Box::new(MetaSchema {
            enum_items: vec!["web".into(), "mobile".into()],
            ..MetaSchema::new("string")
        })))
    }

    async fn from_request(
        request: &'a Request,
        _body: &mut RequestBody,
        _options: ExtractParamOptions<String>,
    ) -> poem::Result<Self> {
        // A query that cannot be read is the web's too.
        let mobile = request
            .params::<Parameters>()
            .is_ok_and(|it| it.app == "mobile");
        Ok(Self(if mobile {
            SessionKind::Mobile
        } else {
            SessionKind::Web
        }))
    }
}
