//! The backups that `serve` makes by itself.

use std::path::PathBuf;
use std::time::Duration;

use super::settings::Settings;
use crate::accounts::{Accounts, Caller};

/// The backups that the server makes by itself.
pub(super) struct Backups {
    folder: PathBuf,
    every: Duration,
    keep: usize,
    caller: Caller,
}

impl Backups {
    pub(super) fn of(settings: &Settings) -> Option<Self> {
        Some(Self {
            folder: settings.data_dir.join("backups"),
            every: settings.backup_every?,
            keep: settings.backup_keep,
            caller: Caller {
                name: "serve".to_owned(),
                address: None,
                user_agent: None,
            },
        })
    }

    pub(super) async fn make(&self, accounts: &Accounts) {
        let made = accounts
            .back_up_if_due(&self.folder, self.every, self.keep, &self.caller)
            .await;
        match made {
            Ok(None) => {}
            Ok(Some(path)) => {
                tracing::info!(event = "backup_made", path = %path.display());
            }
            Err(failure) => tracing::error!(event = "failure", error = failure.chain()),
        }
    }
}
