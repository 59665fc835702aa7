//! Files that are for nobody else: locks, and replacement in one step.

pub mod lock;
pub mod replace;
