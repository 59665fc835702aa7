//! The miniSASS authentication service: one binary, one SQLite file, the whole API.
//!
//! Read top down:
//!
//! * [`cli`] and [`http`] are the two faces. They translate, and decide nothing.
//! * [`accounts`] holds the use cases: what it means to log in, to register, to log out.
//! * [`domain`] holds the values the use cases speak of, and their rules.
//! * [`store`], [`crypto`] and [`mail`] do the work that needs a library.
//! * [`clock`], [`private_file`] and [`failure`] are for everyone; [`allocator`] is for `main`.
//!
//! `tests/it/tidy.rs` checks who may name whom.

// Beside the lints of `Cargo.toml`, which hold for tests too: a test may unwrap and has no public face.
#![warn(
    unreachable_pub,
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used
)]

pub mod accounts;
pub mod allocator;
pub mod cli;
pub mod clock;
pub mod compose;
pub mod crypto;
pub mod daemon;
pub mod domain;
pub mod failure;
pub mod http;
pub mod interrupt;
pub mod mail;
pub mod operator;
pub mod private_file;
pub mod progress;
pub mod settings;
pub mod store;
pub mod transfer;
