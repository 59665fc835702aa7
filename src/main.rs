//! Hands everything to the command line.

use std::process::ExitCode;

#[global_allocator]
static ALLOCATOR: minisass_auth::allocator::KeepLarge = minisass_auth::allocator::KeepLarge;

fn main() -> ExitCode {
    minisass_auth::cli::run()
}
