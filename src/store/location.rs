//! Where a database is.

use std::fmt;
use std::path::{Path, PathBuf};

use super::postgres::{ServerUrl, UrlError};

/// A file of SQLite, or a database that a server of PostgreSQL has.
#[derive(Clone, Debug)]
pub enum Location {
    File(PathBuf),
    Server(ServerUrl),
}

impl Location {
    /// What the setting `database` means.
    pub fn parse(text: &str) -> Result<Self, UrlError> {
        let is_of_libpq = ["host=", "dbname=", "user=", "password="];
        if is_of_libpq.iter().any(|it| text.contains(it)) && !text.contains("://") {
            // It may hold a password, so it is not repeated.
            return Err(UrlError::NoUrl);
        }
        if text.contains("://") || ServerUrl::is_meant(text) {
            text.parse().map(Self::Server)
        } else {
            Ok(Self::File(text.into()))
        }
    }

    /// The file, if it is one.
    #[must_use]
    pub fn file(&self) -> Option<&Path> {
        match self {
            Self::File(path) => Some(path),
            Self::Server(_) => None,
        }
    }
}

impl From<&Path> for Location {
    fn from(path: &Path) -> Self {
        Self::File(path.to_owned())
    }
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => path.display().fmt(f),
            Self::Server(url) => url.fmt(f),
        }
    }
}
