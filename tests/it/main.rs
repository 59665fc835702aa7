//! One test binary. `server` drives the real program; everything else is named after what it tests.

mod cli;
mod cli_beside;
mod cli_list;
mod cli_reset;
mod cli_token;
mod cli_users;
mod openapi;
mod serve;
mod serve_crash;
mod serve_log;
mod serve_refusals;
mod serve_stop;
mod server;
mod settings;
mod store;
mod store_mail;
mod store_sessions;
mod tidy;
mod wire;
