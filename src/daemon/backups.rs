//! The backups that `serve` makes by itself.

use std::sync::Arc;

use tokio::runtime::Handle;
use tokio::sync::watch;

use crate::domain::{Actor, Timestamp};
use crate::failure::Failure;
use crate::operator::Operator;
use crate::operator::maintenance::BackupSchedule;
use crate::private_file::layout;
use crate::progress::Progress;
use crate::settings::Settings;

pub(crate) struct Backups {
    schedule: BackupSchedule,
    caller: Actor,
}

impl Backups {
    pub(crate) fn of(settings: &Settings) -> Option<Self> {
        Some(Self {
            schedule: BackupSchedule {
                folder: settings.data_dir.join(layout::BACKUPS),
                every: settings.backup_every?,
                keep: settings.backup_keep,
            },
            caller: Actor::server(),
        })
    }

    /// Makes one if it is time at `now`, on a thread of its own: to copy and verify a database takes minutes.
    /// A stop of the server does not wait for it.
    pub(crate) async fn make(
        &self,
        operator: &Operator,
        now: Timestamp,
        stopped: &watch::Receiver<bool>,
    ) {
        let watched = stopped.clone();
        let progress: Progress = Arc::new(move |_| !*watched.borrow());
        let (schedule, caller) = (self.schedule.clone(), self.caller.clone());
        let (operator, runtime) = (operator.clone(), Handle::current());
        let making = tokio::task::spawn_blocking(move || {
            runtime.block_on(operator.back_up_if_due(&schedule, now, &caller, &progress))
        });
        let made = making
            .await
            .unwrap_or_else(|err| Err(Failure::new("making a scheduled backup", err.to_string())));
        match made {
            Ok(None) => {}
            Err(_) if *stopped.borrow() => {}
            Ok(Some(path)) => {
                tracing::info!(event = "backup_made", path = %path.display());
            }
            Err(failure) => failure.log(),
        }
    }
}
