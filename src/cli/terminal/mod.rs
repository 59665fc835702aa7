//! What commands are made of: tables, pages, progress, prompts, interruption.

pub mod interrupt;
pub mod output;
pub mod pages;
pub mod progress;
pub mod prompt;
