//! HTML: the pages of mailed links.

pub(crate) mod links;
