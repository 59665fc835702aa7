//! Accounts in and out: as JSON Lines, as CSV, and in from a dump of Django.

mod blacklist;
pub mod choices;
pub mod csv_rows;
pub mod django;
mod django_row;
pub mod export;
pub mod import;
pub mod input;
pub mod json_lines;
pub mod line;
mod lines;
mod marks;
pub mod report;
mod rows;
mod settle;
mod unshown;
pub mod without_password;
