//! `user set-password`.

use anyhow::bail;

use super::row::row;
use crate::cli::dry_run::dry_run;
use crate::cli::examples::examples;
use crate::cli::job::Job;
use crate::cli::terminal::output::Output;
use crate::cli::terminal::prompt;

#[derive(clap::Args)]
#[command(arg = dry_run(), after_help = examples(&[
    "minisass-auth user set-password ada --password-stdin < password.txt",
]))]
pub(crate) struct SetPassword {
    /// A number, a user name or an e-mail address
    user: String,
    /// Read the password from standard input, its first line
    #[arg(long)]
    password_stdin: bool,
}

pub(crate) fn run(set: &SetPassword, job: &Job, output: &mut Output) -> anyhow::Result<()> {
    let user = job.wait(job.operator.user(&set.user))?;
    let password = prompt::password(set.password_stdin)?;
    let done = job.wait(job.operator.set_password(&user, &password, &job.actor));
    match done {
        Ok(Ok(())) => {}
        Ok(Err(rule)) => bail!("password: {rule}"),
        Err(trouble) => return Err(trouble.into()),
    }
    let done = format!(
        "{} has a new password and is logged out everywhere; a notice goes to {}",
        user.username, user.email
    );
    output.done(&done, &row(&user))
}
