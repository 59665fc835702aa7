//! An answer that writes its JSON itself. The framework's own first makes a tree of values, and serde then
//! looks at each byte of it: together half of the work of the answers that are asked for most.

use poem::http::{HeaderValue, header};
use poem::{IntoResponse, Response};
use poem_openapi::payload::{Json, Payload};
use poem_openapi::registry::{MetaSchemaRef, Registry};
use poem_openapi::types::Type;

/// The same JSON as the framework would write.
pub(crate) trait WriteJson {
    fn json(&self) -> String;
}

pub(crate) struct Written<T>(pub(crate) T);

impl<T: Type> Payload for Written<T> {
    const CONTENT_TYPE: &'static str = Json::<T>::CONTENT_TYPE;

    fn schema_ref() -> MetaSchemaRef {
        Json::<T>::schema_ref()
    }

    fn register(registry: &mut Registry) {
        Json::<T>::register(registry);
    }
}

impl<T: Type + WriteJson> IntoResponse for Written<T> {
    fn into_response(self) -> Response {
        let content_type = HeaderValue::from_static(Json::<T>::CONTENT_TYPE);
        let mut response = Response::default();
        // For all that every answer gets: it would grow three times.
        response.headers_mut().reserve(12);
        response
            .headers_mut()
            .insert(header::CONTENT_TYPE, content_type);
        response.set_body(self.0.json());
        response
    }
}
