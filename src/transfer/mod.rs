//! Accounts in and out: as JSON Lines, as CSV, and in from a dump of Django.

mod blacklist;
pub mod csv_rows;
pub mod django;
pub mod export;
pub mod import;
pub mod json_lines;
pub mod line;
