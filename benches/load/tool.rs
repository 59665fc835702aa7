//! The command line under measurement: one run of the release binary, timed.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};

use crate::server::program;

/// How long the command took, from its start to its end. It must succeed.
pub async fn time(data: &Path, arguments: &[&str]) -> Result<Duration> {
    let mut command = program(data);
    command.args(arguments);
    command.stdin(Stdio::null()).stdout(Stdio::null());
    command.stderr(Stdio::piped());
    let work = tokio::task::spawn_blocking(move || {
        let started = Instant::now();
        let output = command.output().context("starting the command line")?;
        let taken = started.elapsed();
        let said = String::from_utf8_lossy(&output.stderr);
        ensure!(output.status.success(), "{command:?}: {said}");
        Ok(taken)
    });
    work.await.context("the waiting thread panicked")?
}

/// How the names of users follow one another in a file.
#[derive(Clone, Copy)]
pub enum Names {
    /// As their numbers do: the indexes of the database are filled from end to end.
    InOrder,
    /// As those of people do: every row goes to a page of its own.
    InRandomOrder,
}

/// Writes JSON Lines of so many users with a profile and a password hash.
pub fn write_users(path: &Path, count: u64, names: Names) -> Result<()> {
    let mut file = BufWriter::new(File::create(path).context("writing a file of users")?);
    for number in 1..=count {
        let name = match names {
            Names::InOrder => number,
            // Odd, so that no two numbers have the same product in 64 bits.
            Names::InRandomOrder => number.wrapping_mul(0x9e37_79b9_7f4a_7c15),
        };
        writeln!(
            file,
            r#"{{"id":{number},"username":"{name:016x}","email":"{name:016x}@example.org","first_name":"Ada","last_name":"Lovelace","created_at":"2024-05-01T10:20:30Z","organisation_type":"NGO","organisation_name":"Friends of the River","country":"ZA","additional_fields":{{}},"consents":[],"password_hash":"{HASH}"}}"#
        )?;
    }
    file.flush().context("writing a file of users")
}

const HASH: &str =
    "$scrypt$ln=17,r=8,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
