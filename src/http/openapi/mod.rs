//! What the API says of itself: the document, the answers to OPTIONS, Swagger UI.

pub(crate) mod document;
pub(crate) mod options;
pub(crate) mod swagger;
