//! What SQLite's errors mean.

use rusqlite::ErrorCode;

use crate::failure::Failure;
use crate::store::sql::{self, ErrorKind};

impl From<rusqlite::Error> for sql::Error {
    fn from(err: rusqlite::Error) -> Self {
        let kind = match err.sqlite_error_code() {
            Some(ErrorCode::DiskFull | ErrorCode::SystemIoFailure) => ErrorKind::Disk,
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked | ErrorCode::ReadOnly) => {
                ErrorKind::Locked
            }
            _ => ErrorKind::Fault,
        };
        Self::new(kind, err)
    }
}

/// For `map_err`.
pub(super) fn when(doing: &'static str) -> impl FnOnce(rusqlite::Error) -> Failure {
    move |err| sql::Error::from(err).when(doing)
}

/// What SQLite itself says of work that was told to end.
pub(super) fn interrupted() -> rusqlite::Error {
    let code = rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_INTERRUPT);
    rusqlite::Error::SqliteFailure(code, None)
}
