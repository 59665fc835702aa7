//! Hears every statement that SQLite runs in this process, whoever prepares it.
//!
//! The library is linked once, so an extension that SQLite loads into each new connection sees those
//! of the program too. A process of its own tells the stories, because tests share this one.

use std::collections::BTreeSet;
use std::ffi::{CStr, c_char, c_int, c_uint, c_void};
use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};
use std::ptr::null_mut;
use std::sync::{Mutex, OnceLock};

use rusqlite::ffi;

/// Names the file to which the statements go.
const TO: &str = "MINISASS_TEST_STATEMENTS";

/// The statements of all tests whose names contain one of these, but for `without`.
pub fn of_tests(names: &[&str], without: &str) -> BTreeSet<String> {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("statements");
    let program = std::env::current_exe().expect("this program");
    let mut tests = Command::new(program);
    tests.args(names).args(["--skip", without]);
    tests.env(TO, &file).stdout(Stdio::piped());
    let told = tests.output().expect("the stories");
    let said = String::from_utf8_lossy(&told.stdout);
    assert!(told.status.success(), "{said}");
    read(&file)
}

fn read(file: &Path) -> BTreeSet<String> {
    let lines = std::fs::read_to_string(file).expect("statements");
    let statement = |line: &str| serde_json::from_str(line).expect("a statement");
    lines.lines().map(statement).collect()
}

/// From now on statements are written down, if this is the process that is to do so.
pub fn listen() {
    static LISTENING: OnceLock<()> = OnceLock::new();
    if std::env::var_os(TO).is_none() {
        return;
    }
    LISTENING.get_or_init(|| {
        #[expect(unsafe_code, reason = "SQLite is told to call a function")]
        // SAFETY: `attach` opens and closes no connection and registers nothing.
        let registered = unsafe { rusqlite::auto_extension::register_auto_extension(attach) };
        registered.expect("an extension");
    });
}

#[expect(unsafe_code, reason = "SQLite calls it")]
unsafe extern "C" fn attach(
    connection: *mut ffi::sqlite3,
    _: *mut *mut c_char,
    _: *const ffi::sqlite3_api_routines,
) -> c_int {
    let events = ffi::SQLITE_TRACE_STMT as c_uint;
    // SAFETY: the connection is the new one, and `hear` reads what SQLite hands to it.
    unsafe { ffi::sqlite3_trace_v2(connection, events, Some(hear), null_mut()) }
}

#[expect(unsafe_code, reason = "SQLite calls it")]
unsafe extern "C" fn hear(_: c_uint, _: *mut c_void, _: *mut c_void, text: *mut c_void) -> c_int {
    // SAFETY: for this event SQLite hands over the text of the statement, which ends with a zero.
    let text = unsafe { CStr::from_ptr(text.cast()) };
    note(&text.to_string_lossy());
    0
}

fn note(statement: &str) {
    static NOTED: Mutex<BTreeSet<String>> = Mutex::new(BTreeSet::new());
    let mut noted = NOTED.lock().expect("nobody panicked");
    if noted.insert(statement.to_owned()) {
        let line = serde_json::json!(statement);
        let path = std::env::var_os(TO).expect("a file");
        let file = File::options().append(true).create(true).open(path);
        writeln!(file.expect("a file"), "{line}").expect("a line");
    }
}
