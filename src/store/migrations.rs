//! The migrations. An engine has each in a folder of its own, with the same number and meaning.

use refinery::{Migration, Runner};

/// Name and SQL of each, in their order.
pub(super) type Migrations = [(&'static str, &'static str)];

/// The library has a macro that finds them by itself; it is compiled with half of the library's
/// dependencies once more, for the compiler.
macro_rules! of {
    ($engine:literal) => {
        of!($engine:
            "V1__account", "V2__session", "V3__mail", "V4__audit", "V5__account_life",
            "V6__audit_chain", "V7__imported_tokens", "V8__growth", "V9__refused_tokens",
            "V11__kept_links", "V13__whose_imported_tokens", "V14__audit_retention", "V15__keys")
    };
    ($engine:literal: $($name:literal),*) => {
        &[$((
            $name,
            include_str!(concat!("../../migrations/", $engine, "/", $name, ".sql")),
        )),*]
    };
}

pub(super) const OF_SQLITE: &Migrations = of!("sqlite");
pub(super) const OF_POSTGRES: &Migrations = of!("postgres");

pub(super) fn runner(migrations: &Migrations) -> Runner {
    // Only a name that is none could fail; a test compares them with the folder.
    let migrations: Vec<_> = migrations
        .iter()
        .filter_map(|(name, sql)| Migration::unapplied(name, sql).ok())
        .collect();
    Runner::new(&migrations)
}

/// The version of the schema that this program has.
#[must_use]
pub fn newest_schema() -> i32 {
    let runner = runner(OF_SQLITE);
    let versions = runner.get_migrations().iter();
    versions.map(Migration::version).max().unwrap_or(0)
}
