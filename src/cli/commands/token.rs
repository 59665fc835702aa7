//! `token issue | inspect | revoke`.

use std::io::{self, IsTerminal};
use std::time::Duration;

use anyhow::Context as _;
use serde::Serialize;
use serde_json::{Value, json};
use zeroize::Zeroizing;

use crate::cli::dry_run::dry_run;
use crate::cli::examples::examples;
use crate::cli::job::Job;
use crate::cli::named::{self, NamedOne};
use crate::cli::terminal::output::{Format, Output};
use crate::cli::terminal::prompt;
use crate::domain::Timestamp;
use crate::operator::tokens::NewToken;
use crate::settings::duration;

#[derive(clap::Subcommand)]
pub(crate) enum Command {
    /// Open a session for a user and print its token alone
    Issue(Issue),
    /// Read a token from standard input; say what it claims, and whether the server takes it
    #[command(after_help = examples(&[
        "minisass-auth token inspect < token.txt",
        "minisass-auth token issue ada | minisass-auth token inspect --format json",
    ]))]
    Inspect(Piped),
    /// Read a token from standard input and end its session
    #[command(arg = dry_run(), after_help = examples(&[
        "minisass-auth token revoke < token.txt",
    ]))]
    Revoke(Piped),
}

#[derive(clap::Args)]
pub(crate) struct Piped {
    /// Standard input, which is read without it too
    #[arg(value_name = "-", value_parser = dash)]
    _dash: Option<()>,
}

/// A token is never an argument.
fn dash(typed: &str) -> Result<(), &'static str> {
    match typed {
        "-" => Ok(()),
        _ => Err(
            "a token that is an argument shows in lists of processes; pipe it into standard input, \
             such as `minisass-auth token inspect - < token.txt`",
        ),
    }
}

#[derive(clap::Args)]
#[command(after_help = examples(&[
    "minisass-auth token issue ada --ttl 12h",
    "minisass-auth token issue ada --kind pair --format json",
]))]
pub(crate) struct Issue {
    #[command(flatten)]
    named: NamedOne,
    /// How long it is good, such as 12h [default: as the settings say]
    #[arg(long, value_parser = at_least_a_second)]
    ttl: Option<Duration>,
    /// Which token
    #[arg(long, default_value = "access")]
    kind: Kind,
}

#[derive(Clone, Copy, clap::ValueEnum)]
enum Kind {
    Access,
    Refresh,
    /// Both: the access token on the first line, the refresh token on the second
    Pair,
}

/// Tokens as they are printed. The names are stable.
#[derive(Serialize)]
struct Row {
    access: Option<String>,
    refresh: Option<String>,
    session: String,
    user_id: i64,
    session_expires_at: String,
}

fn at_least_a_second(raw: &str) -> Result<Duration, String> {
    let ttl = duration(raw)?;
    if ttl < Duration::from_secs(1) {
        return Err("a token is good for a second at least".to_owned());
    }
    Ok(ttl)
}

pub(crate) fn run(command: Command, job: &Job, output: &mut Output) -> anyhow::Result<()> {
    match command {
        Command::Issue(wanted) => issue(wanted, job, output),
        Command::Inspect(_) => inspect(job, output),
        Command::Revoke(_) => revoke(job, output),
    }
}

/// The first line of standard input that is not empty: an argument would show in lists of processes.
fn token_from_stdin() -> anyhow::Result<Zeroizing<String>> {
    if io::stdin().is_terminal() {
        return prompt::hidden("Token: ");
    }
    let line = named::first_line()?.context("standard input is empty; pipe the token in")?;
    Ok(Zeroizing::new(
        line.trim_start_matches("Bearer ").to_owned(),
    ))
}

fn inspect(job: &Job, output: &mut Output) -> anyhow::Result<()> {
    let token = token_from_stdin()?;
    let report = job.wait(job.operator.inspect_token(&token))?;
    let text = |name: &str| report.claims.get(name).and_then(Value::as_str);
    // Newer versions of SimpleJWT write numbers of users as texts.
    let number = |name: &str| {
        let number = report.claims.get(name).and_then(Value::as_i64);
        number.or_else(|| text(name)?.parse().ok())
    };
    let time = |seconds| Timestamp(seconds).to_string();
    output.one(&json!({
        "is_good": report.is_good,
        "why_not": (!report.is_good).then(|| report.faults.join("; ")),
        "is_signed_by_us": report.is_signed,
        "algorithm": report.algorithm,
        "kid": report.kid,
        "token_type": text("token_type"),
        "user_id": number("user_id"),
        "session": text("sid"),
        "issuer": text("iss"),
        "token_id": text("jti"),
        "issued_at": number("iat").map(time),
        "expires_at": number("exp").map(time),
    }))
}

fn revoke(job: &Job, output: &mut Output) -> anyhow::Result<()> {
    let token = token_from_stdin()?;
    let seen = job.wait(job.operator.session_of_token(&token, &job.actor))?;
    let id = seen.session.id;
    job.wait(job.operator.revoke_session(id, &job.actor))?;
    let sentence = format!("session {id} of {} has ended", seen.username);
    let revoked = json!({
        "session": id.to_string(),
        "user_id": seen.session.user.0,
        "username": seen.username,
    });
    output.done(&sentence, &revoked)
}

fn issue(wanted: Issue, job: &Job, output: &mut Output) -> anyhow::Result<()> {
    job.check_issuer()?;
    let Issue { named, ttl, kind } = wanted;
    let user = named.find(job)?;
    let what = match kind {
        Kind::Access => NewToken::Access,
        Kind::Refresh => NewToken::Refresh,
        Kind::Pair => NewToken::Pair,
    };
    let issued = job.wait(job.operator.issue_token(&user, what, ttl, &job.actor))?;
    let row = Row {
        access: (what != NewToken::Refresh).then_some(issued.pair.access),
        refresh: (what != NewToken::Access).then_some(issued.pair.refresh),
        session: issued.session.id.to_string(),
        user_id: user.id.0,
        session_expires_at: issued.session.expires_at.to_string(),
    };
    if output.format != Format::Table {
        return output.one(&row);
    }
    for token in [row.access, row.refresh].into_iter().flatten() {
        output.text(&format!("{token}\n"))?;
    }
    Ok(())
}
