//! The software of other people that this program lives among, as it really is: Chromium, nginx,
//! Postfix, shells, spreadsheets, Django projects. `tests/run` installs it on Debian.
//!
//! Whoever asks for a part that is missing gets none, and the test is skipped with the reason; with
//! `MINISASS_WORLD_REQUIRED=1`, as in CI, it fails.

mod accessible;
mod account;
mod account_advice;
mod account_serve;
mod browser;
mod browser_links;
mod browser_pages;
mod clients;
mod container;
mod django_move;
mod django_project;
mod either_server;
mod failing_disk;
mod front_end;
mod full_disk;
mod guide_token;
mod guides;
mod mounted;
mod packages;
mod pages;
mod pooler;
mod port;
mod postfix;
mod postfix_mail;
mod proxy;
mod proxy_behind;
mod schemathesis;
mod sheet;
mod sheet_import;
mod shells;
mod shells_complete;
mod simplejwt;
mod two_servers;

use std::path::{Path, PathBuf};

/// A file of `tests/world`.
pub fn file(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/world")
        .join(name)
}

/// Where parts are installed, and screenshots kept.
pub fn beside_the_build(name: &str) -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR"))
        .join("world")
        .join(name)
}

/// A part of the world, or none if it is missing and need not be there.
#[track_caller]
pub fn part<T>(found: Result<T, String>) -> Option<T> {
    match found {
        Ok(found) => Some(found),
        Err(reason) => {
            let is_required = std::env::var("MINISASS_WORLD_REQUIRED").is_ok_and(|it| it == "1");
            assert!(!is_required, "{reason}");
            eprintln!("skipped: {reason}");
            None
        }
    }
}

/// A Python with Django and pandas.
#[track_caller]
pub fn python() -> Option<&'static Path> {
    part(crate::django::python().map_err(str::to_owned))
}

/// A program of the machine. Those of administrators are found by everybody.
pub fn program(name: &str) -> Result<PathBuf, String> {
    let path = std::env::var("PATH").unwrap_or_default() + ":/usr/local/sbin:/usr/sbin:/sbin";
    let found = std::env::split_paths(&path).map(|folder| folder.join(name));
    let found = found.into_iter().find(|it| it.is_file());
    found.ok_or_else(|| format!("there is no {name} (Debian: tests/run as root installs it)"))
}
