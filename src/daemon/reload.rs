//! SIGHUP: what can be read again without a new start is read again.

use anyhow::Context;
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::compose;
use crate::daemon::service_manager;
use crate::operator::Operator;
use crate::settings::Settings;

/// From now on a hangup does not end the process.
pub(crate) fn hangups() -> anyhow::Result<Signal> {
    signal(SignalKind::hangup()).context("cannot wait for signals")
}

/// At each hangup reads keys and templates of mails again. If one of them is wrong, the server goes
/// on with those that it has.
pub(crate) async fn reload_at_each(mut hangups: Signal, operator: &Operator, settings: &Settings) {
    while hangups.recv().await.is_some() {
        service_manager::tell_reload();
        let reloaded = match compose::letters(settings) {
            Ok(letters) => operator.reload(letters).await,
            Err(failure) => Err(failure),
        };
        match reloaded {
            Ok(()) => tracing::info!(
                event = "sys_reloaded",
                note = "signing keys and mail templates; a change of settings needs a new start"
            ),
            Err(failure) => tracing::error!(event = "not_reloaded", error = failure.chain()),
        }
        service_manager::tell_reloaded();
    }
}
