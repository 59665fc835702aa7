//! The keys of an installation: in the database, sealed with the master key, which is a file.

use std::path::Path;

use anyhow::{bail, ensure};

use crate::clock::Clock;
use crate::crypto::{MasterKey, OldKeys, Random, master_key_in};
use crate::domain::{Actor, Stamp};
use crate::failure::Failure;
use crate::operator::first_keys::OpenKeys;
use crate::private_file::data_dir;
use crate::private_file::layout;
use crate::settings::Settings;
use crate::store::{Store, maintenance};

/// Opens the keys. If the database holds none they are taken over from the files of an older version, or
/// made.
pub(super) fn open(
    settings: &Settings,
    store: &Store,
    random: &Random,
    stamp: &Stamp,
    is_dry: bool,
) -> anyhow::Result<(OpenKeys, MasterKey)> {
    let folder = settings.data_dir.join(layout::KEYS);
    // Asked before the keys are: of several first starts, one may just have made them.
    let was_complete = data_dir::is_complete(&settings.data_dir);
    let stored = store.keys().wait()?;
    if !stored.keys.is_empty() {
        let master = master_key(settings)?;
        let Some(master) = master else {
            bail!(
                "the master key {} is missing, and the keys in the database are sealed with it; put your copy \
                 of it there, or, if it is lost, run `key rotate --discard-old`",
                master_key_in(&folder).display()
            )
        };
        let keys = OpenKeys::of(&stored, &master)?;
        // A start that was cut off has left them.
        match OldKeys::read(&folder) {
            Ok(old) if old.is_empty() || is_dry => {}
            Ok(old) => remove_old_files(&keys, old, &folder),
            Err(failure) => warn_of_others(&folder, &failure.chain()),
        }
        return Ok((keys, master));
    }
    let old = OldKeys::read(&folder)?;
    ensure!(
        !old.is_empty() || !was_complete,
        "the keys are gone from the database {}, and it had some; put a backup there with `db restore`, or make \
         new ones with `key rotate --discard-old`, which ends every token and every mailed link",
        settings.database,
    );
    let master = match master_key(settings)? {
        Some(master) => master,
        None if is_dry => MasterKey::passing(random)?,
        None => MasterKey::make(&master_key_in(&folder), &folder, random)?,
    };
    let keys = OpenKeys::begin(store, &master, &old, random, stamp)?;
    if !old.is_empty() && !is_dry {
        remove_old_files(&keys, old, &folder);
    }
    Ok((keys, master))
}

/// Gives up all keys, whatever master key sealed them, of a database that no server uses: the next use
/// cases make new ones. `confirm` is told whether the master key at hand opens them.
pub(crate) fn discard(
    settings: &Settings,
    actor: &Actor,
    confirm: impl FnOnce(bool) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    let file = settings.database.file();
    ensure!(
        maintenance::is_there(&settings.database)?,
        "there is no database {}",
        settings.database
    );
    data_dir::make(&settings.data_dir)?;
    data_dir::check_nobody_elses(&settings.data_dir, file)?;
    let _lock = data_dir::lock(&settings.data_dir, file)?;
    let old = OldKeys::read(&settings.data_dir.join(layout::KEYS))?;
    ensure!(
        old.is_empty(),
        "{} hold keys of an older version, which the next start would take over; remove these files first",
        old.names().join(", ")
    );
    let store = Store::open(&settings.database)?;
    let discarded = discard_in(&store, settings, actor, confirm);
    store.close();
    discarded?;
    data_dir::unmark_complete(&settings.data_dir);
    Ok(())
}

fn discard_in(
    store: &Store,
    settings: &Settings,
    actor: &Actor,
    confirm: impl FnOnce(bool) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    ensure!(
        store.others()? == 0,
        "others work on the database {}; stop every server of it first",
        settings.database
    );
    let stored = store.keys().wait()?;
    // One that is wrong opens nothing.
    let master = master_key(settings).ok().flatten();
    confirm(master.is_some_and(|it| OpenKeys::of(&stored, &it).is_ok()))?;
    store.discard_keys(actor.at(Clock::System.now())).wait()?;
    Ok(())
}

/// The one that a setting names, else the one in the folder of keys, if it is there.
pub(crate) fn master_key(settings: &Settings) -> Result<Option<MasterKey>, Failure> {
    let folder = &settings.data_dir.join(layout::KEYS);
    match &settings.master_key {
        Some(named) => Ok(Some(named.clone())),
        None => MasterKey::read(&master_key_in(folder), folder),
    }
}

/// The files of an older version are no second truth.
fn remove_old_files(keys: &OpenKeys, old: OldKeys, folder: &Path) {
    let names = old.names().join(", ");
    let removed = keys.remove_stored(old);
    match removed.map(|it| it.map(|names| names.join(", "))) {
        Ok([gone, others]) => {
            if !gone.is_empty() {
                tracing::info!(
                    event = "sys_keys_taken_over",
                    files = gone,
                    note = "these keys are in the database now, sealed with the master key; their files are gone"
                );
            }
            if !others.is_empty() {
                warn_of_others(folder, &others);
            }
        }
        // A folder that cannot be written to, say: the server can do without its files.
        Err(failure) => tracing::warn!(
            event = "sys_key_files_left",
            files = names,
            error = failure.chain(),
            note = "these keys are in the database now; remove their files, with which anybody can make tokens"
        ),
    }
}

fn warn_of_others(folder: &Path, what: &str) {
    tracing::warn!(
        event = "sys_key_files_unused",
        folder = %folder.display(),
        what,
        note = "the keys are in the database, and these files are not used; take one over with `key import`, \
                or remove them"
    );
}
