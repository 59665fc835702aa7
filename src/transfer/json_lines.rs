//! Files of JSON Lines, as `user export` writes them, read as streams.

use std::io::{BufRead, Read};

use anyhow::bail;

use super::import::Importer;
use super::line::{Line, PolicyLine};

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
        if line.len() as u64 == LONGEST_LINE {
            bail!("line {number} has more than {LONGEST_LINE} bytes");
        }
        if !line.trim_ascii().is_empty() {
            add(format!("line {number}"), &line, importer)?;
        }
    }
    Ok(())
}

fn add(place: String, line: &[u8], importer: &mut Importer<'_>) -> anyhow::Result<()> {
    let err = match serde_json::from_slice::<Line>(line) {
        Ok(user) => return importer.add(place, user.record(importer.now)),
        Err(err) => err,
    };
    let Ok(published) = serde_json::from_slice::<Published>(line) else {
        return importer.add(place, Err(err.into()));
    };
    match published.policy.recorded() {
        Ok(policy) => {
            importer.publish(policy);
            Ok(())
        }
        Err(err) => importer.add(place, Err(err.context("policy"))),
    }
}
