//! The data folder of a server, which is taken before anything in it is opened.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use crate::compose::{self, Identity, Keys};
use crate::daemon::bind::{Bound, bind};
use crate::operator::Operator;
use crate::private_file::data_dir::{self, Locks};
use crate::private_file::owner::closing;
use crate::private_file::replace::remove_stale;
use crate::private_file::{folder_of, layout, new_database, replaceable_in};
use crate::settings::{Listen, Settings};
use crate::store::maintenance;

/// A data folder that is this server's alone.
pub(super) struct Place<'a> {
    /// It goes before the locks do: then it is nobody else's.
    made: Made<'a>,
    locks: Locks,
}

/// What was made for a start does not stay if that comes to nothing: the folder may have been named by mistake.
struct Made<'a> {
    /// The data folder, and those above it that were not there.
    folders: Vec<&'a Path>,
    /// The data folder, if nothing was in it, and the database: their locks are new.
    locks: Option<(&'a Path, Option<&'a Path>)>,
}

impl Drop for Made<'_> {
    fn drop(&mut self) {
        if let Some((folder, database)) = self.locks {
            data_dir::remove_locks(folder, database);
        }
        for folder in &self.folders {
            // Another server may have begun to fill it: only if it is empty.
            let _ = fs::remove_dir(folder);
        }
    }
}

impl<'a> Place<'a> {
    /// Where an address is taken nothing is made. The file of a socket is taken from whoever does not answer there: that
    /// may be a server of this data which has just begun, so the folder comes first.
    pub(super) async fn take_and_listen(settings: &'a Settings) -> anyhow::Result<(Self, Bound)> {
        let listen = async || bind(&settings.listen, &settings.socket, "listen").await;
        match settings.listen {
            Listen::Tcp(_) => {
                let bound = listen().await?;
                Ok((Self::take(settings)?, bound))
            }
            Listen::Unix(_) => Ok((Self::take(settings)?, listen().await?)),
        }
    }

    fn take(settings: &'a Settings) -> anyhow::Result<Self> {
        let folder = &*settings.data_dir;
        let missing = folder.ancestors().take_while(|it| {
            let is_named = !it.as_os_str().is_empty();
            // What cannot be looked at may be there.
            is_named && matches!(it.try_exists(), Ok(false))
        });
        let mut made = Made {
            folders: missing.collect(),
            locks: None,
        };
        // Before the database is opened: a newer program must not migrate it under a running server.
        compose::check_place(settings, Keys::Needed)?;
        let database = settings.database.file();
        let is_empty = fs::read_dir(folder).is_ok_and(|mut it| it.next().is_none());
        let locks = data_dir::lock(folder, database)?;
        made.locks = is_empty.then_some((folder, database));
        warn_of_open_folders(settings);
        remove_drafts(settings);
        Ok(Self { made, locks })
    }

    pub(super) fn locks(&self) -> &Locks {
        &self.locks
    }

    /// Opens or makes the database.
    pub(super) fn open(
        &mut self,
        settings: &Settings,
        identity: Identity,
    ) -> anyhow::Result<Operator> {
        let is_new = !maintenance::is_there(&settings.database)?;
        let operator = compose::use_cases(settings, identity, Keys::Needed, false)?;
        self.made.folders.clear();
        self.made.locks = None;
        if is_new && settings.database.file().is_some() {
            let note = new_database(&settings.database_file());
            tracing::info!(event = "sys_new_database", note);
        }
        Ok(operator)
    }
}

/// Others may put files of theirs in the place of ours; that is for the operator to judge.
fn warn_of_open_folders(settings: &Settings) {
    let file = settings.database_file();
    let folders = [&*settings.data_dir, folder_of(&file)];
    let open: BTreeSet<_> = folders.into_iter().filter_map(replaceable_in).collect();
    for folder in open {
        let what_to_do = closing(&folder);
        tracing::warn!(
            event = "sys_open_folder",
            folder = %folder.display(),
            note = format!("others can put files of theirs in the place of ours; {what_to_do}")
        );
    }
}

/// A backup that was killed leaves a copy of the whole database.
fn remove_drafts(settings: &Settings) {
    let folders = layout::FOLDERS.map(|it| settings.data_dir.join(it));
    let folders = folders.iter().map(PathBuf::as_path);
    folders
        .chain([&*settings.data_dir, folder_of(&settings.database_file())])
        .for_each(remove_stale);
}
