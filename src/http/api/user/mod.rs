//! One's own account, for its bearer.

pub mod account;
pub mod data;
pub mod sessions;
