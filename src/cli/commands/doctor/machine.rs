//! What the machine has: the program, room on the disk, time and memory for hashes.

use std::fs;
use std::path::Path;
use std::time::Duration;

use super::finding::{Finding, Subject};
use crate::domain::counted;
use crate::failure::in_words;
use crate::store::maintenance;

const MIB: u64 = 1 << 20;

/// With less room on the disk a night's work may fill it.
const LEAST_ROOM: u64 = 64 * MIB;
const GOOD_ROOM: u64 = 1024 * MIB;

/// Nobody waits longer for a login.
const PATIENCE: Duration = Duration::from_secs(2);

pub(super) const DISK: &str = "disk";

const CALIBRATE: &str = "run: minisass-auth doctor --calibrate";

pub(crate) fn program() -> Finding {
    match maintenance::engine_version() {
        Ok(sqlite) => Finding::ok(
            "program",
            format!(
                "minisass-auth {}, SQLite {sqlite}",
                env!("CARGO_PKG_VERSION")
            ),
        ),
        Err(failure) => Finding::refused("program", &failure.chain(), ""),
    }
}

/// A backup, or the copy before a migration, needs as much room as the database.
pub(crate) fn disk(subject: &Subject<'_>) -> Finding {
    let folder = &subject.data_dir;
    let there = folder.ancestors().find(|it| it.exists());
    let room = match rustix::fs::statvfs(there.unwrap_or(Path::new("."))) {
        Ok(disk) => disk.f_bavail.saturating_mul(disk.f_frsize),
        Err(err) => {
            return Finding::failed(
                DISK,
                format!("it says nothing: {}", in_words(&err)),
                "look after it",
            );
        }
    };
    let file = subject.database.file();
    let database = file.and_then(|it| fs::metadata(it).ok());
    let database = database.map_or(0, |it| it.len());
    let finding = format!("{} MiB are free for {}", room / MIB, folder.display());
    let advice = "make room, or move data_dir to a larger disk";
    if room < LEAST_ROOM.max(database) {
        let needed = LEAST_ROOM.max(database) / MIB;
        Finding::failed(DISK, format!("{finding}, of {needed} needed"), advice)
    } else if room < GOOD_ROOM {
        Finding::warning(DISK, finding, advice)
    } else {
        Finding::ok(DISK, finding)
    }
}

pub(crate) fn hashing(subject: &Subject<'_>) -> [Finding; 2] {
    let Some(settings) = &subject.settings else {
        return ["hash_cost", "hash_memory"]
            .map(|it| Finding::skipped(it, "the settings are wrong"));
    };
    let cost = settings.scrypt;
    let time = match cost.measure() {
        Ok(took) => {
            let fault = if !cost.is_sufficient() {
                ", which is weaker than OWASP asks for"
            } else if took > PATIENCE {
                ", which is long to wait"
            } else {
                ""
            };
            let finding = format!("a hash at {cost} takes {} ms{fault}", took.as_millis());
            if fault.is_empty() {
                Finding::ok("hash_cost", finding)
            } else {
                Finding::warning("hash_cost", finding, CALIBRATE)
            }
        }
        Err(failure) => Finding::refused("hash_cost", &failure.chain(), CALIBRATE),
    };
    let needed = cost.memory().saturating_mul(settings.hash_threads as u64);
    let threads = counted(
        settings.hash_threads,
        "hashing thread needs",
        "hashing threads need",
    );
    let finding = format!("{threads} up to {} MiB", needed / MIB);
    let memory = match free_memory() {
        Some(free) if needed > free / 2 => Finding::warning(
            "hash_memory",
            format!("{finding}, and {} MiB are free", free / MIB),
            "set hash_threads lower, or give the machine more memory",
        ),
        _ => Finding::ok("hash_memory", finding),
    };
    [time, memory]
}

/// What programs can still get, in bytes; a container may have less than its machine. None where
/// the system does not say so.
pub(crate) fn free_memory() -> Option<u64> {
    let text = fs::read_to_string("/proc/meminfo").ok()?;
    let line = text
        .lines()
        .find_map(|it| it.strip_prefix("MemAvailable:"))?;
    let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    let limit = fs::read_to_string("/sys/fs/cgroup/memory.max").ok();
    let limit = limit.and_then(|it| it.trim().parse().ok());
    Some((kib * 1024).min(limit.unwrap_or(u64::MAX)))
}
