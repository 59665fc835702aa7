//! `user resend-activation`.

use crate::cli::commands::reset::print_queued;
use crate::cli::job::Job;
use crate::cli::terminal::output::Output;
use crate::domain::User;

pub(crate) fn run(users: &[User], job: &Job, output: &mut Output) -> anyhow::Result<()> {
    job.wait(job.operator.resend_activations(users, &job.actor))?;
    print_queued("activation", users, output)
}
