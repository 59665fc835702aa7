//! Tests that come in by the front door. One binary, so that the crate is linked once.

mod app;
mod client;

mod body;
mod concurrency;
mod conformance;
mod cookie;
mod corpora;
mod document;
mod forgery;
mod identity;
mod limits;
mod link;
mod login;
mod media;
mod profile;
mod register;
mod reset;
mod resetpage;
mod rotation;
mod session;
mod throttle;
mod tokens;
