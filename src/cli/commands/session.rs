//! `session list | revoke`.

use std::collections::HashSet;

use serde_json::{Value, json};

use crate::cli::dry_run::dry_run;
use crate::cli::examples::examples;
use crate::cli::job::Job;
use crate::cli::named;
use crate::cli::terminal::output::{Format, Output, note};
use crate::cli::terminal::pages::{conclude, pages};
use crate::cli::terminal::prompt::confirm;
use crate::domain::{User, counted};
use crate::store::sessions::SeenSession;

#[derive(clap::Subcommand)]
pub(crate) enum Command {
    /// List live sessions, the youngest first
    List(List),
    /// End sessions: their tokens are refused from then on
    Revoke(Revoke),
}

#[derive(clap::Args)]
#[command(after_help = examples(&[
    "minisass-auth session list ada",
    "minisass-auth session list --all --format csv > sessions.csv",
]))]
pub(crate) struct List {
    /// Only those of these users, `-` reads them from standard input [default: the last 50 of everybody]
    #[arg(value_name = "USER")]
    users: Vec<String>,
    /// Those of everybody, without a limit
    #[arg(long, conflicts_with = "users")]
    all: bool,
}

#[derive(clap::Args)]
#[group(required = true, multiple = true)]
pub(crate) struct What {
    /// Numbers of sessions, as `session list` shows them; `-` reads them from standard input
    #[arg(value_name = "ID")]
    ids: Vec<String>,
    /// All sessions of this user, `-` reads users from standard input; may be given several times
    #[arg(long, value_name = "USER")]
    user: Vec<String>,
    /// All sessions of everybody
    #[arg(long, conflicts_with_all = ["ids", "user"])]
    all: bool,
}

#[derive(clap::Args)]
#[command(arg = dry_run(), after_help = examples(&[
    "minisass-auth session revoke 6923b5c08f1e4d2ab7605c9d3e814f72",
    "minisass-auth session revoke --user ada --user bo --dry-run",
    "minisass-auth session revoke --all --yes",
]))]
pub(crate) struct Revoke {
    #[command(flatten)]
    what: What,
    /// Do not ask before ending the sessions of everybody
    #[arg(long)]
    yes: bool,
}

pub(crate) fn run(command: Command, job: &Job, output: &mut Output) -> anyhow::Result<()> {
    match command {
        Command::List(wanted) => list(&wanted, job, output),
        Command::Revoke(wanted) => revoke(&wanted, job, output),
    }
}

fn of_users(users: &[User], job: &Job) -> anyhow::Result<Vec<SeenSession>> {
    let mut found = Vec::new();
    for user in users {
        let sessions = job.wait(job.operator.live_sessions_of(user.id))?;
        found.extend(sessions.into_iter().map(|session| SeenSession {
            session,
            username: user.username.to_string(),
            ended_at: None,
        }));
    }
    Ok(found)
}

/// Pages of everybody's sessions, at most `limit` in all; 0 is no limit.
fn of_all(job: &Job, limit: usize) -> impl Iterator<Item = anyhow::Result<Vec<Value>>> {
    let mut before = None;
    pages(limit, move |limit| {
        let seen = job.wait(job.operator.live_sessions(before, limit))?;
        before = seen.last().map(|it| it.session.id).or(before);
        Ok(seen.iter().map(row).collect())
    })
}

fn list(wanted: &List, job: &Job, output: &mut Output) -> anyhow::Result<()> {
    let is_limited = wanted.users.is_empty() && !wanted.all;
    let limit = if is_limited { 50 } else { 0 };
    output.need(&[
        "id",
        "username",
        "expires_at",
        "created_at",
        "kind",
        "address",
    ]);
    let count = if wanted.users.is_empty() {
        output.many(of_all(job, limit))?
    } else {
        let seen = of_users(&named::find(&wanted.users, job)?, job)?;
        output.rows(seen.iter().map(row))?;
        seen.len()
    };
    let more = format!("only the last {count} sessions are listed; --all lists them all");
    let empty = "no sessions are alive; a login or `token issue` opens one";
    conclude((count, limit), empty, &more, || {
        Ok(job.wait(job.operator.live_sessions(None, limit + 1))?.len() > limit)
    })?;
    Ok(())
}

fn revoke(wanted: &Revoke, job: &Job, output: &mut Output) -> anyhow::Result<()> {
    if wanted.what.all {
        return revoke_all(wanted, job, output);
    }
    let mut ended = Vec::new();
    // All are found before the first one ends: a typing error leaves nothing half done.
    for id in named::typed(&wanted.what.ids)? {
        ended.push(job.wait(job.operator.find_live_session(&id))?);
    }
    let users = named::find(&wanted.what.user, job)?;
    let of_users = of_users(&users, job)?;
    for seen in &ended {
        job.wait(job.operator.revoke_session(seen.session.id, &job.actor))?;
    }
    for user in &users {
        job.wait(job.operator.revoke_sessions_of(user.id, &job.actor))?;
    }
    ended.extend(of_users);
    // One that is named twice ends once.
    let mut told = HashSet::new();
    ended.retain(|it| told.insert(it.session.id));
    if ended.is_empty() {
        note("no sessions are alive");
    }
    if output.format != Format::Table {
        let rows: Vec<Value> = ended.iter().map(row).collect();
        return output.one(&json!({
            "sessions": ended.len(),
            "dry_run": job.is_dry,
            "ended": rows,
        }));
    }
    for seen in &ended {
        let (id, username) = (seen.session.id, &seen.username);
        output.line(&format!("session {id} of {username} has ended"))?;
    }
    Ok(())
}

fn revoke_all(wanted: &Revoke, job: &Job, output: &mut Output) -> anyhow::Result<()> {
    confirm(
        "This ends every session: everybody has to log in again.",
        wanted.yes || job.is_dry,
    )?;
    let sessions = job.wait(job.operator.revoke_all_sessions(&job.actor))?;
    // There may be a million of them.
    let ended = json!({"sessions": sessions, "dry_run": job.is_dry, "ended": null});
    let sentence = counted(sessions, "session has ended", "sessions have ended");
    output.done(&sentence, &ended)
}

fn row(seen: &SeenSession) -> Value {
    let session = &seen.session;
    json!({
        "id": session.id.to_string(),
        "user_id": session.user.0,
        "username": seen.username,
        "kind": session.kind.as_str(),
        "created_at": session.created_at.to_string(),
        "expires_at": session.expires_at.to_string(),
        "address": session.address,
        "user_agent": session.user_agent,
    })
}
