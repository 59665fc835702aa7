//! `user delete`.

use super::row::row;
use crate::cli::dry_run::dry_run;
use crate::cli::examples::examples;
use crate::cli::job::Job;
use crate::cli::named::Named;
use crate::cli::terminal::output::{Format, Output};
use crate::cli::terminal::prompt::confirm;
use crate::domain::User;

#[derive(clap::Args)]
#[command(arg = dry_run(), after_help = examples(&[
    "minisass-auth user delete bo --dry-run",
    "minisass-auth user delete bo cy --yes",
]))]
pub(crate) struct Delete {
    #[command(flatten)]
    named: Named,
    /// Do not ask
    #[arg(long)]
    yes: bool,
}

pub(crate) fn run(delete: &Delete, job: &Job, output: &mut Output) -> anyhow::Result<()> {
    let users = delete.named.find(job)?;
    let joined =
        |shown: fn(&User) -> String| users.iter().map(shown).collect::<Vec<_>>().join(", ");
    let names = joined(|it| it.username.to_string());
    let whom = joined(|it| format!("{} (number {}, {})", it.username, it.id.0, it.email));
    confirm(
        &format!("Delete {whom} and all that belongs to them for good?"),
        delete.yes || job.is_dry,
    )?;
    for user in &users {
        job.wait(job.operator.delete_user(user.id, &job.actor))?;
    }
    match output.format {
        Format::Table => {
            let done = if job.is_dry {
                "would be deleted"
            } else {
                "deleted"
            };
            Ok(output.line(&format!("{names}: {done}"))?)
        }
        Format::Json | Format::Csv => output.rows(users.iter().map(row)),
    }
}
