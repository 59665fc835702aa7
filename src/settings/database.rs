//! Where the database is. Its URL may hold a password: that is never shown, and is not taken from where
//! others can read it.

use std::path::Path;

use anyhow::{Context, anyhow, ensure};

use super::list::wrong;
use super::secret::{self, check_source, read_private};
use super::sources::Values;
use crate::store::Location;

impl Values {
    /// As far as it can be understood; what is wrong with it is told by [`checked`].
    pub(crate) fn database(&self) -> Location {
        let set = self.optional("database");
        let parsed = set.and_then(|it| Location::parse(&it).ok());
        parsed.unwrap_or_else(|| Location::File(self.data_dir().join("auth.db")))
    }
}

/// Where it is, with the password if that can be read.
pub(crate) fn place(values: &Values) -> Location {
    checked(values).unwrap_or_else(|_| values.database())
}

pub(super) fn checked(values: &Values) -> anyhow::Result<Location> {
    let Some(set) = values.optional("database") else {
        return Ok(values.database());
    };
    let place = Location::parse(&set).map_err(|err| wrong("database", err))?;
    let file = values.file_of("database_password_file");
    let is_named = values.optional("database_password_file").is_some();
    let Location::Server(url) = place else {
        if place.file().is_some_and(Path::is_dir) {
            return Err(wrong("database", "it is a folder; name the file in it"));
        }
        if let Some(path) = place.file() {
            values.check_whole("database", path)?;
        }
        return if is_named {
            let named = file.unwrap_or_default();
            Err(anyhow!(
                "database_password_file names {}, and the database is a file, which has no password; set \
                 database to a postgres:// address, or leave it out",
                named.display()
            ))
        } else {
            Ok(place)
        };
    };
    if url.has_password() {
        check_source("database", "database_password_file", values)?;
    }
    if !is_named {
        return Ok(Location::Server(url));
    }
    let password = secret::named("database_password_file", values)?;
    Ok(Location::Server(url.with_password(&password)))
}

/// A database that is named beside the one of the settings.
pub(crate) fn other_database(text: &str, password_file: Option<&Path>) -> anyhow::Result<Location> {
    let place = Location::parse(text).with_context(|| format!("{text:?} names no database"))?;
    let Location::Server(url) = place else {
        ensure!(
            password_file.is_none(),
            "a database that is a file has no password"
        );
        return Ok(place);
    };
    ensure!(
        !url.has_password(),
        "everybody on this machine can read a password that is an argument; write it into a file with \
         mode 600 and name that by --to-password-file"
    );
    let password = password_file.map(read_private);
    Ok(Location::Server(match password.transpose()? {
        Some(password) => url.with_password(&password),
        None => url,
    }))
}
