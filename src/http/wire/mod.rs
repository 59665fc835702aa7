//! What endpoints are made of: bodies, problems, who asks, limits.

pub mod app_param;
pub mod auth;
pub mod body;
pub mod client;
pub mod cookie;
pub mod denied;
pub mod deployment;
pub mod problem;
pub mod rate_limit;
