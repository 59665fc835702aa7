//! The endpoints, by noun. A handler decodes, calls a use case, encodes; its types stand in the same
//! file.

pub mod activation;
pub mod contact;
pub mod login;
pub mod lookup;
pub mod privacy_policy;
pub mod register;
pub mod reset;
pub mod session;
pub mod tag;
pub mod user;
