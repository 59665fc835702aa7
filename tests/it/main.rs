//! Tests that come in by the front door. One binary, so that the crate is linked once.
//!
//! `app` is the whole application in this process, with a clock that moves on command; `server` is
//! the real program. Everything else is named after what it tests.

mod app;
mod body;
mod cli;
mod cli_audit;
mod cli_beside;
mod cli_db;
mod cli_key;
mod cli_life;
mod cli_list;
mod cli_reset;
mod cli_session;
mod cli_token;
mod cli_transfer;
mod cli_users;
mod client;
mod concurrency;
mod conformance;
mod cookie;
mod corpora;
mod django;
mod document;
mod foreign;
mod forgery;
mod identity;
mod life;
mod limits;
mod link;
mod login;
mod media;
mod openapi;
mod own;
mod own_password;
mod profile;
mod readme;
mod register;
mod reset;
mod resetpage;
mod rotation;
mod serve;
mod serve_crash;
mod serve_log;
mod serve_refusals;
mod serve_stop;
mod server;
mod session;
mod settings;
mod store;
mod store_mail;
mod store_sessions;
mod throttle;
mod tidy;
mod tokens;
mod wire;
