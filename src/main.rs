//! Parse, run, print the error, exit.

use std::process::ExitCode;

#[global_allocator]
static ALLOCATOR: minisass_auth::allocator::KeepLarge = minisass_auth::allocator::KeepLarge;

fn main() -> ExitCode {
    match minisass_auth::cli::run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(err) => {
            // Standard error may be closed; there is nobody to tell then.
            let _ = std::io::Write::write_fmt(
                &mut std::io::stderr(),
                format_args!("minisass-auth: {err:#}\n"),
            );
            ExitCode::FAILURE
        }
    }
}
