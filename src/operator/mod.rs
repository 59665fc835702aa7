//! What operators do: manage users, sessions, tokens, mails and keys, and keep the database sound.

pub mod delivery;
pub mod mails;
pub mod maintenance;
pub mod sessions;
pub mod tokens;
pub mod users;
