//! The keys of an installation: in the database, sealed with the master key, which is a file.

use std::path::Path;

use anyhow::{Context, bail, ensure};

use crate::crypto::{MasterKey, OldKeys, Random, master_key_in, missing_keys};
use crate::domain::{Actor, Stamp};
use crate::failure::Failure;
use crate::operator::first_keys::OpenKeys;
use crate::private_file::content;
use crate::private_file::data_dir;
use crate::private_file::{folder_of, layout};
use crate::settings::Settings;
use crate::store::maintenance::Inspection;
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
    let was_complete = content::is_complete(&settings.data_dir);
    let stored = store.keys().wait()?;
    if !stored.keys.is_empty() {
        let master = master_key(settings)?;
        let Some(master) = master else {
            bail!(missing_master(
                settings,
                "the keys in the database are sealed with one"
            ))
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

/// Puts new keys in the place of all others, whatever master key sealed them, of a database that no server
/// uses. `confirm` is told whether the master key at hand opens them.
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
    discarded
}

fn discard_in(
    store: &Store,
    settings: &Settings,
    actor: &Actor,
    confirm: impl FnOnce(bool) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    store.ensure_alone(&settings.database)?;
    let stored = store.keys().wait()?;
    let master = master_key(settings)
        .context("what lies there is no master key; remove it to have one made")?;
    confirm(
        master
            .as_ref()
            .is_some_and(|it| OpenKeys::of(&stored, it).is_ok()),
    )?;
    let (random, folder) = (Random::System, settings.data_dir.join(layout::KEYS));
    let master = match master {
        Some(master) => master,
        None => MasterKey::make(&master_key_in(&folder), &folder, &random)?,
    };
    let stamp = actor.at(store.common_clock()?.now());
    Ok(OpenKeys::renew(store, &master, &random, &stamp)?)
}

/// Refuses a data folder that has lost the keys that it had: new ones in their place would end every session,
/// and nobody would be told.
pub(super) fn check_there(settings: &Settings) -> anyhow::Result<()> {
    let folder = settings.data_dir.join(layout::KEYS);
    let Some(missing) = missing_keys(&folder) else {
        return Ok(());
    };
    if missing == master_key_in(&folder) {
        bail!(missing_master(settings, "this data folder has had keys"));
    }
    bail!(
        "{} is missing, and this data folder had it; put your copy of it back, or, if it is lost, \
         run `key rotate --discard-old` to have new keys made, which ends every token and every mailed link",
        missing.display()
    )
}

/// What to do about a master key that is not where it is looked for, nor named by a setting.
pub(super) fn missing_master(settings: &Settings, why: &str) -> String {
    let missing = master_key_in(&settings.data_dir.join(layout::KEYS));
    let beside = folder_of(&settings.database_file()).join(layout::KEYS);
    let beside = master_key_in(&beside);
    let elsewhere = if beside != missing && beside.exists() {
        format!(", which may be {}", beside.display())
    } else {
        String::new()
    };
    let missing = missing.display();
    format!(
        "there is no master key {missing}, and {why}; if yours is elsewhere, set master_key_file to it\
         {elsewhere}; if not, put your copy there, or, if it is lost, run `key rotate --discard-old`, which ends \
         every token and every mailed link"
    )
}

/// What there is to say of the keys that a restore brought.
pub(crate) fn restored(settings: &Settings) -> &'static str {
    let stored = Inspection::of(&settings.database).and_then(|it| it.keys());
    match (stored, master_key(settings)) {
        (Ok(stored), _) if stored.keys.is_empty() => {
            "the backup has none; the next start takes over the files of an older version in the folder keys, or \
             makes new ones, with which every token and every mailed link ends"
        }
        (Ok(stored), Ok(Some(it))) if OpenKeys::of(&stored, &it).is_ok() => {
            "as in the backup; one that was retired since is there again"
        }
        (_, Ok(None)) => {
            "as in the backup; put a copy of the master key that sealed them there before the next start, or \
             set master_key_file to it"
        }
        _ => {
            "as in the backup, and the master key here did not seal them; put the one that did in its place \
             before the next start"
        }
    }
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
