//! What the service manager is told, as `sd_notify(3)` has it. Where none listens, nothing is said.

use std::ffi::OsString;
use std::os::linux::net::SocketAddrExt as _;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::time::Duration;
use std::{env, io};

use sd_notify::NotifyState;

use crate::accounts::Accounts;
use crate::domain::WebUrl;
use crate::failure::in_words;
use crate::settings::Listen;

pub(crate) fn tell_serving(public_url: &WebUrl, listen: &Listen) {
    let status = format!("Serving {public_url} at {listen}");
    tell(&[NotifyState::Ready, NotifyState::Status(&status)]);
}

/// Where the server listens, as its status says that.
pub(crate) fn address_in_status(status: &str) -> Option<&str> {
    let (_, address) = status.strip_prefix("Serving ")?.rsplit_once(" at ")?;
    Some(address)
}

/// With the time, by which systemd knows which reload is meant.
pub(crate) fn tell_reload() {
    match NotifyState::monotonic_usec_now() {
        Ok(now) => tell(&[NotifyState::Reloading, now]),
        Err(err) => tracing::warn!(event = "not_notified", error = in_words(&err)),
    }
}

/// The server goes on, also where the reload failed.
pub(crate) fn tell_reloaded() {
    tell(&[NotifyState::Ready]);
}

pub(crate) fn tell_stop() {
    tell(&[NotifyState::Stopping]);
}

/// Says twice in each period of the watchdog that the server can answer. Never ends.
pub(crate) async fn keep_watch(accounts: &Accounts) {
    let Some(period) = sd_notify::watchdog_enabled().filter(|it| *it > Duration::ZERO) else {
        return std::future::pending().await;
    };
    loop {
        look(accounts.clone()).await;
        tell(&[NotifyState::Watchdog]);
        tokio::time::sleep(period / 2).await;
    }
}

/// Done when a thread that answers requests is free, and the thread that writes has done what it
/// is asked. If either hangs, this waits, and the watchdog bites. That a write fails is an answer too:
/// a new start does not empty a full disk.
async fn look(accounts: Accounts) {
    let probe = tokio::spawn(async move { accounts.check_writable().await });
    match probe.await {
        Ok(Ok(())) => {}
        Ok(Err(failure)) => failure.log(),
        Err(err) => tracing::error!(event = "failure", error = %err),
    }
}

fn tell(states: &[NotifyState<'_>]) {
    if let Err(err) = send(states) {
        tracing::warn!(event = "not_notified", error = in_words(&err));
    }
}

/// Whether there is one.
pub(crate) fn listens() -> bool {
    socket().is_some()
}

fn socket() -> Option<OsString> {
    env::var_os("NOTIFY_SOCKET").filter(|it| !it.is_empty())
}

/// The library takes every name for a path, and systemd has names that begin with `@` too, which are in no
/// folder.
fn send(states: &[NotifyState<'_>]) -> io::Result<()> {
    let Some(socket) = socket() else {
        return Ok(());
    };
    let address = match socket.as_bytes().strip_prefix(b"@") {
        Some(name) => SocketAddr::from_abstract_name(name)?,
        None => SocketAddr::from_pathname(&socket)?,
    };
    let lines: String = states.iter().map(|it| format!("{it}\n")).collect();
    let sender = UnixDatagram::unbound()?;
    sender.send_to_addr(lines.as_bytes(), &address).map(drop)
}
