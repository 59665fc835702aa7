//! One file or folder for each command.

pub mod audit;
pub mod config;
pub mod db;
pub mod doctor;
pub mod dry_run;
pub mod examples;
pub mod key;
pub mod mail;
pub mod named;
pub mod policy;
pub mod profile;
pub mod reset;
pub mod session;
pub mod shell;
pub mod token;
pub mod user;
