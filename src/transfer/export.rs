//! All users into a file, a page at a time.

use std::io::Write;

use anyhow::ensure;
use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::json;

use super::csv_rows::{COLUMNS, HASH_COLUMNS};
use super::line::{Line, PolicyLine};
use crate::domain::UserId;
use crate::progress::{Progress, Step};
use crate::store::Store;

/// How many users are in memory at once.
const PAGE: usize = 500;

/// How users stand in a file.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// An object a line, privacy policies first.
    JsonLines,
    /// A header and a row for each user; privacy policies are not in it.
    Csv,
}

/// What an export takes along, and how.
pub struct Exporter<'a> {
    pub(crate) store: &'a Store,
    pub(crate) format: Format,
    /// Whether the hashes of passwords are written too.
    pub(crate) with_hashes: bool,
}

/// Packs into `out` what `write` writes. If that fails, `out` may look whole all the same.
pub fn packed<T>(
    out: impl Write,
    write: impl FnOnce(&mut dyn Write) -> anyhow::Result<T>,
) -> anyhow::Result<T> {
    let mut packer = GzEncoder::new(out, Compression::default());
    let written = write(&mut packer)?;
    packer.finish()?;
    Ok(written)
}

impl Exporter<'_> {
    /// Writes all users, and returns how many.
    pub async fn write(&self, out: &mut impl Write, progress: &Progress) -> anyhow::Result<u64> {
        match self.format {
            Format::Csv => csv::Writer::from_writer(&mut *out).write_record(self.columns())?,
            Format::JsonLines => {
                for policy in self.store.policies().await?.into_iter().rev() {
                    writeln!(out, "{}", json!({"policy": PolicyLine::of(policy)}))?;
                }
            }
        }
        let all = self.store.count_users().await?.unsigned_abs();
        let (mut after, mut count) = (UserId(0), 0);
        loop {
            let page = self.store.export(after, PAGE).await?;
            let Some(last) = page.last().and_then(|it| it.id) else {
                return Ok(count);
            };
            after = last;
            count += page.len() as u64;
            let lines = page.into_iter().map(|it| Line::of(it, self.with_hashes));
            self.write_page(lines, out)?;
            ensure!(progress(Step::Done(count, all)), "interrupted");
        }
    }

    fn columns(&self) -> &'static [&'static str] {
        if self.with_hashes {
            &COLUMNS
        } else {
            &COLUMNS[..COLUMNS.len() - HASH_COLUMNS]
        }
    }

    fn write_page(
        &self,
        lines: impl Iterator<Item = Line>,
        out: &mut impl Write,
    ) -> anyhow::Result<()> {
        match self.format {
            Format::Csv => {
                let mut csv = csv::Writer::from_writer(out);
                for line in lines {
                    csv.write_record(line.cells(self.columns())?)?;
                }
                csv.flush()?;
            }
            Format::JsonLines => {
                for line in lines {
                    serde_json::to_writer(&mut *out, &line)?;
                    out.write_all(b"\n")?;
                }
            }
        }
        Ok(())
    }
}
