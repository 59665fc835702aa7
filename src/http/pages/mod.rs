//! HTML: the pages of mailed links.

pub mod links;
