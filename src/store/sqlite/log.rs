//! Whether the write-ahead log beside a database belongs to it. Whoever puts a backup over the file
//! after a crash leaves the log of the old file there, and SQLite would mix the two.
//!
//! Page 1 of the file holds a stamp (SQLite's `user_version`, which is a part of the file's format):
//! a number of the last commit, and that of the commit before. A log starts anew only when all of it
//! is in the file. So the first stamp in a log follows the one in the file; or, when a part of the
//! log has been moved into the file, the stamp in the file is one of those in the log. Nothing else
//! is possible, however a process or a machine ended: anything else is another file. Half a stamp has
//! 16 bits, because SQLite's header has room for no more: one foreign log in 65 536 passes, and each that
//! an older version has written, without stamps.
//!
//! Log: <https://sqlite.org/fileformat2.html#the_write_ahead_log>.

use std::fs::File;
use std::io::{self, ErrorKind};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use rusqlite::Connection;

use crate::private_file::beside;

/// "mini" in ASCII: tells our files from those of other programs.
pub(super) const APPLICATION_ID: i32 = 0x6d69_6e69;

/// The write-ahead log beside a database.
pub(super) fn log_of(path: &Path) -> PathBuf {
    beside(path, "-wal")
}

/// Marks the transaction that is open as the commit after the last one; once for each.
pub(super) fn stamp(connection: &Connection) -> rusqlite::Result<()> {
    stamp_after(connection, connection)
}

/// As [`stamp`], for what is about to replace all that is in the file of `last`.
pub(super) fn stamp_after(connection: &Connection, last: &Connection) -> rusqlite::Result<()> {
    let last: i64 = last.query_row("PRAGMA user_version", [], |row| row.get(0))?;
    // Never 0, by which a file of an older version is known.
    let own: i64 = connection
        .prepare_cached("SELECT abs(random() % 65535) + 1")?
        .query_row([], |row| row.get(0))?;
    let stamp = (last as u32) << 16 | own as u32;
    connection.pragma_update(None, "user_version", stamp as i32)
}

/// How often a log that others restart is looked at anew.
const TRIES: u32 = 100;

/// Whether what is in the log, if anything, belongs to the file. Others may write meanwhile.
pub(super) fn belongs(database: &File, path: &Path) -> io::Result<bool> {
    // A page of a commit that is being written may be half there: only what is so twice is so.
    let mut doubted = None;
    for _ in 0..TRIES {
        let Some(log) = Log::open(path)? else {
            return Ok(true);
        };
        // Before the log: what comes into the file later is in a log that is longer by then.
        let Some(file) = Page::at(database, 0)? else {
            return Ok(true);
        };
        let belongs = log.belongs_to(&file)?;
        let later = Log::open(path)?;
        let is_same = later.is_some_and(|it| it.head == log.head);
        if belongs || is_same && doubted == Some(log.head) {
            return Ok(belongs);
        }
        doubted = Some(log.head);
    }
    // It changes all the time: somebody works with it.
    Ok(true)
}

/// Whether there is as much of a database as its header says.
pub(super) fn is_whole(database: &File) -> io::Result<bool> {
    let page = Page::at(database, 0)?;
    let length = database.metadata()?.len();
    Ok(page.is_some_and(|it| it.length <= length))
}

/// Whether nothing in the log has been moved into the database: page 1 goes there before all others,
/// and is in every commit.
pub(super) fn is_unmoved(database: &File, path: &Path) -> io::Result<bool> {
    let first = Log::open(path)?.and_then(|it| it.first_pages().next());
    let file = Page::at(database, 0)?;
    Ok(match (first.transpose()?, file) {
        (Some(first), Some(file)) => first.follows(&file),
        _ => false,
    })
}

/// Whether an open log begins with these salts and is as long as this, at least.
pub(super) fn holds(log: &File, length: u64, salts: [u8; 8]) -> io::Result<bool> {
    let mut head = [0; Log::HEAD];
    Ok(read(log, &mut head, 0)? && head[16..24] == salts && log.metadata()?.len() >= length)
}

/// Whether there is a log in which something was committed.
pub(super) fn has_commits(path: &Path) -> io::Result<bool> {
    let log = Log::open(path)?;
    log.map_or(Ok(false), |it| it.has_commit_of(|_| true))
}

/// What the header of a file says, which is the start of page 1.
struct Page {
    has_log: bool,
    stamp: u32,
    application: u32,
    /// Of the database, in bytes; 0 if an old program has left it open.
    length: u64,
}

impl Page {
    const LENGTH: usize = 100;

    /// None if there is no more of the file.
    fn at(file: &File, offset: u64) -> io::Result<Option<Self>> {
        let mut bytes = [0; Self::LENGTH];
        Ok(read(file, &mut bytes, offset)?.then(|| Self {
            has_log: bytes[18] == 2,
            stamp: number(&bytes, 60),
            application: number(&bytes, 68),
            length: Self::length(&bytes),
        }))
    }

    fn length(bytes: &[u8; Self::LENGTH]) -> u64 {
        let size = u64::from(u16::from_be_bytes([bytes[16], bytes[17]]));
        // 65536 does not fit: it is written as 1.
        let page = if size == 1 { 65_536 } else { size };
        let is_known = number(bytes, 24) == number(bytes, 92);
        u64::from(number(bytes, 28)) * page * u64::from(is_known)
    }

    fn is_ours(&self) -> bool {
        self.application == APPLICATION_ID as u32
    }

    /// Whether a commit wrote this over `last`.
    fn follows(&self, last: &Self) -> bool {
        self.stamp >> 16 == last.stamp & 0xffff && self.application == last.application
    }
}

/// A log and its header.
struct Log {
    file: File,
    head: [u8; Self::HEAD],
    page_size: usize,
}

impl Log {
    const HEAD: usize = 32;
    const FRAME_HEAD: usize = 24;
    /// How a log starts; the last bit says how its check sums are computed.
    const MAGIC: u32 = 0x377f_0682;

    /// None if there is no log, or nothing in it.
    fn open(path: &Path) -> io::Result<Option<Self>> {
        let file = match File::open(path) {
            Err(err) if err.kind() == ErrorKind::NotFound => return Ok(None),
            opened => opened?,
        };
        let mut head = [0; Self::HEAD];
        let is_log = read(&file, &mut head, 0)? && number(&head, 0) & !1 == Self::MAGIC;
        let page_size = number(&head, 8) as usize;
        let is_log = is_log && (512..=65_536).contains(&page_size) && page_size.is_power_of_two();
        Ok(is_log.then_some(Self {
            file,
            head,
            page_size,
        }))
    }

    fn belongs_to(&self, file: &Page) -> io::Result<bool> {
        let mut pages = self.first_pages();
        let first = pages.next().transpose()?;
        if !file.is_ours() && !first.as_ref().is_some_and(Page::is_ours) {
            // Of another program, which is refused for that.
            return Ok(true);
        }
        if !file.has_log {
            // A backup, say: in a file that has a log, the header has said so since before the log.
            return Ok(!self.has_commit_of(|_| true)?);
        }
        let Some(first) = first else {
            return Ok(true);
        };
        // An older version wrote no stamps.
        if first.stamp == 0 || first.follows(file) {
            return Ok(true);
        }
        for page in std::iter::once(Ok(first)).chain(pages) {
            let page = page?;
            if page.stamp == file.stamp && page.application == file.application {
                return Ok(true);
            }
        }
        // SQLite passes over what was not committed.
        Ok(!self.has_commit_of(|page| page == 1)?)
    }

    /// What page 1 came to be, one commit after the other.
    fn first_pages(&self) -> impl Iterator<Item = io::Result<Page>> {
        let mut frames = 0..;
        std::iter::from_fn(move || {
            loop {
                let offset = self.offset_of(frames.next()?);
                match self.page_in(offset) {
                    Ok(Some(1)) => {}
                    Ok(Some(_)) => continue,
                    Ok(None) => return None,
                    Err(err) => return Some(Err(err)),
                }
                return Page::at(&self.file, offset + Self::FRAME_HEAD as u64).transpose();
            }
        })
    }

    fn offset_of(&self, frame: u64) -> u64 {
        Self::HEAD as u64 + frame * (Self::FRAME_HEAD + self.page_size) as u64
    }

    /// The number of the page in a frame of this log; older ones may lie behind it.
    fn page_in(&self, offset: u64) -> io::Result<Option<u32>> {
        let mut head = [0; Self::FRAME_HEAD];
        let is_there = read(&self.file, &mut head, offset)? && head[8..16] == self.head[16..24];
        Ok(is_there.then(|| number(&head, 0)))
    }

    /// Whether SQLite would take a commit out of this log, with such a page in it or before it.
    fn has_commit_of(&self, is_such: impl Fn(u32) -> bool) -> io::Result<bool> {
        let mut sum = Sum::default();
        sum.add(&self.head[..24], self.is_big_endian());
        if !sum.is(&self.head[24..]) {
            return Ok(false);
        }
        let mut frame = vec![0; Self::FRAME_HEAD + self.page_size];
        let mut is_found = false;
        for index in 0.. {
            if !read(&self.file, &mut frame, self.offset_of(index))?
                || frame[8..16] != self.head[16..24]
            {
                break;
            }
            sum.add(&frame[..8], self.is_big_endian());
            sum.add(&frame[Self::FRAME_HEAD..], self.is_big_endian());
            if !sum.is(&frame[16..24]) {
                break;
            }
            is_found = is_found || is_such(number(&frame, 0));
            let is_commit = number(&frame, 4) != 0;
            if is_found && is_commit {
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn is_big_endian(&self) -> bool {
        self.head[3] & 1 == 1
    }
}

/// The check sum of a log, up to some frame.
#[derive(Default)]
struct Sum(u32, u32);

impl Sum {
    fn add(&mut self, bytes: &[u8], is_big_endian: bool) {
        for pair in bytes.chunks_exact(8) {
            let [first, second] = [0, 4].map(|at| {
                let number = number(pair, at);
                if is_big_endian {
                    number
                } else {
                    number.swap_bytes()
                }
            });
            self.0 = self.0.wrapping_add(first).wrapping_add(self.1);
            self.1 = self.1.wrapping_add(second).wrapping_add(self.0);
        }
    }

    fn is(&self, written: &[u8]) -> bool {
        (self.0, self.1) == (number(written, 0), number(written, 4))
    }
}

/// Four bytes as SQLite writes numbers.
fn number(bytes: &[u8], at: usize) -> u32 {
    let four = bytes.get(at..).and_then(<[u8]>::first_chunk);
    four.map_or(0, |it| u32::from_be_bytes(*it))
}

/// Whether there was so much of the file.
fn read(file: &File, bytes: &mut [u8], offset: u64) -> io::Result<bool> {
    match file.read_exact_at(bytes, offset) {
        Err(err) if err.kind() == ErrorKind::UnexpectedEof => Ok(false),
        read => read.map(|()| true),
    }
}
