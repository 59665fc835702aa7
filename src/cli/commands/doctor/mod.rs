//! `doctor`: looks at everything that has to be right and says what to do. It changes nothing.

mod calibrate;
mod database;
mod files;
mod finding;
mod keys;
mod machine;
mod mail;
mod proxy;
mod service;
mod settings;

use std::time::Duration;

use anyhow::bail;

use self::finding::{Finding, State, Subject};
use crate::cli::examples::examples;
use crate::cli::terminal::output::Output;
use crate::clock::Clock;
use crate::settings::{Settings, Values};

#[derive(clap::Args)]
#[command(after_help = examples(&[
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
    findings.push(settings::listen(&subject));
    findings.extend(service::check(&subject));
    findings.extend(proxy::check(&subject));
    findings.extend(files::check(&subject));
    findings.extend(keys::check(&subject));
    findings.extend(database::check(&subject));
    findings.push(machine::disk(&subject));
    findings.push(mail::check(&subject)?);
    findings.push(mail::contact(&subject));
    findings.extend(machine::hashing(&subject));
    Ok(findings)
}
