//! What the API says of itself: the document, the answers to OPTIONS, Swagger UI.

pub mod document;
pub mod options;
pub mod swagger;
