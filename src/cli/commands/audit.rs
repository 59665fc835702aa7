//! `audit list | verify`.

use anyhow::bail;
use serde_json::{Value, json};

use crate::cli::examples::examples;
use crate::cli::job::Job;
use crate::cli::named;
use crate::cli::terminal::output::Output;
use crate::cli::terminal::pages::{conclude, pages};
use crate::cli::terminal::progress::Bar;
use crate::domain::{UserId, counted};
use crate::store::audit::{AuditEntry, AuditPage, Chain};

#[derive(clap::Subcommand)]
pub(crate) enum Command {
    /// List who did what, oldest first: the last rows, or those after a number
    List(List),
    /// Check that no row was changed or removed since it was written
    #[command(after_help = examples(&["minisass-auth audit verify"]))]
    Verify,
}

#[derive(clap::Args)]
#[command(after_help = examples(&[
    "minisass-auth audit list --user ada",
    "minisass-auth audit list --action user.create --limit 0 --format csv",
]))]
pub(crate) struct List {
    /// Only rows about this user; `-` reads it from standard input
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

pub(crate) fn run(command: Command, job: &Job, output: &mut Output) -> anyhow::Result<()> {
    match command {
        Command::List(wanted) => list(wanted, job, output),
        Command::Verify => verify(job, output),
    }
}

fn verify(job: &Job, output: &mut Output) -> anyhow::Result<()> {
    let bar = Bar::of("verifying the audit trail");
    let chain = job.wait(job.operator.verify_audit(&bar.progress(None)));
    bar.clear();
    match chain? {
        Chain::Whole { rows, gone } => {
            output.one(&json!({"rows": rows, "is_intact": true, "rows_gone_before": gone}))
        }
        Chain::Broken(id, why) => bail!(
            "the audit trail is broken at row {id}: {why}; \
             compare it with a backup, and find out who can write to the database"
        ),
    }
}

/// The number of a user; one who is deleted is still known by it.
fn user_id(typed: &str, job: &Job) -> anyhow::Result<UserId> {
    let typed = &named::typed_one(typed)?;
    let found = job.wait(job.operator.user(typed));
    match (found, typed.parse()) {
        (Ok(user), _) => Ok(user.id),
        (Err(_), Ok(id)) => Ok(UserId(id)),
        (Err(err), Err(_)) => Err(err.into()),
    }
}

fn list(wanted: List, job: &Job, output: &mut Output) -> anyhow::Result<()> {
    let user = wanted.user.as_deref().map(|it| user_id(it, job));
    let mut query = AuditPage {
        after: wanted.after.unwrap_or(0),
        limit: wanted.limit,
        user: user.transpose()?,
        action: wanted.action,
    };
    if wanted.after.is_none() && wanted.limit > 0 {
        query.after = job.wait(job.operator.audit_tail(&query))?;
    }
    let first = query.after;
    let pages = pages(wanted.limit, |limit| {
        query.limit = limit;
        let rows = job.wait(job.operator.audit(&query))?;
        query.after = rows.last().map_or(query.after, |it| it.id);
        Ok(rows.iter().map(row).collect())
    });
    output.need(&[
        "at", "action", "actor", "user_id", "id", "address", "detail",
    ]);
    let count = output.many(pages)?;
    let more = match wanted.after {
        None => format!(
            "only the last {} listed; --limit 0 lists them all",
            counted(count, "row is", "rows are")
        ),
        Some(_) => format!(
            "{} listed; for the next ones add --after {}",
            counted(count, "row", "rows"),
            query.after
        ),
    };
    conclude((count, wanted.limit), "no rows match", &more, || {
        if wanted.after.is_none() {
            return Ok(first > 0);
        }
        query.limit = 1;
        Ok(!job.wait(job.operator.audit(&query))?.is_empty())
    })?;
    Ok(())
}

fn row(entry: &AuditEntry) -> Value {
    json!({
        "id": entry.id,
        "at": entry.at.to_string(),
        "actor": entry.actor,
        "address": entry.address,
        "action": entry.action,
        "user_id": entry.user.map(|it| it.0),
        "detail": entry.detail,
    })
}
