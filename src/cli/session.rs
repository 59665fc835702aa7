//! `session list | revoke`.

use serde::Serialize;

use super::ask::confirm;
use super::config::{Config, said};
use super::output::{Format, Output, note};
use crate::accounts::SeenSession;
use crate::domain::{Session, SessionId};

/// So many sessions are read at once.
const PAGE: usize = 500;

#[derive(clap::Subcommand)]
pub(super) enum Command {
    /// List live sessions, the youngest first
    List(List),
    /// End sessions: their tokens are refused from then on
    Revoke(Revoke),
}

#[derive(clap::Args)]
pub(super) struct List {
    /// Only those of these users [default: the last 50 of everybody]
    #[arg(value_name = "USER")]
    users: Vec<String>,
    /// Those of everybody, without a limit
    #[arg(long, conflicts_with = "users")]
    all: bool,
}

#[derive(clap::Args)]
#[group(required = true, multiple = true)]
pub(super) struct What {
    /// Numbers of sessions, as `session list` shows them
    #[arg(value_name = "ID")]
    ids: Vec<String>,
    /// All sessions of this user; may be given several times
    #[arg(long, value_name = "USER")]
    user: Vec<String>,
    /// All sessions of everybody
    #[arg(long, conflicts_with_all = ["ids", "user"])]
    all: bool,
}

#[derive(clap::Args)]
pub(super) struct Revoke {
    #[command(flatten)]
    what: What,
    /// Say what would end, and end nothing
    #[arg(long)]
    dry_run: bool,
    /// Do not ask before ending the sessions of everybody
    #[arg(long)]
    yes: bool,
}

/// A session as it is printed. The names are stable.
#[derive(Serialize)]
struct Row {
    id: String,
    user_id: i64,
    username: String,
    kind: &'static str,
    created_at: String,
    expires_at: String,
    address: Option<String>,
    user_agent: Option<String>,
}

impl Row {
    fn of(session: &Session, username: &str) -> Self {
        Self {
            id: session.id.to_string(),
            user_id: session.user.0,
            username: username.to_owned(),
            kind: session.kind.as_str(),
            created_at: session.created_at.to_string(),
            expires_at: session.expires_at.to_string(),
            address: session.address.clone(),
            user_agent: session.user_agent.clone(),
        }
    }
}

pub(super) fn run(command: Command, config: &Config, output: &mut Output) -> anyhow::Result<()> {
    match command {
        Command::List(wanted) => list(&wanted, config, output),
        Command::Revoke(wanted) => revoke(&wanted, config, output),
    }
}

fn of_users(users: &[String], config: &Config) -> anyhow::Result<Vec<Row>> {
    let mut rows = Vec::new();
    for typed in users {
        let user = config.wait(config.accounts.user(typed))?;
        let sessions = config
            .wait(config.accounts.live_sessions_of(user.id))
            .map_err(said)?;
        let name = user.username.to_string();
        rows.extend(sessions.iter().map(|it| Row::of(it, &name)));
    }
    Ok(rows)
}

/// Pages of everybody's sessions, at most `limit` in all.
fn of_all(config: &Config, limit: usize) -> impl Iterator<Item = anyhow::Result<Vec<Row>>> {
    let (mut before, mut left): (Option<SessionId>, usize) = (None, limit);
    std::iter::from_fn(move || {
        let page = config.accounts.live_sessions(before, left.min(PAGE));
        let seen = match config.wait(page) {
            Ok(seen) => seen,
            Err(failure) => return Some(Err(said(failure))),
        };
        left -= seen.len();
        before = Some(seen.last()?.session.id);
        let row = |it: &SeenSession| Row::of(&it.session, &it.username);
        Some(Ok(seen.iter().map(row).collect()))
    })
}

fn list(wanted: &List, config: &Config, output: &mut Output) -> anyhow::Result<()> {
    let count = if wanted.users.is_empty() {
        let limit = if wanted.all { usize::MAX } else { 50 };
        output.many(of_all(config, limit))?
    } else {
        let rows = of_users(&wanted.users, config)?;
        output.many(std::iter::once(Ok(rows)))?
    };
    if count == 0 {
        note("no sessions are alive");
    } else if count == 50 && wanted.users.is_empty() && !wanted.all {
        note("the last 50 sessions; --all lists them all");
    }
    Ok(())
}

fn revoke(wanted: &Revoke, config: &Config, output: &mut Output) -> anyhow::Result<()> {
    if wanted.what.all {
        return revoke_all(wanted, config, output);
    }
    let mut rows = Vec::new();
    for id in &wanted.what.ids {
        let seen = config.wait(config.accounts.find_live_session(id))?;
        rows.push(Row::of(&seen.session, &seen.username));
    }
    rows.extend(of_users(&wanted.what.user, config)?);
    for row in rows.iter().filter(|_| !wanted.dry_run) {
        if let Some(id) = SessionId::parse(&row.id) {
            config
                .wait(config.accounts.revoke_session(id, &config.caller))
                .map_err(said)?;
        }
    }
    if output.format != Format::Table {
        return output.many(std::iter::once(Ok(rows))).map(drop);
    }
    let done = if wanted.dry_run {
        "would end"
    } else {
        "has ended"
    };
    for row in &rows {
        output.line(&format!("session {} of {} {done}", row.id, row.username))?;
    }
    if rows.is_empty() {
        note("no sessions are alive");
    }
    Ok(())
}

/// How many sessions ended. The names are stable.
#[derive(Serialize)]
struct Ended {
    sessions: usize,
    dry_run: bool,
}

fn revoke_all(wanted: &Revoke, config: &Config, output: &mut Output) -> anyhow::Result<()> {
    let sessions = if wanted.dry_run {
        let status = config.accounts.database_status().map_err(said)?;
        usize::try_from(status.sessions)?
    } else {
        confirm(
            "This ends every session: everybody has to log in again.",
            wanted.yes,
        )?;
        config
            .wait(config.accounts.revoke_all_sessions(&config.caller))
            .map_err(said)?
    };
    let done = if wanted.dry_run {
        "would end"
    } else {
        "have ended"
    };
    match output.format {
        Format::Table => Ok(output.line(&format!("{sessions} sessions {done}"))?),
        Format::Json | Format::Csv => output.one(&Ended {
            sessions,
            dry_run: wanted.dry_run,
        }),
    }
}
