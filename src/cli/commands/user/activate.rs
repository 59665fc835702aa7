//! `user activate | deactivate`.

use super::row::row;
use crate::cli::job::Job;
use crate::cli::terminal::output::{Format, Output};
use crate::domain::User;

pub(crate) fn set_active(
    users: &[User],
    active: bool,
    job: &Job,
    output: &mut Output,
) -> anyhow::Result<()> {
    for user in users {
        job.wait(job.operator.set_active(user, active, &job.actor))?;
        if output.format == Format::Table {
            let done = if active {
                "may log in"
            } else {
                "is logged out everywhere and may not log in"
            };
            output.line(&format!("{} ({}) {done}", user.username, user.email))?;
        }
    }
    if output.format == Format::Table {
        return Ok(());
    }
    output.rows(users.iter().map(|user| {
        let mut row = row(user);
        row["is_active"] = active.into();
        row
    }))
}
