//! The proxy that speaks TLS for the server: whether anybody answers at the public address.

use std::net::TcpStream;

use super::finding::{Finding, Subject};
use crate::cli::commands::healthcheck::in_time;
use crate::failure::in_words;
use crate::private_file::data_dir;

const CHECK: &str = "proxy";

/// None where there is no proxy, or nothing behind it.
pub(crate) fn check(subject: &Subject<'_>) -> Option<Finding> {
    let settings = subject.settings.as_ref()?;
    let url = settings.public_url.as_ref().filter(|it| it.is_https())?;
    if !data_dir::is_served(&subject.data_dir, subject.database.file()) {
        return None;
    }
    let address = url.address();
    let asked = address.clone();
    let why = match in_time(move || TcpStream::connect(asked)) {
        Some(Ok(_)) => return Some(Finding::ok(CHECK, format!("somebody answers at {address}"))),
        Some(Err(err)) => in_words(&err),
        None => "there is no answer".to_owned(),
    };
    Some(Finding::warning(
        CHECK,
        format!("nobody answers at {address}: {why}"),
        "start the proxy, and see that the name leads to it; this may be right where only others reach it",
    ))
}
