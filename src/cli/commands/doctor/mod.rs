//! `doctor`: looks at everything that has to be right and says what to do. It changes nothing.

mod calibrate;
mod database;
mod files;
mod keys;
mod machine;
mod mail;
mod settings;

use std::path::PathBuf;
use std::time::Duration;

use anyhow::bail;
use serde::Serialize;

use crate::cli::commands::examples::examples;
use crate::cli::terminal::output::Output;
use crate::clock::Clock;
use crate::domain::Timestamp;
use crate::mail::Mailer;
use crate::private_file::data_dir;
use crate::settings::{Settings, Values};

/// Why nothing in the data folder is looked into.
const NOT_OURS: &str = "the data folder is not this user's to work in";

#[derive(clap::Args)]
#[command(after_long_help = examples(&[
    "minisass-auth doctor",
    "minisass-auth doctor --format json > findings.json",
    "minisass-auth doctor --calibrate --target 100ms",
]))]
pub(crate) struct Doctor {
    /// Measure password hashes on this machine instead, and propose what they should cost
    #[arg(long)]
    calibrate: bool,
    /// How long a hash should take
    #[arg(
        long,
        requires = "calibrate",
        value_name = "DURATION",
        default_value = "250ms",
        value_parser = humantime::parse_duration
    )]
    target: Duration,
}

/// What a check came to, as it is printed. The names are stable.
#[derive(Serialize)]
struct Finding {
    check: &'static str,
    state: State,
    finding: String,
    /// Empty where nothing is to be done.
    advice: String,
}

#[derive(Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum State {
    Ok,
    Warning,
    Failed,
}

impl Finding {
    fn ok(check: &'static str, finding: impl Into<String>) -> Self {
        Self {
            check,
            state: State::Ok,
            finding: finding.into(),
            advice: String::new(),
        }
    }

    fn warning(check: &'static str, finding: impl Into<String>, advice: impl Into<String>) -> Self {
        Self {
            check,
            state: State::Warning,
            finding: finding.into(),
            advice: advice.into(),
        }
    }

    fn failed(check: &'static str, finding: impl Into<String>, advice: impl Into<String>) -> Self {
        Self {
            state: State::Failed,
            ..Self::warning(check, finding, advice)
        }
    }

    /// What another command would refuse with. Such a sentence ends with what to do, after a
    /// semicolon; one that does not gets `advice`.
    fn refused(check: &'static str, sentence: &str, advice: &str) -> Self {
        let (finding, advice) = sentence.rsplit_once("; ").unwrap_or((sentence, advice));
        Self::failed(check, finding, advice)
    }

    /// A check that makes no sense while something else is wrong.
    fn skipped(check: &'static str, because: &str) -> Self {
        let finding = format!("not checked, because {because}");
        Self::warning(check, finding, "put that right first")
    }
}

/// What the checks look at. With wrong settings the places are still known.
struct Subject<'a> {
    values: &'a Values,
    data_dir: PathBuf,
    database: PathBuf,
    settings: Option<Settings>,
    mailer: Option<Mailer>,
    now: Timestamp,
}

impl Subject<'_> {
    /// Whether there is a data folder, also one that we cannot read.
    fn has_data_dir(&self) -> bool {
        self.data_dir.try_exists().unwrap_or(true)
    }

    /// A file that we made in a folder of somebody else would lock its owner out.
    fn is_ours(&self) -> bool {
        !self.has_data_dir() || data_dir::check(&self.data_dir).is_ok()
    }
}

pub(crate) fn run(asked: &Doctor, values: &Values, output: &mut Output) -> anyhow::Result<()> {
    if asked.calibrate {
        return calibrate::run(&Settings::parse(values)?, asked.target, output);
    }
    let findings = examine(values)?;
    let mut failed: Vec<_> = findings
        .iter()
        .filter(|it| it.state == State::Failed)
        .map(|it| it.check)
        .collect();
    failed.dedup();
    output.rows(findings)?;
    output.finish()?;
    if !failed.is_empty() {
        bail!(
            "these checks failed: {}; follow the advice, and run `doctor` again",
            failed.join(", ")
        );
    }
    Ok(())
}

fn examine(values: &Values) -> anyhow::Result<Vec<Finding>> {
    let (settings, mailer, of_settings) = settings::check(values);
    let subject = Subject {
        values,
        data_dir: values.data_dir(),
        database: values.database(),
        settings,
        mailer,
        now: Clock::System.now(),
    };
    let mut findings = vec![machine::program(), of_settings];
    findings.push(settings::public_url(&subject));
    findings.extend(files::check(&subject));
    findings.extend(keys::check(&subject));
    findings.extend(database::check(&subject));
    findings.push(machine::disk(&subject));
    findings.push(mail::check(&subject)?);
    findings.extend(machine::hashing(&subject));
    Ok(findings)
}
