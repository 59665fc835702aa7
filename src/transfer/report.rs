//! What became of the users of a file, for people and for programs.

use std::collections::BTreeMap;

use serde::Serialize;

use super::unshown::named;
use crate::domain::counted;

/// How many users are named for each thing that may become of them; of the others there is a count.
const NAMED: usize = 50;

/// How many of them stand in the summary. All are in the report.
const MOST_PROBLEMS: usize = 1000;

/// A user as the file has them.
#[derive(Clone, Debug, Default)]
pub(super) struct Origin {
    /// Where they stand in the file.
    pub(super) place: String,
    pub(super) username: String,
    pub(super) email: String,
    /// Whether their number is that of the service before this one, so that its tokens mean them.
    pub(super) keeps_number: bool,
    /// Whether they had a key that was no number, so that they get a new one.
    pub(super) is_renumbered: bool,
    pub(super) without_password: Option<NoPassword>,
    pub(super) is_inactive: bool,
    /// What is said of them unless they are present already.
    pub(super) notes: Vec<(Outcome, String)>,
}

/// Why no password comes along with somebody.
#[derive(Clone, Debug)]
pub(super) enum NoPassword {
    /// The file has none of them, as one without the column has of nobody.
    NotThere,
    /// It has one that cannot be used; each is told why.
    Unusable(String),
}

impl Origin {
    pub(super) fn at(place: String) -> Self {
        Self {
            place,
            ..Self::default()
        }
    }
}

/// What became of a user. The names are stable.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// Something is wrong with them.
    Failed,
    /// Left out, because somebody chose so.
    Skipped,
    /// They came over with another name or address.
    Changed,
    /// They came over without a password.
    NoPassword,
    /// They came over as they are, and something about them is worth knowing.
    Noted,
    /// They came over with a new number, because their key was none.
    Numbered,
}

impl Outcome {
    /// What is said of the others, when enough were named.
    fn of_others(self, count: usize) -> String {
        let (one, many) = match self {
            Self::Failed => ("more failed", "more failed"),
            Self::Skipped => ("more was left out", "more were left out"),
            Self::Changed => ("more was changed", "more were changed"),
            Self::NoPassword => (
                "more came without a password",
                "more came without a password",
            ),
            Self::Noted => (
                "more is worth knowing about",
                "more are worth knowing about",
            ),
            Self::Numbered => ("more has a new number", "more have a new number"),
        };
        counted(count, one, many)
    }
}

/// A user who is worth a word. The names are stable.
#[derive(Clone, Debug, Serialize)]
pub struct Case {
    pub outcome: Outcome,
    /// Where the user stands in the file.
    pub place: String,
    /// As the file has it.
    pub username: String,
    /// As the file has it.
    pub email: String,
    pub reason: String,
    /// The number here, if it is a new one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<i64>,
}

impl Case {
    pub(super) fn new(outcome: Outcome, origin: &Origin, reason: String) -> Self {
        Self {
            outcome,
            place: origin.place.clone(),
            username: named(&origin.username),
            email: named(&origin.email),
            reason,
            id: None,
        }
    }

    /// One line for people.
    fn sentence(&self) -> String {
        let reason = &self.reason;
        // A failure reads the same otherwise.
        let place = match self.outcome {
            Outcome::Skipped => format!("{}: left out", self.place),
            _ => self.place.clone(),
        };
        match (&*self.username, &*self.email) {
            ("", "") => format!("{place}: {reason}"),
            ("", email) => format!("{place}: {reason} ({email})"),
            (name, "") => format!("{place}: {reason} (user {name})"),
            (name, email) => format!("{place}: {reason} (user {name}, {email})"),
        }
    }
}

/// What was done. The names are stable.
#[derive(Default, Serialize)]
pub struct Summary {
    pub dry_run: bool,
    /// New here.
    pub added: usize,
    /// There already, with the same number, name and address.
    pub present: usize,
    /// Named on standard error.
    pub failed: usize,
    /// In order, but in a batch with one that failed.
    pub held_back: usize,
    /// Left out, because somebody chose so.
    pub skipped: usize,
    /// Of those that are new, how many got another name or address.
    pub changed: usize,
    /// Of those that came over, how many have no password.
    pub without_password: usize,
    /// Of those, how many are sent a link with which they choose one.
    pub resets: usize,
    /// The models of the dump that have no place here, and how many rows of them there are.
    pub passed_over: BTreeMap<String, usize>,
    /// The first thousand for each thing that may become of a user.
    pub problems: Vec<Case>,
    /// How many of those that failed have no address that mail can reach.
    #[serde(skip)]
    pub without_address: usize,
    /// How many of those that failed have what belongs to somebody before.
    #[serde(skip)]
    pub duplicates: usize,
    #[serde(skip)]
    pub(super) said: BTreeMap<Outcome, usize>,
}

impl Summary {
    /// Whether nothing became of anybody.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.added + self.present + self.failed + self.held_back + self.skipped == 0
    }

    /// Remembers a case, and says what people are to read of it.
    pub(super) fn enter(&mut self, case: Case) -> Option<String> {
        if case.outcome == Outcome::Numbered {
            return None;
        }
        let said = self.said.entry(case.outcome).or_default();
        *said += 1;
        let sentence = (*said <= NAMED).then(|| case.sentence());
        if *said <= MOST_PROBLEMS {
            self.problems.push(case);
        }
        sentence
    }

    /// What is said of those who were not named.
    pub(super) fn others(&self) -> impl Iterator<Item = String> {
        let many = self.said.iter().filter(|(_, count)| **count > NAMED);
        many.map(|(outcome, count)| outcome.of_others(count - NAMED))
    }
}
