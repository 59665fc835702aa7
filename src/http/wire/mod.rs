//! What endpoints are made of: who asks, limits, bodies, refusals.

pub(crate) mod accept;
pub(crate) mod app_parameter;
pub(crate) mod auth;
pub(crate) mod body;
pub(crate) mod call;
pub(crate) mod client;
pub(crate) mod cookie;
pub(crate) mod deployment;
pub(crate) mod problem;
pub(crate) mod rate_limit;
pub(crate) mod refusal;
