//! One file or folder for each command.

pub(crate) mod audit;
pub(crate) mod completions;
pub(crate) mod config;
pub(crate) mod db;
pub(crate) mod doctor;
pub(crate) mod healthcheck;
pub(crate) mod help;
pub(crate) mod key;
pub(crate) mod mail;
pub(crate) mod man;
pub(crate) mod openapi;
pub(crate) mod policy;
pub(crate) mod profile;
pub(crate) mod reset;
pub(crate) mod session;
pub(crate) mod token;
pub(crate) mod user;
