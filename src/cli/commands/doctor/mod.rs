//! `doctor`: looks at everything that has to be right and says what to do. It changes nothing.

mod calibrate;
mod database;
mod files;
mod finding;
mod keys;
mod machine;
mod mail;
mod proxy;
mod server;
mod service;
mod settings;

use std::time::Duration;

use anyhow::bail;

use self::finding::{Finding, State, Subject};
use crate::cli::examples::examples;
use crate::cli::terminal::output::{Format, Output};
use crate::clock::system_now;
use crate::settings::{Settings, Values, duration, place};

const EXIT_CODES: &str = "

It exits with 1 if a check has failed, and with 0 if there are warnings only, or none.";

#[derive(clap::Args)]
#[command(after_help = examples(&[
    "minisass-auth doctor",
    "minisass-auth doctor --format json > findings.json",
    "minisass-auth doctor --calibrate --target 100ms",
]) + EXIT_CODES)]
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
        value_parser = duration
    )]
    target: Duration,
}

pub(crate) fn run(asked: &Doctor, values: &Values, output: &mut Output) -> anyhow::Result<()> {
    if asked.calibrate {
        return calibrate::run(&Settings::parse(values)?, asked.target, output);
    }
    let findings = examine(values)?;
    let mut failed: Vec<_> = findings
        .iter()
        .filter(|it| it.state == State::Failed)
        .map(|it| it.check.clone())
        .collect();
    failed.dedup();
    match output.format {
        Format::Table => output.rows(in_short(findings))?,
        Format::Json | Format::Csv => output.rows(findings)?,
    }
    output.finish()?;
    if !failed.is_empty() {
        bail!(
            "these checks failed: {}; follow the advice, and run `doctor` again",
            failed.join(", ")
        );
    }
    Ok(())
}

/// What was skipped for the same reason is one row for people.
fn in_short(findings: Vec<Finding>) -> Vec<Finding> {
    let mut short: Vec<Finding> = Vec::with_capacity(findings.len());
    for finding in findings {
        match short.iter_mut().find(|it| it.is_skipped_like(&finding)) {
            Some(earlier) => earlier.check += &format!(", {}", finding.check),
            None => short.push(finding),
        }
    }
    short
}

fn examine(values: &Values) -> anyhow::Result<Vec<Finding>> {
    let (settings, mailer, of_settings) = settings::check(values);
    let subject = Subject {
        values,
        data_dir: values.data_dir(),
        database: place(values),
        settings,
        mailer,
        now: system_now(),
    };
    let mut findings = vec![machine::program(), of_settings];
    findings.push(settings::public_url(&subject));
    findings.push(settings::listen(&subject));
    findings.extend(settings::throttle(&subject));
    findings.extend(service::check(&subject));
    findings.extend(proxy::check(&subject));
    findings.extend(of_data(&subject));
    findings.push(mail::check(&subject)?);
    findings.extend(mail::sender(&subject));
    findings.push(mail::contact(&subject));
    findings.extend(machine::hashing(&subject));
    Ok(findings)
}

/// What lies in the data folder, and beside it.
fn of_data(subject: &Subject<'_>) -> Vec<Finding> {
    if !subject.values.knows_data_dir() {
        let because = "the settings that name the data folder cannot be read";
        let beside = [files::CHECK, machine::DISK]
            .into_iter()
            .chain(keys::CHECKS);
        let beside = beside.map(|it| Finding::skipped(it, because));
        return beside.chain(database::skipped(subject, because)).collect();
    }
    let mut findings = files::check(subject);
    findings.extend(keys::check(subject));
    findings.extend(database::check(subject));
    findings.push(machine::disk(subject));
    findings
}
