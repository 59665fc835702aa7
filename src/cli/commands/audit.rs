//! `audit list | verify`.

use anyhow::bail;
use serde::Serialize;

use crate::cli::terminal::output::Output;
use crate::cli::terminal::pages::{conclude, pages};
use crate::cli::terminal::progress::Bar;
use crate::compose::{Config, said};
use crate::store::audit::AuditPage;
use crate::store::audit::{AuditEntry, Chain};

#[derive(clap::Subcommand)]
pub(crate) enum Command {
    /// List who did what, oldest first: the last rows, or those after a number
    List(List),
    /// Check that no row was changed or removed since it was written
    Verify,
}

#[derive(clap::Args)]
pub(crate) struct List {
    /// Only rows about this user
    #[arg(long)]
    user: Option<String>,
    /// Only this action, such as session.open
    #[arg(long)]
    action: Option<String>,
    /// The rows after this number instead of the last ones
    #[arg(long, value_name = "ID")]
    after: Option<i64>,
    /// At most so many; 0 lists all
    #[arg(long, default_value_t = 50)]
    limit: usize,
}

/// A row as it is printed. The names are stable.
#[derive(Serialize)]
struct Row {
    id: i64,
    at: String,
    actor: String,
    address: Option<String>,
    action: String,
    user_id: Option<i64>,
    detail: Option<String>,
}

impl From<AuditEntry> for Row {
    fn from(entry: AuditEntry) -> Self {
        Self {
            id: entry.id,
            at: entry.at.to_string(),
            actor: entry.actor,
            address: entry.address,
            action: entry.action,
            user_id: entry.user.map(|it| it.0),
            detail: entry.detail,
        }
    }
}

/// An intact trail as it is printed. The names are stable.
#[derive(Serialize)]
struct Verified {
    rows: i64,
    is_intact: bool,
}

pub(crate) fn run(command: Command, config: &Config, output: &mut Output) -> anyhow::Result<()> {
    match command {
        Command::List(wanted) => list(wanted, config, output),
        Command::Verify => verify(config, output),
    }
}

fn verify(config: &Config, output: &mut Output) -> anyhow::Result<()> {
    let bar = Bar::of("verifying the audit trail");
    let chain = config.wait(config.operator.verify_audit(&bar.progress(None)));
    bar.clear();
    match chain.map_err(said)? {
        Chain::Whole(rows) => output.one(&Verified {
            rows,
            is_intact: true,
        }),
        Chain::Broken(id, why) => bail!(
            "the audit trail is broken at row {id}: {why}; \
             compare it with a backup, and find out who can write to the database"
        ),
    }
}

/// The number of a user; one who is deleted is still known by it.
fn user_id(typed: &str, config: &Config) -> anyhow::Result<crate::domain::UserId> {
    let found = config.wait(config.operator.user(typed));
    match (found, typed.parse()) {
        (Ok(user), _) => Ok(user.id),
        (Err(_), Ok(id)) => Ok(crate::domain::UserId(id)),
        (Err(err), Err(_)) => Err(err.into()),
    }
}

fn list(wanted: List, config: &Config, output: &mut Output) -> anyhow::Result<()> {
    let user = wanted.user.as_deref().map(|it| user_id(it, config));
    let mut query = AuditPage {
        after: wanted.after.unwrap_or(0),
        limit: wanted.limit,
        user: user.transpose()?,
        action: wanted.action,
    };
    if wanted.after.is_none() && wanted.limit > 0 {
        query.after = config
            .wait(config.operator.audit_tail(&query))
            .map_err(said)?;
    }
    let pages = pages(wanted.limit, |limit| {
        query.limit = limit;
        let rows = config.wait(config.operator.audit(&query))?;
        query.after = rows.last().map_or(query.after, |it| it.id);
        Ok(rows.into_iter().map(Row::from).collect())
    });
    let count = output.many::<Row>(pages)?;
    let more = match wanted.after {
        None => format!("the last {count} rows; --limit 0 lists them all"),
        Some(_) => format!(
            "{count} rows listed; for the next ones add --after {}",
            query.after
        ),
    };
    conclude(count, wanted.limit, "no rows match", &more);
    Ok(())
}
