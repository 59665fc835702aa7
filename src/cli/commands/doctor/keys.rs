//! The keys: whether they are there, strong, and young enough.

use super::finding::{Finding, NOT_OURS, Subject};
use crate::crypto::{Keyring, LinkKey, SigningKey};
use crate::private_file::layout;

/// How old a signing key may get, in days.
const MOST_DAYS: i64 = 365;

const ADVICE: &str = "put the folder keys back from a copy, or run this as its owner";
const RESTORE: &str = "if there is a copy of the folder keys, put it back before the next command";

pub(crate) fn check(subject: &Subject<'_>) -> [Finding; 2] {
    let skipped = |because| ["signing_key", "link_key"].map(|it| Finding::skipped(it, because));
    if !subject.has_data_dir() {
        return skipped("there is no data folder");
    }
    if !subject.is_ours() {
        return skipped(NOT_OURS);
    }
    let folder = subject.data_dir.join(layout::KEYS);
    if !folder.exists() {
        let missing = "there is none; the next command makes one, and older tokens and links end";
        return ["signing_key", "link_key"].map(|it| Finding::warning(it, missing, RESTORE));
    }
    let signing = match Keyring::read(&folder).map(|it| it.list()) {
        Ok(keys) => of_signing(&keys, subject),
        Err(failure) => Finding::refused("signing_key", &failure.chain(), ADVICE),
    };
    let link = match LinkKey::read(&folder) {
        Ok(_) => Finding::ok("link_key", "the key of mailed links is strong"),
        Err(failure) => Finding::refused("link_key", &failure.chain(), ADVICE),
    };
    [signing, link]
}

fn of_signing(keys: &[SigningKey], subject: &Subject<'_>) -> Finding {
    let Some(key) = keys.iter().find(|it| it.signs) else {
        let missing = "there is none; the next command makes one, and older tokens end";
        return Finding::warning("signing_key", missing, RESTORE);
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
