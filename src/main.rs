//! Parse, run, print the error, exit.

use std::process::ExitCode;

/// scrypt takes and frees 128 MiB for each password. glibc maps and unmaps them, at 32 769 page
/// faults a hash; mimalloc keeps them, which makes a login a third faster.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

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
