//! What checks look at, and what they find.

use std::path::{Path, PathBuf};

use serde::Serialize;

use crate::domain::Timestamp;
use crate::mail::Mailer;
use crate::private_file::beside;
use crate::private_file::data_dir;
use crate::private_file::lent::{Use, fault_of_use};
use crate::settings::{Settings, Values};
use crate::store::Location;

/// Why nothing in the data folder is looked into.
pub(crate) const NOT_OURS: &str =
    "the data folder, or something in it, is not this user's to work with";

/// What a check came to, as it is printed. The names are stable.
#[derive(Serialize)]
pub(crate) struct Finding {
    pub(crate) check: String,
    pub(crate) state: State,
    finding: String,
    /// Empty where nothing is to be done.
    advice: String,
    #[serde(skip)]
    is_skipped: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum State {
    Ok,
    Warning,
    Failed,
}

impl Finding {
    pub(crate) fn ok(check: &'static str, finding: impl Into<String>) -> Self {
        Self {
            check: check.to_owned(),
            state: State::Ok,
            finding: finding.into(),
            advice: String::new(),
            is_skipped: false,
        }
    }

    pub(crate) fn warning(
        check: &'static str,
        finding: impl Into<String>,
        advice: impl Into<String>,
    ) -> Self {
        Self {
            state: State::Warning,
            advice: advice.into(),
            ..Self::ok(check, finding)
        }
    }

    pub(crate) fn failed(
        check: &'static str,
        finding: impl Into<String>,
        advice: impl Into<String>,
    ) -> Self {
        Self {
            state: State::Failed,
            ..Self::warning(check, finding, advice)
        }
    }

    /// What another command would refuse with. Such a sentence ends with what to do, after a
    /// semicolon; one that does not gets `advice`.
    pub(crate) fn refused(check: &'static str, sentence: &str, advice: &str) -> Self {
        let mut ends = sentence.rmatch_indices("; ").map(|(at, _)| at);
        // One in parentheses is of a command.
        let outside = |at: &usize| {
            let before = &sentence[..*at];
            before.matches('(').count() == before.matches(')').count()
        };
        let (finding, advice) = match ends.find(outside) {
            Some(at) => (&sentence[..at], &sentence[at + 2..]),
            None => (sentence, advice),
        };
        Self::failed(check, finding, advice)
    }

    /// A check that makes no sense while something else is wrong.
    pub(crate) fn skipped(check: &'static str, because: &str) -> Self {
        let finding = format!("not checked, because {because}");
        Self {
            is_skipped: true,
            ..Self::warning(check, finding, "put that right first")
        }
    }

    /// Whether both were skipped, and for the same reason.
    pub(crate) fn is_skipped_like(&self, other: &Self) -> bool {
        self.is_skipped && other.is_skipped && self.finding == other.finding
    }
}

/// What the checks look at. With wrong settings the places are still known.
pub(crate) struct Subject<'a> {
    pub(crate) values: &'a Values,
    pub(crate) data_dir: PathBuf,
    pub(crate) database: Location,
    pub(crate) settings: Option<Settings>,
    pub(crate) mailer: Option<Mailer>,
    pub(crate) now: Timestamp,
}

impl Subject<'_> {
    /// Whether there is a data folder, also one that we cannot read.
    pub(crate) fn has_data_dir(&self) -> bool {
        self.data_dir.is_symlink() || self.data_dir.try_exists().unwrap_or(true)
    }

    /// Whether there is none for sure: of one behind a closed folder nobody knows.
    pub(crate) fn is_database_missing(&self) -> bool {
        // All there is may be in the log.
        let is_empty = |it: &Path| {
            let metadata = it.metadata();
            metadata.is_ok_and(|it| it.is_file() && it.len() == 0) && !beside(it, "-wal").exists()
        };
        let is_missing =
            |it: &Path| it.try_exists().is_ok_and(|is_there| !is_there) || is_empty(it);
        self.database.file().is_some_and(is_missing)
    }

    /// A file that we made in a folder of somebody else would lock its owner out.
    pub(crate) fn is_ours(&self) -> bool {
        let is_mixed =
            || data_dir::check_nobody_elses(&self.data_dir, self.database.file()).is_err();
        // To look into it is to make files beside it, which take its mode, and may not be removed again.
        let may_write = |it| fault_of_use(it, &self.data_dir, Use::Write).is_none();
        let is_usable = || {
            let file = self.database.file();
            data_dir::check_folder(&self.data_dir, file).is_ok() && file.is_none_or(may_write)
        };
        let is_sound = || data_dir::check(&self.data_dir).is_ok() && !is_mixed() && is_usable();
        !self.has_data_dir() || is_sound()
    }
}
