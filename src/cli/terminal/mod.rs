//! What commands are made of: tables, pages, progress, prompts.

pub(crate) mod output;
pub(crate) mod pages;
pub(crate) mod progress;
pub(crate) mod prompt;
pub(crate) mod table;
