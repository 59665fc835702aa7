//! What the API says of itself: the document, the answers to OPTIONS, Swagger UI.

pub(crate) mod document;
mod errors;
mod example_answers;
mod examples;
pub(crate) mod options;
mod schemas;
pub(crate) mod swagger;
pub(crate) mod variants;
