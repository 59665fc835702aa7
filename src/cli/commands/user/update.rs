//! `user update`.

use anyhow::anyhow;
use clap::ArgGroup;

use super::row::show;
use crate::cli::commands::profile::ProfileFlags;
use crate::cli::dry_run::dry_run;
use crate::cli::examples::examples;
use crate::cli::job::Job;
use crate::cli::named::NamedOne;
use crate::cli::terminal::output::Output;
use crate::domain::{Email, Invalid, ProfileChange, Rule, Username};
use crate::store::users::UserChange;

#[derive(clap::Args)]
#[command(arg = dry_run(), after_help = examples(&[
    "minisass-auth user update ada --email ada@example.com",
    "minisass-auth user update ada --staff true --country ZA --expert true",
]))]
#[command(override_usage = "minisass-auth user update <USER> [OPTIONS]")]
#[command(group = ArgGroup::new("what").required(true).multiple(true).args([
    "username", "email", "first_name", "last_name", "staff",
    "organisation_type", "organisation_name", "country", "expert", "upload_preference",
]))]
pub(crate) struct Update {
    #[command(flatten)]
    named: NamedOne,
    /// Must be free
    #[arg(long)]
    username: Option<String>,
    /// Must be free; the old address is told, and links that were sent there stop working
    #[arg(long)]
    email: Option<String>,
    /// Given name
    #[arg(long, value_name = "NAME")]
    first_name: Option<String>,
    /// Family name
    #[arg(long, value_name = "NAME")]
    last_name: Option<String>,
    /// Whether the user is staff
    #[arg(long, value_name = "BOOL")]
    staff: Option<bool>,
    #[command(flatten)]
    profile: ProfileFlags,
}

pub(crate) fn run(update: Update, job: &Job, output: &mut Output) -> anyhow::Result<()> {
    let user = update.named.find(job)?;
    let parsed = |field, rule: Rule| anyhow!("{}", Invalid::new(field, rule));
    let before = job.wait(job.operator.accounts.profile(user.id))?;
    let mut profile = before.clone();
    update.profile.apply(&mut profile)?;
    let username = update.username.as_deref().map(Username::parse).transpose();
    let email = update.email.as_deref().map(Email::parse).transpose();
    let change = UserChange {
        username: username.map_err(|rule| parsed("username", rule))?,
        email: email.map_err(|rule| parsed("email", rule))?,
        first_name: update.first_name,
        last_name: update.last_name,
        is_staff: update.staff,
        profile: Some(ProfileChange {
            before,
            after: profile,
        }),
        ..UserChange::default()
    };
    let (changed, _) = job.wait(job.operator.update_user(&user, change, &job.actor))?;
    show(&[changed], output)
}
