//! All fields of a form that break a rule, so that they are told together.

use crate::domain::{Invalid, Rule};

#[derive(Default)]
pub(super) struct InvalidFields {
    pub(super) all: Vec<Invalid>,
    /// Nothing more is said of the first so many fields: they could not be read.
    unreadable: usize,
}

impl InvalidFields {
    /// Beside those that could not be read.
    pub(super) fn beside(unreadable: Vec<Invalid>) -> Self {
        Self {
            unreadable: unreadable.len(),
            all: unreadable,
        }
    }

    /// The value of a field; `None`, and noted, if it breaks a rule.
    pub(super) fn check<T>(&mut self, field: &'static str, checked: Result<T, Rule>) -> Option<T> {
        checked.map_err(|rule| self.note(field, rule)).ok()
    }

    pub(super) fn note(&mut self, field: &'static str, rule: Rule) {
        let mut unreadable = self.all.iter().take(self.unreadable);
        if !unreadable.any(|it| it.field == field) {
            self.all.push(Invalid::new(field, rule));
        }
    }

    /// Whether something is wrong with a field.
    pub(super) fn has(&self, field: &str) -> bool {
        self.all.iter().any(|it| it.field == field)
    }
}
