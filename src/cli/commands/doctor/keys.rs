//! The keys: whether they are there and can be opened, strong, and young enough.

use super::finding::{Finding, NOT_OURS, Subject};
use crate::compose;
use crate::crypto::{Keyring, LinkKey, MasterKey, OldKeys, SigningKey};
use crate::failure::Failure;
use crate::private_file::{content, layout};
use crate::store::keys::StoredKeys;
use crate::store::maintenance::{Inspection, newest_schema};

/// How old a signing key may get, in days.
const MOST_DAYS: i64 = 365;

pub(super) const CHECKS: [&str; 3] = ["master_key", "signing_key", "link_key"];

const ADVICE: &str = "put a copy of it back, or run this as its owner";
const RESTORE: &str = "if there is a backup, put it back with `db restore` before the next command";

pub(crate) fn check(subject: &Subject<'_>) -> [Finding; 3] {
    let skipped = |because| CHECKS.map(|it| Finding::skipped(it, because));
    if !subject.has_data_dir() {
        return skipped("there is no data folder");
    }
    if !subject.is_ours() {
        return skipped(NOT_OURS);
    }
    let Some(settings) = &subject.settings else {
        return skipped("the settings are wrong");
    };
    let Ok(stored) = stored(subject) else {
        return skipped("the database cannot be read");
    };
    let has_place = stored.is_some();
    let Some(stored) = stored.filter(|it| !it.keys.is_empty()) else {
        return without_keys(subject, has_place);
    };
    match compose::master_key(settings) {
        Ok(Some(master)) => opened(&stored, &master, subject),
        Ok(None) => {
            let missing = "there is none, and the keys in the database are sealed with it";
            let advice = "put your copy of it back, as keys/master.key in the data folder; or name it with \
                          master_key_file, if systemd lends it to the service alone";
            without_master(Finding::failed("master_key", missing, advice))
        }
        Err(failure) => without_master(Finding::refused("master_key", &failure.chain(), ADVICE)),
    }
}

/// The keys in the database; None if that has no place for them yet.
fn stored(subject: &Subject<'_>) -> Result<Option<StoredKeys>, Failure> {
    if subject.is_database_missing() {
        return Ok(None);
    }
    let inspection = Inspection::of(&subject.database)?;
    let is_current = inspection.schema()? >= newest_schema();
    is_current.then(|| inspection.keys()).transpose()
}

/// Of a new database, or one of a version that had the keys in files.
fn without_keys(subject: &Subject<'_>, has_place: bool) -> [Finding; 3] {
    match OldKeys::read(&subject.data_dir.join(layout::KEYS)) {
        Err(failure) => {
            let chain = failure.chain();
            CHECKS.map(|it| Finding::refused(it, &chain, ADVICE))
        }
        Ok(old) if old.is_empty() && content::is_complete(&subject.data_dir) => {
            if !has_place {
                return CHECKS.map(|it| Finding::skipped(it, "the database has no place for them"));
            }
            let gone = "they are gone from the database";
            CHECKS.map(|it| Finding::failed(it, gone, RESTORE))
        }
        Ok(old) if old.is_empty() => {
            let missing = "there is none; the next command makes one";
            CHECKS.map(|it| Finding::warning(it, missing, RESTORE))
        }
        Ok(_) => {
            let waiting = "the keys are files of an older version; the next start takes them over";
            CHECKS.map(|it| Finding::ok(it, waiting))
        }
    }
}

fn without_master(master: Finding) -> [Finding; 3] {
    let skipped = |it| Finding::skipped(it, "the keys cannot be opened");
    [master, skipped("signing_key"), skipped("link_key")]
}

fn opened(stored: &StoredKeys, master: &MasterKey, subject: &Subject<'_>) -> [Finding; 3] {
    let ring = Keyring::open(&stored.keys, master);
    let link = LinkKey::open(&stored.keys, master);
    if let (Err(failure), Err(_)) = (&ring, &link) {
        let refused = Finding::refused("master_key", &failure.chain(), ADVICE);
        return without_master(refused);
    }
    let signing = match ring {
        Ok(ring) => of_signing(&ring.list(), subject),
        Err(failure) => Finding::refused("signing_key", &failure.chain(), RESTORE),
    };
    let link = match link {
        Ok(_) => Finding::ok("link_key", "the key of mailed links can be opened"),
        Err(failure) => Finding::refused("link_key", &failure.chain(), RESTORE),
    };
    let master = Finding::ok("master_key", "it opens the keys in the database");
    [master, signing, link]
}

fn of_signing(keys: &[SigningKey], subject: &Subject<'_>) -> Finding {
    let Some(key) = keys.iter().find(|it| it.signs) else {
        let missing = "there is none, and nothing can be signed";
        return Finding::failed("signing_key", missing, RESTORE);
    };
    let kid = &key.kid;
    let days = key
        .made_at
        .map_or(0, |it| subject.now.seconds_since(it) / 86_400);
    if days > MOST_DAYS {
        return Finding::warning(
            "signing_key",
            format!("{kid} signs since {days} days"),
            "run: minisass-auth key rotate",
        );
    }
    if let Some(weak) = keys.iter().find(|it| it.is_weak) {
        return Finding::warning(
            "signing_key",
            format!("{} was made for development, and may be known", weak.kid),
            "once its tokens have expired, run: minisass-auth key rotate, then key retire",
        );
    }
    let others = keys.len() - 1;
    Finding::ok(
        "signing_key",
        format!("{kid} signs, others that verify: {others}, all are strong"),
    )
}
