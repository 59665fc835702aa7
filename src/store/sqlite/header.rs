//! Tells whether anybody has committed anything, in this process or another, without a system call.
//!
//! Each commit changes the header of the write-ahead log's index before it returns
//! (<https://sqlite.org/walformat.html>, section 2.1). The header lies in memory that all connections
//! share: two readings that are equal prove that no commit lies between them. Reading it costs
//! nanoseconds, where a read transaction costs two locks of the operating system, which are three
//! quarters of a session look-up.

use std::ptr::{NonNull, null_mut};
use std::sync::atomic::{AtomicU32, Ordering, fence};
use std::sync::{Mutex, PoisonError};

use rusqlite::{Connection, ffi};

use super::connect;
use super::error::when;
use crate::failure::Failure;

/// The 32-bit words of one copy of the header, which is there twice.
const WORDS: usize = 12;

/// What the first word of a header says that has the form described there.
const VERSION: u32 = 3_007_000;

/// The word whose first byte in memory says whether the header has been filled in.
const INITIALISED: usize = 3;

/// The word that says how many frames of the log count, and the two with the log's salts, as they
/// are in its file.
const FRAMES: usize = 4;
const SALTS: usize = 8;

/// In the file of the log.
const LOG_HEAD: u64 = 32;
const FRAME_HEAD: u64 = 24;

/// Behind both copies: how many frames of the log have been moved into the database, for good.
const MOVED: usize = 2 * WORDS;

/// The size of the index's first block, which holds the header.
const BLOCK_BYTES: i32 = 32_768;

/// Which contents the database has: they are the same as long as this is.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct DataVersion([u32; WORDS]);

impl DataVersion {
    /// How many frames of the log count.
    fn frames(&self) -> u32 {
        self.0[FRAMES]
    }

    /// How much of the log's file there must be for this, and the salts at its head; None when
    /// nothing in the log counts.
    pub(super) fn log(&self) -> Option<(u64, [u8; 8])> {
        let word = |at: usize| self.0[at].to_ne_bytes();
        let [_, _, low, high] = word(INITIALISED);
        let size = u64::from(u16::from_ne_bytes([low, high]));
        // 65536 does not fit: it is written as 1.
        let page = if size == 1 { 65_536 } else { size };
        let frames = u64::from(self.frames());
        let [first, second] = [word(SALTS), word(SALTS + 1)];
        let mut salts = [0; 8];
        salts[..4].copy_from_slice(&first);
        salts[4..].copy_from_slice(&second);
        (frames > 0).then(|| (LOG_HEAD + frames * (FRAME_HEAD + page), salts))
    }
}

/// The window to the shared header.
pub(super) struct Header {
    words: NonNull<u32>,
    // Keeps the shared memory mapped; never used for queries.
    connection: Mutex<Connection>,
}

// SAFETY: the mapping belongs to the process, not to a thread, and lives as long as `connection`.
#[expect(unsafe_code, reason = "a window to memory that SQLite shares")]
unsafe impl Send for Header {}
// SAFETY: the memory is only read, and with atomics.
#[expect(unsafe_code, reason = "a window to memory that SQLite shares")]
unsafe impl Sync for Header {}

impl Header {
    /// Opens the window through `connection`, which stays open as long as the window.
    pub(super) fn over(connection: Connection) -> Result<Self, Failure> {
        let doing = "reading the database";
        // The first read transaction maps the shared memory.
        connection
            .query_row("SELECT count(*) FROM sqlite_schema", [], |_| Ok(()))
            .map_err(when(doing))?;
        let words = map(&connection).ok_or_else(|| {
            Failure::new(
                doing,
                "its write-ahead log cannot be shared between processes",
            )
        })?;
        Ok(Self {
            words,
            connection: Mutex::new(connection),
        })
    }

    /// The state as of now: it includes every commit that has returned before this call. None while
    /// somebody changes the header, and if it has a form that this program does not know.
    ///
    /// SQLite writes the second copy first, and reads as it is read here: the first copy, then the
    /// second. If they are equal, neither was changed in the meantime.
    pub(super) fn read(&self) -> Option<DataVersion> {
        let first = self.copy(0);
        fence(Ordering::Acquire);
        let second = self.copy(WORDS);
        fence(Ordering::Acquire);
        let is_filled = first[INITIALISED].to_ne_bytes()[0] != 0;
        (first == second && first[0] == VERSION && is_filled).then_some(DataVersion(first))
    }

    /// Whether all that counted in the log at `version` is in the database.
    pub(super) fn is_moved(&self, version: &DataVersion) -> bool {
        let moved = self.word(MOVED);
        fence(Ordering::Acquire);
        moved >= version.frames()
    }

    /// See [`connect::leave_log`].
    pub(super) fn leave_log(&self) {
        connect::leave_log(
            &self
                .connection
                .lock()
                .unwrap_or_else(PoisonError::into_inner),
        );
    }

    fn copy(&self, start: usize) -> [u32; WORDS] {
        std::array::from_fn(|word| self.word(start + word))
    }

    #[expect(unsafe_code, reason = "a window to memory that SQLite shares")]
    fn word(&self, at: usize) -> u32 {
        // SAFETY: SQLite keeps at least one block mapped while `connection` is open, and all that is
        // read here, to [`MOVED`], is within it; a block starts at a page of memory, so the words are
        // aligned. Whoever writes here may be another process: nothing but atomics is right.
        let word = unsafe { AtomicU32::from_ptr(self.words.add(at).as_ptr()) };
        word.load(Ordering::Relaxed)
    }
}

#[expect(unsafe_code, reason = "rusqlite has no safe way to the shared memory")]
fn map(connection: &Connection) -> Option<NonNull<u32>> {
    let mut file: *mut ffi::sqlite3_file = null_mut();
    let mut block: *mut std::ffi::c_void = null_mut();
    // SAFETY: the connection is open; SQLITE_FCNTL_FILE_POINTER stores a pointer to its file, whose
    // methods live as long as the process; xShmMap is the documented way to the shared memory and
    // only hands out what SQLite itself maps.
    unsafe {
        let asked = ffi::sqlite3_file_control(
            connection.handle(),
            c"main".as_ptr(),
            ffi::SQLITE_FCNTL_FILE_POINTER,
            (&raw mut file).cast(),
        );
        let methods = (*NonNull::new(file)
            .filter(|_| asked == ffi::SQLITE_OK)?
            .as_ptr())
        .pMethods
        .as_ref()?;
        let mapped = (methods.xShmMap?)(file, 0, BLOCK_BYTES, 0, (&raw mut block).cast());
        NonNull::new(block.cast()).filter(|_| mapped == ffi::SQLITE_OK)
    }
}
