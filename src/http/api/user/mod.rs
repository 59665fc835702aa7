//! One's own account, for its bearer.

pub(crate) mod account;
pub(crate) mod data;
pub(crate) mod sessions;
