//! Locks on files and folders. A lock goes when its file is closed, and so with the process, however
//! that ends.

use std::fs::{self, File, Metadata};
use std::io::{self, Write};
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::thread;
use std::time::Duration;

use rustix::fs::{FlockOperation, flock, major, minor};
use rustix::io::Errno;

use super::{append_to, is_replaced};

/// How often, and how many times, whoever does not wait for ever looks.
const LOOK: Duration = Duration::from_millis(20);
const LOOKS: u32 = 50;

/// Waits until nobody else has the lock of this folder.
pub(crate) fn wait(folder: &Path) -> io::Result<File> {
    let folder = File::open(folder)?;
    flock(&folder, FlockOperation::LockExclusive)?;
    Ok(folder)
}

/// As [`wait`], but only for a while: none if somebody else keeps it, or there is none to be had.
pub(crate) fn wait_a_while(folder: &Path) -> Option<File> {
    let folder = File::open(folder).ok()?;
    let take = |_| {
        let taken = flock(&folder, FlockOperation::NonBlockingLockExclusive).is_ok();
        if !taken {
            thread::sleep(LOOK);
        }
        taken
    };
    (0..LOOKS).any(take).then_some(folder)
}

/// Takes the lock, with a file of its own; None if somebody else has it.
pub(crate) fn take(path: &Path) -> io::Result<Option<File>> {
    let mut file = append_to(path)?;
    loop {
        match flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Err(Errno::WOULDBLOCK) => return Ok(None),
            // Some file systems have no locks.
            locked => locked?,
        }
        if !is_replaced(path, &file) {
            break;
        }
        // Whoever had it removed it meanwhile: nobody would find this one taken.
        file = append_to(path)?;
    }
    // The note of a holder that was killed.
    file.set_len(0)?;
    Ok(Some(file))
}

/// Leaves a note in a lock that is held, for whoever finds it taken.
pub(crate) fn leave_note(mut lock: &File, note: &str) -> io::Result<()> {
    lock.set_len(0)?;
    lock.write_all(note.as_bytes())
}

/// The note in a lock that somebody has. What a holder left that was killed counts no more.
pub(crate) fn note_in(path: &Path) -> Option<String> {
    // Most locks hold none: those are not touched.
    let note = fs::read_to_string(path).ok().filter(|it| !it.is_empty())?;
    is_taken(path).then_some(note)
}

/// Whether somebody has the lock. To find out, it is taken for a moment in which nobody else can
/// take it: so this is for rare commands.
pub(crate) fn is_taken(path: &Path) -> bool {
    let file = File::open(path);
    let ask = |it: &File| flock(it, FlockOperation::NonBlockingLockShared);
    file.is_ok_and(|it| ask(&it) == Err(Errno::WOULDBLOCK))
}

/// Who else has locked a file, as far as the system tells: such as "process 17 (sqlite3)".
pub(crate) fn holder_of(path: &Path) -> Option<String> {
    holder(&[fs::metadata(path).ok()?])
}

/// As [`holder_of`], of any file that this process has open.
pub(crate) fn holder_of_open_files() -> Option<String> {
    let open = fs::read_dir("/proc/self/fd").ok()?.flatten();
    let files: Vec<Metadata> = open.filter_map(|it| fs::metadata(it.path()).ok()).collect();
    holder(&files)
}

/// `/proc/locks` has a line for each lock, such as `1: POSIX ADVISORY WRITE 17 08:01:1234 120 120`: who
/// has it, and on which file of which device.
fn holder(files: &[Metadata]) -> Option<String> {
    let locks = fs::read_to_string("/proc/locks").ok()?;
    let name = |it: &Metadata| {
        let (device, inode) = (it.dev(), it.ino());
        format!("{:02x}:{:02x}:{inode}", major(device), minor(device))
    };
    let names: Vec<String> = files.iter().map(name).collect();
    let holder = |line: &str| {
        let fields: Vec<&str> = line.split_whitespace().collect();
        let [_, _, _, "WRITE", process, file, ..] = fields[..] else {
            return None;
        };
        let process: u32 = process.parse().ok()?;
        let is_it = process != std::process::id() && names.iter().any(|it| it == file);
        is_it.then_some(process)
    };
    let process = locks.lines().find_map(holder)?;
    // A unit of systemd may see only processes of its own user.
    let program = fs::read_to_string(format!("/proc/{process}/comm"));
    let program = program.map_or_else(|_| String::new(), |it| format!(" ({})", it.trim_end()));
    Some(format!("process {process}{program}"))
}
