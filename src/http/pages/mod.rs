//! HTML: a page for each endpoint, the front page, the pages of mailed links.

pub(crate) mod assets;
pub(crate) mod catalogue;
pub(crate) mod endpoint;
mod exchange;
pub(crate) mod front;
pub(crate) mod links;
mod sent_form;
mod template;
