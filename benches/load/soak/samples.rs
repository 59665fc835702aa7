//! What the server held, from time to time, and whether that grew.

use std::fmt;
use std::fs;
use std::path::Path;
use std::sync::atomic::Ordering;
use std::time::Duration;

use anyhow::{Context, Result};

use super::traffic::Counts;
use crate::process::resident;
use crate::report::{HEADER, Row};
use crate::stats::median;

/// The part of the time that is not judged, at its start: caches fill.
const WARM_UP: f64 = 0.1;
/// For so long a storm of logins is felt: a hashing thread keeps its memory for ten seconds.
const AFTERMATH: Duration = Duration::from_secs(60);
/// Lines of the table.
const LINES: usize = 12;
/// Beyond this the server itself warns of its log.
const MOST_LOG: f64 = 64.0;

#[derive(Clone, Copy)]
pub struct Sample {
    pub at: Duration,
    pub resident: f64,
    pub descriptors: f64,
    pub threads: f64,
    /// In MiB, as the next one.
    pub database: f64,
    pub log: f64,
    pub answered: u64,
    pub unexpected: u64,
}

impl Sample {
    pub fn take(pid: u32, folder: &Path, at: Duration, counts: &Counts) -> Result<Self> {
        let count = |what: &str| -> Result<f64> {
            let path = format!("/proc/{pid}/{what}");
            let entries = fs::read_dir(&path).with_context(|| format!("reading {path}"))?;
            Ok(entries.count() as f64)
        };
        // There is no log while nobody writes.
        let mebibytes = |name: &str| {
            let length = fs::metadata(folder.join(name)).map_or(0, |it| it.len());
            length as f64 / f64::from(1 << 20)
        };
        Ok(Self {
            at,
            resident: resident(pid)?,
            descriptors: count("fd")?,
            threads: count("task")?,
            database: mebibytes("auth.db"),
            log: mebibytes("auth.db-wal"),
            answered: counts.answered.load(Ordering::Relaxed),
            unexpected: counts.unexpected.load(Ordering::Relaxed),
        })
    }
}

/// One thing that could grow.
pub type Value = fn(&Sample) -> f64;

pub struct Samples {
    pub all: Vec<Sample>,
    /// After each of these a storm begins.
    between_storms: Duration,
}

impl Samples {
    pub fn new(between_storms: Duration) -> Self {
        Self {
            all: Vec::new(),
            between_storms,
        }
    }

    pub fn add(&mut self, sample: Sample) {
        self.all.push(sample);
    }

    /// Whether a storm had just begun.
    fn is_stormy(&self, sample: &Sample) -> bool {
        let into = sample.at.as_secs_f64() % self.between_storms.as_secs_f64();
        let aftermath = AFTERMATH.min(self.between_storms / 2).as_secs_f64();
        sample.at >= self.between_storms && into < aftermath
    }

    /// The medians of the first third and of the last, storms left out; none of a run that was too
    /// short for that.
    fn thirds(&self, value: Value) -> Option<(f64, f64)> {
        let end = self.all.last()?.at.as_secs_f64();
        let third = (1.0 - WARM_UP) / 3.0;
        let between = |from: f64, to: f64| {
            let is_between = |it: &&Sample| (from..=to).contains(&(it.at.as_secs_f64() / end));
            let calm = self.all.iter().filter(|it| !self.is_stormy(it));
            let values: Vec<f64> = calm.filter(is_between).map(value).collect();
            (!values.is_empty()).then(|| median(values))
        };
        between(WARM_UP, WARM_UP + third).zip(between(1.0 - third, 1.0))
    }

    fn verdicts(&self) -> Vec<Row> {
        let columns: [(&str, &str, Value); 3] = [
            ("resident memory", " MiB", |it| it.resident),
            ("descriptors", "", |it| it.descriptors),
            ("threads", "", |it| it.threads),
        ];
        let grown = columns.iter().filter_map(|(name, unit, value)| {
            let (first, last) = self.thirds(*value)?;
            let figure = format!("{name}, last third ÷ first third of a long run");
            let measured = format!("{last:.1}{unit} after {first:.1}{unit}");
            Some(Row::at_most(figure, measured, last / first, 1.1))
        });
        let mut rows: Vec<Row> = grown.collect();
        let log = self.all.iter().map(|it| it.log).fold(0.0, f64::max);
        rows.push(Row::within(
            "write-ahead log at its longest",
            log,
            MOST_LOG,
            "MiB",
        ));
        if let Some(last) = self.all.last() {
            let (wrong, all) = (last.unexpected as f64, last.answered as f64);
            let measured = format!("{wrong:.0} of {all:.0}");
            let figure = "answers other than expected";
            rows.push(Row::at_most(figure, measured, wrong / all.max(1.0), 0.0));
        }
        rows
    }
}

impl fmt::Display for Samples {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "| minute | resident, MiB | at its peak, MiB | descriptors | threads | database, MiB | log, MiB | answers/s |"
        )?;
        writeln!(f, "|---|---|---|---|---|---|---|---|")?;
        let mut before = 0;
        let each = self.all.len().div_ceil(LINES).max(1);
        for part in self.all.chunks(each) {
            let Some(last) = part.last() else { continue };
            let middle = |value: Value| median(part.iter().map(value).collect());
            let peak = part.iter().map(|it| it.resident).fold(0.0, f64::max);
            let since = self.all.iter().rev().find(|it| it.answered == before);
            let seconds = last
                .at
                .saturating_sub(since.map_or(Duration::ZERO, |it| it.at));
            let rate = (last.answered - before) as f64 / seconds.as_secs_f64().max(1.0);
            before = last.answered;
            writeln!(
                f,
                "| {:.1} | {:.1} | {peak:.1} | {:.0} | {:.0} | {:.1} | {:.1} | {rate:.0} |",
                last.at.as_secs_f64() / 60.0,
                middle(|it| it.resident),
                middle(|it| it.descriptors),
                middle(|it| it.threads),
                last.database,
                middle(|it| it.log),
            )?;
        }
        writeln!(f, "\n{HEADER}")?;
        let rows = self.verdicts();
        let rows: Vec<String> = rows.iter().map(ToString::to_string).collect();
        f.write_str(&rows.join("\n"))
    }
}
