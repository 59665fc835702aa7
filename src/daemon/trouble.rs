//! A failure that comes again and again.

use crate::failure::Failure;

/// What lasts is said once.
#[derive(Default)]
pub(super) struct Trouble(String);

impl Trouble {
    pub(super) fn tell(&mut self, failure: &Failure) {
        let chain = failure.chain();
        if chain != self.0 {
            failure.log();
            self.0 = chain;
        }
    }

    pub(super) fn clear(&mut self) {
        self.0.clear();
    }
}
