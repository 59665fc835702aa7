//! `user set-password`.

use anyhow::bail;

use super::row::row;
use crate::cli::dry_run::dry_run;
use crate::cli::examples::examples;
use crate::cli::job::Job;
use crate::cli::named::NamedOne;
use crate::cli::terminal::output::Output;
use crate::cli::terminal::prompt;

#[derive(clap::Args)]
#[command(arg = dry_run(), after_help = examples(&[
    "minisass-auth user set-password ada --password-stdin < password.txt",
]))]
pub(crate) struct SetPassword {
    #[command(flatten)]
    named: NamedOne,
    /// Read the password from standard input, its first line
    #[arg(long)]
    password_stdin: bool,
}

pub(crate) fn run(set: &SetPassword, job: &Job, output: &mut Output) -> anyhow::Result<()> {
    let user = set.named.find(job)?;
    let password = prompt::password(set.password_stdin)?;
    let done = job.wait(job.operator.set_password(&user, &password, &job.actor));
    match done {
        Ok(Ok(())) => {}
        Ok(Err(rule)) => bail!("password: {rule}"),
        Err(trouble) => return Err(trouble.into()),
    }
    let notice = if user.email.leads_nowhere() {
        "mail does not reach them"
    } else {
        &format!("a notice goes to {}", user.email)
    };
    let done = format!(
        "{} has a new password and is logged out everywhere; {notice}",
        user.username
    );
    output.done(&done, &row(&user))
}
