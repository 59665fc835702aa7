//! What went wrong on our side: the disk, the database, a broken file. Logged whole, shown as nothing.

use std::any::Any;
use std::error::Error;
use std::io::{self, ErrorKind};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};
use std::{fmt, iter};

use rustix::io::Errno;

/// Something the caller cannot act on. It carries what was being done and why that failed;
/// the whole chain goes to the log once, at the edge, and never to a client.
#[derive(Debug)]
pub struct Failure {
    doing: &'static str,
    transient: bool,
    is_logged: bool,
    is_in_doubt: bool,
    cause: Box<dyn Error + Send + Sync>,
}

impl Failure {
    /// A failure while `doing` (a phrase such as "reading a session").
    pub fn new(doing: &'static str, cause: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self {
            doing,
            transient: false,
            is_logged: false,
            is_in_doubt: false,
            cause: cause.into(),
        }
    }

    /// For `map_err`: `.map_err(Failure::when("reading a session"))`.
    pub fn when<E: Into<Box<dyn Error + Send + Sync>>>(
        doing: &'static str,
    ) -> impl FnOnce(E) -> Self {
        move |cause| Self::new(doing, cause)
    }

    /// Marks a failure that may pass by itself (the disk is full, a lock is held): the client is
    /// told to come back instead of being told that something broke.
    pub fn transient(mut self) -> Self {
        self.transient = true;
        self
    }

    /// Marks a failure of everything: the log has a line of it, and not one for each request.
    pub fn logged_once(mut self) -> Self {
        self.is_logged = true;
        self
    }

    /// Marks a failure of which nobody knows whether it is one: what was asked for may have been done.
    pub fn in_doubt(mut self) -> Self {
        self.is_in_doubt = true;
        self
    }

    /// Whether what was asked for may have been done.
    pub fn is_in_doubt(&self) -> bool {
        self.is_in_doubt
    }

    /// Whether the log has a line of it anyway.
    pub fn is_logged(&self) -> bool {
        self.is_logged
    }

    /// Writes the whole chain into the log, unless it is there. What stands in the way of every request, such as a full
    /// disk, is told again now and then, with how many lines were left out.
    pub fn log(&self) {
        if self.is_logged {
            return;
        }
        let chain = self.chain();
        // Of what may have been done each one is told.
        let left_out = if self.transient && !self.is_in_doubt {
            left_out(&chain)
        } else {
            Some(0)
        };
        if let Some(count) = left_out {
            let left_out = (count > 0).then_some(count);
            tracing::error!(event = "failure", error = chain, left_out);
        }
    }

    /// Whether the same request may succeed later without anyone changing the program.
    pub fn is_transient(&self) -> bool {
        self.transient
    }

    /// The whole chain on one line, for the log and for an operator at a terminal.
    pub fn chain(&self) -> String {
        let first: &(dyn Error + 'static) = self;
        chain(iter::successors(Some(first), |it| (**it).source()))
    }
}

/// How long the same failure is not told again.
const PAUSE: Duration = Duration::from_secs(10);

/// So many are remembered.
const MOST_TOLD: usize = 16;

/// A failure in the log.
struct Told {
    chain: String,
    at: Instant,
    left_out: u64,
}

/// How many lines like this one were left out since it was last told; None if this one is left out too.
fn left_out(chain: &str) -> Option<u64> {
    static TOLD: Mutex<Vec<Told>> = Mutex::new(Vec::new());
    let mut told = TOLD.lock().unwrap_or_else(PoisonError::into_inner);
    let now = Instant::now();
    if let Some(same) = told.iter_mut().find(|it| it.chain == chain) {
        if now.duration_since(same.at) < PAUSE {
            same.left_out += 1;
            return None;
        }
        same.at = now;
        return Some(std::mem::take(&mut same.left_out));
    }
    if told.len() >= MOST_TOLD {
        told.remove(0);
    }
    told.push(Told {
        chain: chain.to_owned(),
        at: now,
        left_out: 0,
    });
    Some(0)
}

/// An error and its causes on one line, in words.
pub fn chain<'a>(errors: impl IntoIterator<Item = &'a (dyn Error + 'static)>) -> String {
    let words: Vec<String> = errors.into_iter().map(in_words).collect();
    words.join(": ")
}

/// What an error says. What the operating system says comes without its number; where people can do
/// something about it, with what that is.
pub fn in_words(err: &(dyn Error + 'static)) -> String {
    let known = err
        .downcast_ref()
        .and_then(|it| os_words(it).or_else(|| no_host(it)).or_else(|| no_text(it)));
    known.map_or_else(|| without_number(&err.to_string()), str::to_owned)
}

/// What to say of an error, if it is one of the disk.
pub fn disk_fault(err: &io::Error) -> Option<&'static str> {
    let errno = errno_of(err)?;
    let is_of_disk = [
        Errno::IO,
        Errno::NXIO,
        Errno::NOSPC,
        Errno::DQUOT,
        Errno::ROFS,
    ]
    .contains(&errno);
    is_of_disk.then(|| os_words(err)).flatten()
}

/// SQLite says 0 where the system said nothing: of a file that is shorter than it should be, say.
fn errno_of(err: &io::Error) -> Option<Errno> {
    let number = err.raw_os_error().filter(|it| *it > 0)?;
    Some(Errno::from_raw_os_error(number))
}

fn os_words(err: &io::Error) -> Option<&'static str> {
    let errno = errno_of(err)?;
    Some(match err.kind() {
        ErrorKind::NotFound => "there is no such file or folder",
        ErrorKind::IsADirectory => "it is a folder",
        ErrorKind::NotADirectory => "its path leads through a file, which is no folder",
        ErrorKind::PermissionDenied => {
            "permission denied; run it as the owner, or give this user access"
        }
        ErrorKind::StorageFull => DISK_FULL,
        ErrorKind::QuotaExceeded => "the quota of this user is used up; make room",
        ErrorKind::ReadOnlyFilesystem => READ_ONLY,
        _ if [Errno::IO, Errno::NXIO].contains(&errno) => DISK_ERROR,
        _ if errno == Errno::MFILE || errno == Errno::NFILE => {
            "too many files are open; raise the limit (`ulimit -n`)"
        }
        _ => return None,
    })
}

/// What looks names up has neither a kind nor a number for it.
fn no_host(err: &io::Error) -> Option<&'static str> {
    let said = err.to_string();
    said.contains("lookup address")
        .then_some("there is no host of that name")
}

/// What the standard library says of bytes that are no text has neither a number nor a cause.
fn no_text(err: &io::Error) -> Option<&'static str> {
    let is_plain = err.raw_os_error().is_none() && err.get_ref().is_none();
    (is_plain && err.kind() == ErrorKind::InvalidData).then_some(NO_TEXT)
}

/// Of a text that is read.
const NO_TEXT: &str = "it is not UTF-8; what `>` of PowerShell or Notepad wrote may be UTF-16: \
                           iconv -f UTF-16 -t UTF-8";

/// Nothing more goes onto the disk.
pub const DISK_FULL: &str = "the disk is full; make room on it, and try again";

/// The file system takes nothing.
pub const READ_ONLY: &str = "the file system is read-only; in a container use its volume, for a service of \
                             systemd name the folder with ReadWritePaths= (`systemctl edit minisass-auth`), \
                             elsewhere mount it so that it can be written (if it was before, `dmesg` says \
                             what happened)";

/// The disk is out of order.
pub const DISK_ERROR: &str =
    "the disk reports an error; look at what `dmesg` prints, and have the disk checked";

/// Without ` (os error 2)`, which says the same again. Some libraries put it into a text of their own.
fn without_number(text: &str) -> String {
    let mut parts = text.split(" (os error ");
    let mut words = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        words.push_str(part.split_once(')').map_or(part, |it| it.1));
    }
    words
}

/// What to say of something that `catch_unwind` caught.
pub fn panic_message(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().copied();
    let text = text.or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    format!("it panicked: {}", text.unwrap_or("nobody knows why"))
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "failed {}", self.doing)
    }
}

impl Error for Failure {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(self.cause.as_ref())
    }
}
