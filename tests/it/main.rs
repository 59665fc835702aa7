//! Tests that come in by the front door. One binary, so that the crate is linked once.

mod app;
mod client;

mod body;
mod concurrency;
mod conformance;
mod cookie;
mod corpora;
mod document;
mod identity;
mod limits;
mod login;
mod register;
mod reset;
mod resetpage;
mod session;
mod throttle;
mod tokens;
