//! All fields of a form that break a rule, so that they are told together.

use crate::domain::{Invalid, Rule};

#[derive(Default)]
pub(super) struct InvalidFields(pub(super) Vec<Invalid>);

impl InvalidFields {
    /// The value of a field; `None`, and noted, if it breaks a rule.
    pub(super) fn check<T>(&mut self, field: &'static str, checked: Result<T, Rule>) -> Option<T> {
        checked.map_err(|rule| self.note(field, rule)).ok()
    }

    pub(super) fn note(&mut self, field: &'static str, rule: Rule) {
        self.0.push(Invalid::new(field, rule));
    }
}
