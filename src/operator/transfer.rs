//! Moving accounts in and out, password hashes included.

use std::error::Error;
use std::path::PathBuf;

use super::Operator;
use crate::domain::Actor;
use crate::failure::Failure;
use crate::transfer::choices::{OnBlankEmail, OnDuplicate};
use crate::transfer::django::{self, Models};
use crate::transfer::export::{Exporter, Format};
use crate::transfer::import::{Done, Ended, Host, Importer, Open, Options};
use crate::transfer::{csv_rows, json_lines};

/// What a file of accounts is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kind {
    JsonLines,
    Csv,
    Django(Models),
}

/// What happens to the others if somebody cannot come over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnError {
    /// Nobody of the same batch comes over, and of a dump of Django nobody at all: whoever moves finds
    /// out before the move.
    HoldBack,
    /// They come over.
    Skip,
}

/// How far an import goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Extent {
    /// Everybody comes over.
    Whole,
    /// Everything is rolled back.
    Dry,
    /// The same, and nothing is said of it, until it is known whether anybody comes over.
    Trial,
    /// Everybody comes over, after a trial in an empty place, into one as empty.
    AfterTrial,
}

impl Extent {
    fn is_dry(self) -> bool {
        matches!(self, Self::Dry | Self::Trial)
    }
}

/// What is to come over, and how.
#[derive(Clone, Debug)]
pub struct Import {
    pub kind: Kind,
    pub extent: Extent,
    /// Beside this path, on a disk with room, rows are put aside that memory may not hold.
    pub put_aside: PathBuf,
    pub on_error: OnError,
    /// None if users without an address fail.
    pub on_blank_email: Option<OnBlankEmail>,
    /// None if users whose name or address is taken fail.
    pub on_duplicate: Option<OnDuplicate>,
    /// Whether the numbers of users who get new ones are asked for.
    pub with_numbers: bool,
    /// Whether those who come without a password are asked for.
    pub with_resets: bool,
    /// Whether a server works on the same database, and has to get its turn.
    pub is_served: bool,
}

/// What came of it.
pub struct Imported {
    pub done: Done,
    /// Why the file could not be read to its end.
    pub read: Result<(), Box<dyn Error + Send + Sync>>,
    /// Whether nobody came over, because somebody cannot.
    pub is_held_back: bool,
}

impl Imported {
    fn is_good(&self) -> bool {
        self.done.end.is_ok() && self.read.is_ok() && self.done.summary.failed == 0
    }

    /// Whether somebody came over; or nobody was to, because the file is empty.
    #[must_use]
    pub fn brings_somebody(&self) -> bool {
        self.done.summary.added > 0 || self.is_good()
    }
}

impl Operator {
    /// Adds the accounts of the file that `open` opens at its beginning.
    pub fn import(
        &self,
        wanted: &Import,
        open: Open<'_>,
        host: &dyn Host,
        caller: &Actor,
    ) -> Imported {
        let (is_dry, is_trial) = (wanted.extent.is_dry(), wanted.extent == Extent::Trial);
        let is_shared = self.parts.store.is_shared();
        // Servers of other machines hold no lock here. If the database does not say, there may be some.
        let has_others = is_shared && !self.others_at_database().is_ok_and(|it| it == 0);
        let options = Options {
            dry_run: is_dry,
            until_first: is_trial,
            skip_failures: wanted.on_error == OnError::Skip,
            on_blank_email: wanted.on_blank_email,
            on_duplicate: wanted.on_duplicate,
            with_numbers: wanted.with_numbers,
            with_resets: wanted.with_resets,
            is_served: wanted.is_served || has_others,
        };
        let read = |options| self.read_through(wanted, options, open, host, caller);
        let skips = wanted.on_error == OnError::Skip;
        let is_beside_others = wanted.is_served || is_shared;
        let is_read_once = wanted.extent == Extent::AfterTrial
            || !matches!(wanted.kind, Kind::Django(_))
            || skips && (is_dry || !is_beside_others);
        if is_read_once {
            host.begin(is_trial);
            let mut imported = read(options);
            imported.done.summary.dry_run = wanted.extent == Extent::Dry;
            return imported;
        }
        let mut rehearsal = self.rehearse(wanted, options, host, &read);
        let has_failed = matches!(rehearsal.done.end, Err(Ended::Failed(_)));
        if has_failed || !skips && !rehearsal.is_good() {
            let summary = &mut rehearsal.done.summary;
            summary.dry_run = wanted.extent == Extent::Dry;
            summary.held_back += std::mem::take(&mut summary.added);
            rehearsal.is_held_back = true;
            return rehearsal;
        }
        if is_dry {
            return rehearsal;
        }
        host.begin(false);
        read(options)
    }

    /// Finds out whether everybody can come over, and keeps their numbers for them if they are to.
    fn rehearse(
        &self,
        wanted: &Import,
        options: Options,
        host: &dyn Host,
        read: &dyn Fn(Options) -> Imported,
    ) -> Imported {
        let is_dry = wanted.extent.is_dry();
        // It goes on where it would end, to find all that is wrong.
        let once = || {
            host.begin(wanted.extent != Extent::Dry);
            read(Options {
                dry_run: true,
                until_first: false,
                skip_failures: true,
                with_resets: wanted.with_resets && is_dry,
                ..options
            })
        };
        let last = self.parts.store.last_user().wait();
        let mut rehearsal = once();
        if !is_dry && (rehearsal.is_good() || options.skip_failures) {
            match last.and_then(|last| self.keep_numbers(rehearsal.done.highest, last)) {
                Ok(true) => {}
                // Somebody else may have got one of their numbers.
                Ok(false) => rehearsal = once(),
                Err(failure) => rehearsal.done.end = Err(Ended::Failed(failure)),
            }
        }
        rehearsal
    }

    /// Keeps the numbers that are brought from whoever registers meanwhile. Tells whether nobody has got a
    /// number after `last`.
    fn keep_numbers(&self, highest: Option<i64>, last: i64) -> Result<bool, Failure> {
        let Some(highest) = highest else {
            return Ok(true);
        };
        Ok(self.parts.store.keep_numbers(highest).wait()? == last)
    }

    fn read_through(
        &self,
        wanted: &Import,
        options: Options,
        open: Open<'_>,
        host: &dyn Host,
        caller: &Actor,
    ) -> Imported {
        let (store, clock) = (&self.parts.store, &self.parts.clock);
        let how = (options, &*wanted.put_aside);
        let mut importer = Importer::new(store, host, how, caller.clone(), clock);
        let read = match &wanted.kind {
            Kind::JsonLines => open().and_then(|it| json_lines::read(it, &mut importer)),
            Kind::Csv => open().and_then(|it| csv_rows::read(it, &mut importer)),
            Kind::Django(models) => django::read(open, models, &mut importer),
        };
        Imported {
            done: importer.finish(),
            read: read.map_err(Into::into),
            is_held_back: false,
        }
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
