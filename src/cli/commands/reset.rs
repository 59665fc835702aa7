//! `reset send | link`.

use serde_json::json;

use crate::cli::dry_run::dry_run;
use crate::cli::examples::examples;
use crate::cli::job::Job;
use crate::cli::named::Named;
use crate::cli::terminal::output::{Format, Output};
use crate::domain::User;

const LINKS: &str = "\n\nA new link ends the one before, mailed or printed.";

#[derive(clap::Subcommand)]
pub(crate) enum Command {
    /// Queue the reset mail of users, to their stored addresses; the server sends it
    #[command(arg = dry_run(), after_help = examples(&[
        "minisass-auth reset send ada bo@example.org",
    ]) + LINKS)]
    Send(Named),
    /// Print a link with which a user chooses a new password, for people whom mail does not reach
    #[command(after_help = examples(&[
        "minisass-auth reset link ada --public-url https://auth.example.org",
    ]) + LINKS)]
    Link(Named),
}

pub(crate) fn run(command: Command, job: &Job, output: &mut Output) -> anyhow::Result<()> {
    match command {
        Command::Send(named) => send(&named.find(job)?, job, output),
        Command::Link(named) => {
            job.check_public_url()?;
            link(&named.find(job)?, job, output)
        }
    }
}

/// One-time links. Whoever has one can choose the password.
pub(crate) fn links(users: &[User], job: &Job) -> anyhow::Result<Vec<String>> {
    let made = job.operator.password_links_by_hand(users, &job.actor);
    Ok(job.wait(made)?)
}

/// The links, alone on standard output.
fn link(users: &[User], job: &Job, output: &mut Output) -> anyhow::Result<()> {
    let links = links(users, job)?;
    if output.format == Format::Table {
        return Ok(links.iter().try_for_each(|link| output.line(link))?);
    }
    let rows = users.iter().zip(links).map(|(user, link)| {
        json!({"user_id": user.id.0, "username": user.username.to_string(), "link": link})
    });
    output.rows(rows)
}

fn send(users: &[User], job: &Job, output: &mut Output) -> anyhow::Result<()> {
    job.wait(job.operator.send_resets(users, &job.actor))?;
    print_queued("reset", users, output)
}

/// Says to which address each mail goes.
pub(crate) fn print_queued(what: &str, users: &[User], output: &mut Output) -> anyhow::Result<()> {
    if output.format == Format::Table {
        return Ok(users.iter().try_for_each(|user| {
            let (name, email) = (&user.username, &user.email);
            output.line(&format!("{what} mail for {name} queued to {email}"))
        })?);
    }
    let rows = users.iter().map(|user| {
        json!({
            "user_id": user.id.0,
            "username": user.username.to_string(),
            "email": user.email.to_string(),
            "state": "queued",
        })
    });
    output.rows(rows)
}
