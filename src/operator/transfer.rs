//! Moving accounts in and out, password hashes included.

use super::Operator;
use crate::domain::Actor;
use crate::transfer::export::{Exporter, Format};
use crate::transfer::import::{Host, Importer, Options};

impl Operator {
    /// Adds accounts for `host`.
    pub fn importer<'a>(
        &'a self,
        options: Options,
        host: &'a dyn Host,
        caller: &Actor,
    ) -> Importer<'a> {
        let (store, clock) = (&self.parts.store, &self.parts.clock);
        Importer::new(store, host, options, caller.clone(), clock)
    }

    /// Writes all accounts.
    #[must_use]
    pub fn exporter(&self, format: Format, with_hashes: bool) -> Exporter<'_> {
        Exporter {
            store: &self.parts.store,
            format,
            with_hashes,
        }
    }
}
