//! Accounts in and out: records, JSON Lines, CSV, Django.

pub mod batch;
pub mod cells;
pub mod django;
pub mod read;
pub mod record;
