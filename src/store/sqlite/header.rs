//! Tells whether anybody has committed anything, in this process or another, without a system call.
//!
//! Two readings of the write-ahead log's index header that are equal prove that no commit lies
//! between them: each commit raises the change counter of that header before it returns
//! (<https://sqlite.org/walformat.html>, section 2.1). The header lies in memory that all
//! connections share; reading it costs nanoseconds, where a read transaction costs two locks of the
//! operating system, which are three quarters of a session look-up.

use std::ptr::{NonNull, null_mut};

use rusqlite::{Connection, ffi};

use super::error::when;
use crate::failure::Failure;

/// The first of the header's two copies, as 32-bit words.
const WORDS: usize = 12;

/// The size of the index's first block, which holds the header.
const BLOCK_BYTES: i32 = 32_768;

/// A state of the database. Equal generations have equal contents.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Generation([u32; WORDS]);

/// The window to the shared header.
pub(super) struct Header {
    words: NonNull<u32>,
    // Keeps the shared memory mapped; never used for queries.
    _connection: std::sync::Mutex<Connection>,
}

// SAFETY: the mapping belongs to the process, not to a thread, and lives as long as `_connection`.
#[expect(unsafe_code, reason = "a window to memory that SQLite shares")]
unsafe impl Send for Header {}
// SAFETY: the pointer is only ever read through, and the memory behind it is shared between
// processes anyway.
#[expect(unsafe_code, reason = "a window to memory that SQLite shares")]
unsafe impl Sync for Header {}

impl Header {
    /// Opens the window through `connection`, which stays open as long as the window.
    pub(super) fn over(connection: Connection) -> Result<Self, Failure> {
        // The first read transaction maps the shared memory.
        connection
            .query_row("SELECT count(*) FROM sqlite_schema", [], |_| Ok(()))
            .map_err(when("reading the database"))?;
        let words = map(&connection).ok_or_else(|| {
            Failure::new(
                "reading the database",
                "its write-ahead log cannot be shared between processes",
            )
        })?;
        Ok(Self {
            words,
            _connection: std::sync::Mutex::new(connection),
        })
    }

    /// The state as of now: it includes every commit that has returned before this call.
    #[expect(unsafe_code, reason = "a window to memory that SQLite shares")]
    pub(super) fn read(&self) -> Generation {
        // A torn reading differs from every whole one in the words that changed, so it can only
        // make a cached value look stale, never a stale one look fresh.
        Generation(std::array::from_fn(|word| {
            // SAFETY: SQLite keeps at least one block mapped while `_connection` is open, and
            // `word` is within it.
            unsafe { self.words.add(word).read_volatile() }
        }))
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
