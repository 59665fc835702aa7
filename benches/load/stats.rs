//! From rounds to figures: turns, medians and percentiles.

use std::time::Duration;

/// Two measurements that are taken by turns, so that a machine that slows down slows both.
#[derive(Default)]
pub struct Turns {
    references: Vec<f64>,
    measured: Vec<f64>,
}

impl Turns {
    /// The rounds are shown as they pass: how far they lie apart says how far to trust the row.
    pub fn add(&mut self, measured: f64, reference: f64) {
        eprintln!("load:   {measured:.2} against {reference:.2}");
        self.measured.push(measured);
        self.references.push(reference);
    }

    /// What was measured, and what it is compared with.
    pub fn medians(self) -> (f64, f64) {
        (median(self.measured), median(self.references))
    }
}

/// The middle value, or the mean of the two in the middle. Rounds are few, and one may be
/// disturbed.
pub fn median(mut values: Vec<f64>) -> f64 {
    assert!(!values.is_empty(), "a median needs at least one round");
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    if values.len() % 2 == 1 {
        values[middle]
    } else {
        f64::midpoint(values[middle - 1], values[middle])
    }
}

/// The time that 99 of 100 answers do not exceed, in milliseconds.
pub fn p99(mut times: Vec<Duration>) -> f64 {
    assert!(!times.is_empty(), "a percentile needs at least one answer");
    times.sort();
    let rank = (times.len() * 99).div_ceil(100);
    milliseconds(times[rank - 1])
}

pub fn milliseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1000.0
}
