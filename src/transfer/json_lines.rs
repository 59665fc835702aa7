//! Files of JSON Lines, as `user export` writes them, read as streams.

use std::io::{BufRead, Read};

use anyhow::{anyhow, bail};
use serde_json::Value;

use super::csv_rows::COLUMNS;
use super::import::Importer;
use super::line::{Line, PolicyLine};
use super::report::Origin;
use super::unshown::misfit;

/// The longest line that is read, in bytes.
const LONGEST_LINE: u64 = 1 << 20;

/// A line that is a version of the privacy policy.
#[derive(serde::Deserialize)]
struct Published {
    policy: PolicyLine,
}

/// Hands the users of a file to `importer`.
pub fn read(mut file: impl BufRead, importer: &mut Importer<'_>) -> anyhow::Result<()> {
    let mut line = Vec::new();
    for number in 1.. {
        line.clear();
        let mut rest = file.by_ref().take(LONGEST_LINE);
        if rest.read_until(b'\n', &mut line)? == 0 {
            break;
        }
        if number == 1 {
            check_kind(&line)?;
        }
        if line.len() as u64 == LONGEST_LINE {
            bail!("line {number} has more than {LONGEST_LINE} bytes");
        }
        if !line.trim_ascii().is_empty() {
            add(number, &line, importer)?;
        }
    }
    Ok(())
}

/// Refuses what is plainly another kind of file.
fn check_kind(line: &[u8]) -> anyhow::Result<()> {
    let line = line.trim_ascii();
    let is_dump = |it: &[u8]| it.starts_with(b"{\"model\":");
    if line.starts_with(b"[") || is_dump(line) {
        bail!(
            "line 1 is no user; a dump of Django is read with --from django, and of another list each user goes on a \
             line: jq -c '.[]' FILE | minisass-auth user import -"
        );
    }
    if !line.is_empty() && !line.starts_with(b"{") {
        // It is not shown: it may be a secret.
        bail!("line 1 is no JSON; a table is read with --from csv");
    }
    Ok(())
}

fn add(number: usize, text: &[u8], importer: &mut Importer<'_>) -> anyhow::Result<()> {
    let place = format!("line {number}");
    if !text.trim_ascii_start().starts_with(b"{") {
        let err = anyhow!("it is no object of JSON, such as {{\"email\": \"ada@example.org\"}}");
        return importer.add(Origin::at(place), Err(err));
    }
    let err = match serde_json::from_slice::<Line>(text) {
        Ok(line) => return importer.add(line.origin(place), Ok(line)),
        Err(err) => err,
    };
    if let Ok(published) = serde_json::from_slice::<Published>(text) {
        return match published.policy.recorded() {
            Ok(policy) => {
                importer.publish(policy);
                Ok(())
            }
            Err(err) => importer.add(Origin::at(place), Err(err.context("policy"))),
        };
    }
    match without_nulls(text) {
        Some(Ok(line)) => importer.add(line.origin(place), Ok(line)),
        Some(Err(err)) => importer.add(Origin::at(place), Err(misfit(&err))),
        None => importer.add(Origin::at(place), Err(misfit(&err))),
    }
}

/// Other programs write null for what is left out. None if that is not what is wrong with the line.
fn without_nulls(text: &[u8]) -> Option<serde_json::Result<Line>> {
    let Ok(Value::Object(mut fields)) = serde_json::from_slice(text) else {
        return None;
    };
    let before = fields.len();
    // An unknown name is told, whatever its value is.
    fields.retain(|name, value| !value.is_null() || !COLUMNS.contains(&name.as_str()));
    let is_other = fields.len() < before;
    is_other.then(|| serde_json::from_value(Value::Object(fields)))
}
