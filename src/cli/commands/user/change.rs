//! `user update | set-password | delete`.

use anyhow::{anyhow, bail};
use clap::ArgGroup;

use super::{Row, show};
use crate::cli::commands::named::Named;
use crate::cli::commands::profile::ProfileFlags;
use crate::cli::terminal::output::{Format, Output};
use crate::cli::terminal::prompt;
use crate::compose::{Config, said};
use crate::domain::{Email, Invalid, Rule, Username};
use crate::store::users::UserChange;

#[derive(clap::Args)]
#[command(group = ArgGroup::new("what").required(true).multiple(true).args([
    "username", "email", "first_name", "last_name", "staff",
    "organisation_type", "organisation_name", "country", "expert", "upload_preference",
]))]
pub(crate) struct Update {
    /// A number, a user name or an e-mail address
    user: String,
    /// Must be free
    #[arg(long)]
    username: Option<String>,
    /// Must be free; the old address is told, and links that were sent there stop working
    #[arg(long)]
    email: Option<String>,
    /// Given name
    #[arg(long)]
    first_name: Option<String>,
    /// Family name
    #[arg(long)]
    last_name: Option<String>,
    /// Whether the user is staff
    #[arg(long, value_name = "BOOL")]
    staff: Option<bool>,
    #[command(flatten)]
    profile: ProfileFlags,
}

#[derive(clap::Args)]
pub(crate) struct SetPassword {
    /// A number, a user name or an e-mail address
    user: String,
    /// Read the password from standard input, its first line
    #[arg(long)]
    password_stdin: bool,
}

#[derive(clap::Args)]
pub(crate) struct Delete {
    #[command(flatten)]
    named: Named,
    /// Do not ask
    #[arg(long)]
    yes: bool,
}

pub(crate) fn update(update: Update, config: &Config, output: &mut Output) -> anyhow::Result<()> {
    let user = config.wait(config.operator.user(&update.user))?;
    let parsed = |field, rule: Rule| anyhow!("{}", Invalid::new(field, rule));
    let mut profile = config
        .wait(config.operator.profile(user.id))
        .map_err(said)?;
    let before = profile.clone();
    update.profile.apply(&mut profile)?;
    let username = update.username.as_deref().map(Username::parse).transpose();
    let email = update.email.as_deref().map(Email::parse).transpose();
    let change = UserChange {
        username: username.map_err(|rule| parsed("username", rule))?,
        email: email.map_err(|rule| parsed("email", rule))?,
        first_name: update.first_name,
        last_name: update.last_name,
        is_staff: update.staff,
        profile: (profile != before).then_some(profile),
        new_address: None,
    };
    let changed = config.wait(config.operator.update_user(&user, change, &config.caller))?;
    show(&[changed], output)
}

pub(crate) fn set_password(
    set: &SetPassword,
    config: &Config,
    output: &mut Output,
) -> anyhow::Result<()> {
    let user = config.wait(config.operator.user(&set.user))?;
    let password = prompt::password(set.password_stdin)?;
    let done = config.wait(
        config
            .operator
            .set_password(&user, &password, &config.caller),
    );
    match done {
        Ok(Ok(())) => {}
        Ok(Err(rule)) => bail!("password: {rule}"),
        Err(trouble) => return Err(trouble.into()),
    }
    if output.format == Format::Table {
        let name = &user.username;
        return Ok(output.line(&format!(
            "{name} has a new password and is logged out everywhere; a notice goes to {}",
            user.email
        ))?);
    }
    output.one(&Row::from(&user))
}

pub(crate) fn delete(delete: &Delete, config: &Config, output: &mut Output) -> anyhow::Result<()> {
    let users = delete.named.find(config)?;
    let names: Vec<String> = users.iter().map(|it| it.username.to_string()).collect();
    let names = names.join(", ");
    prompt::confirm(
        &format!("Delete {names} for good?"),
        delete.yes || config.is_dry,
    )?;
    for user in &users {
        config
            .wait(config.operator.delete_user(user.id, &config.caller))
            .map_err(said)?;
    }
    if output.format == Format::Table {
        return Ok(output.line(&format!("{names}: deleted"))?);
    }
    output
        .many(std::iter::once(Ok(users.iter().map(Row::from).collect())))
        .map(drop)
}
