//! `user create | list | show | activate | deactivate`; the other changes are in `user_change.rs`.

pub mod change;
pub mod export;
pub mod import;

use anyhow::anyhow;
use serde::Serialize;

use super::named::Named;
use super::reset;
use crate::accounts::register::{OperatorChoice, RegisterError, Registration};
use crate::cli::terminal::output::{Format, Output, note};
use crate::cli::terminal::pages::{conclude, pages};
use crate::cli::terminal::prompt;
use crate::compose::Config;
use crate::domain::{Timestamp, User, UserId};
use crate::store::users::UserPage;

#[derive(clap::Subcommand)]
pub(crate) enum Command {
    /// Add a user; the password is asked for, twice
    Create(Create),
    /// List users in the order of their numbers
    List(List),
    /// Show users, by number, user name or e-mail address
    Show(Named),
    /// Change a user; what is not named stays as it is
    Update(change::Update),
    /// Set a user's password and end their sessions; it is asked for, twice
    SetPassword(change::SetPassword),
    /// Let users log in
    Activate(Named),
    /// End every session of users and let them in no more
    Deactivate(Named),
    /// Forget users and all that belongs to them, for good
    Delete(change::Delete),
    /// Write all users to a file, to be read by `user import`
    Export(export::Export),
    /// Add the users of a file, with their passwords; who is there already stays as is
    Import(import::Import),
}

#[derive(clap::Args)]
pub(crate) struct Create {
    /// Must be free [default: the address]
    #[arg(long)]
    username: Option<String>,
    /// Must be free
    #[arg(long)]
    email: String,
    /// Given name
    #[arg(long, default_value = "", hide_default_value = true)]
    first_name: String,
    /// Family name
    #[arg(long, default_value = "", hide_default_value = true)]
    last_name: String,
    /// Such as NGO
    #[arg(long, default_value = "", hide_default_value = true)]
    organisation_type: String,
    /// Such as the name of a school
    #[arg(long, default_value = "", hide_default_value = true)]
    organisation_name: String,
    /// A code or a name
    #[arg(long, default_value = "", hide_default_value = true)]
    country: String,
    /// Make the user staff
    #[arg(long)]
    staff: bool,
    /// Do not let the user log in yet
    #[arg(long)]
    inactive: bool,
    /// Read the password from standard input, its first line
    #[arg(long)]
    password_stdin: bool,
    /// Set no password: mail the user a link to choose one
    #[arg(long, conflicts_with = "password_stdin")]
    no_password: bool,
    /// Print that link instead of mailing it
    #[arg(long, requires = "no_password", conflicts_with = "inactive")]
    print_link: bool,
}

#[derive(clap::Args)]
pub(crate) struct List {
    /// At most so many; 0 lists all
    #[arg(long, default_value_t = 50)]
    limit: usize,
    /// Only users with a higher number than this
    #[arg(long, value_name = "ID", default_value_t = 0)]
    after: i64,
    /// Only users whose name or address contains this
    #[arg(long, value_name = "TEXT")]
    search: Option<String>,
    /// Only users who may not log in
    #[arg(long)]
    inactive: bool,
    /// Only staff
    #[arg(long)]
    staff: bool,
}

/// A user as it is printed. The names are stable.
#[derive(Serialize)]
pub(crate) struct Row {
    id: i64,
    username: String,
    email: String,
    first_name: String,
    last_name: String,
    is_active: bool,
    is_staff: bool,
    created_at: String,
    last_login_at: Option<String>,
}

impl From<&User> for Row {
    fn from(user: &User) -> Self {
        Self {
            id: user.id.0,
            username: user.username.to_string(),
            email: user.email.to_string(),
            first_name: user.first_name.clone(),
            last_name: user.last_name.clone(),
            is_active: user.is_active,
            is_staff: user.is_staff,
            created_at: user.created_at.to_string(),
            last_login_at: user.last_login_at.as_ref().map(Timestamp::to_string),
        }
    }
}

pub(crate) fn run(command: Command, config: &Config, output: &mut Output) -> anyhow::Result<()> {
    match command {
        Command::Create(new) => create(new, config, output),
        Command::List(list) => crate::cli::commands::user::list(&list, config, output),
        Command::Show(named) => show(&named.find(config)?, output),
        Command::Update(update) => change::update(update, config, output),
        Command::SetPassword(set) => change::set_password(&set, config, output),
        Command::Delete(delete) => change::delete(&delete, config, output),
        Command::Export(export) => export::run(&export, config),
        Command::Import(import) => import::run(&import, config, output),
        Command::Activate(named) => set_active(&named.find(config)?, true, config, output),
        Command::Deactivate(named) => set_active(&named.find(config)?, false, config, output),
    }
}

fn create(new: Create, config: &Config, output: &mut Output) -> anyhow::Result<()> {
    if new.print_link {
        config.check_public_url()?;
    }
    let is_invited = new.no_password;
    let password = if is_invited {
        None
    } else {
        Some(prompt::password(new.password_stdin)?)
    };
    let registration = Registration {
        username: new.username.unwrap_or_default(),
        email: new.email,
        password: password.map(|it| it.to_string()),
        confirmation: None,
        first_name: new.first_name,
        last_name: new.last_name,
        organisation_type: new.organisation_type,
        organisation_name: new.organisation_name,
        country: new.country,
        additional_fields: serde_json::Map::new(),
        agree: None,
    };
    let choice = OperatorChoice {
        active: !new.inactive,
        staff: new.staff,
        by_mail: !new.print_link,
    };
    let user = config
        .wait(
            config
                .operator
                .create_user(registration, choice, &config.caller),
        )
        .map_err(|err| match err {
            RegisterError::EmailTaken => {
                anyhow!("this email is already registered; choose another address")
            }
            RegisterError::Invalid(broken) => {
                anyhow!(
                    "{}",
                    broken
                        .iter()
                        .map(ToString::to_string)
                        .collect::<Vec<_>>()
                        .join("; ")
                )
            }
            RegisterError::Trouble(trouble) => trouble.into(),
        })?;
    // A dry run has left no user whom the link could belong to.
    if new.print_link && !config.is_dry {
        return reset::print_links(&[user], config, output);
    }
    if is_invited {
        note(&format!("an invitation is on its way to {}", user.email));
    }
    show(&[user], output)
}

fn list(list: &List, config: &Config, output: &mut Output) -> anyhow::Result<()> {
    let mut query = UserPage {
        after: UserId(list.after),
        limit: list.limit,
        search: list.search.as_deref().map(str::to_lowercase),
        active: list.inactive.then_some(false),
        staff: list.staff.then_some(true),
    };
    let pages = pages(list.limit, |limit| {
        query.limit = limit;
        let users = config.wait(config.operator.users(&query))?;
        query.after = users.last().map_or(query.after, |it| it.id);
        Ok(users.iter().map(Row::from).collect())
    });
    let count = output.many::<Row>(pages)?;
    let after = query.after;
    let more = format!("{count} users listed; for the next ones add --after {after}");
    conclude(count, list.limit, "no users match", &more);
    Ok(())
}

pub(crate) fn show(users: &[User], output: &mut Output) -> anyhow::Result<()> {
    match users {
        [user] => output.one(&Row::from(user)),
        users => output
            .many(std::iter::once(Ok(users.iter().map(Row::from).collect())))
            .map(drop),
    }
}

fn set_active(
    users: &[User],
    active: bool,
    config: &Config,
    output: &mut Output,
) -> anyhow::Result<()> {
    for user in users {
        config.wait(config.operator.set_active(user, active, &config.caller))?;
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
    let changed = users.iter().map(|user| Row {
        is_active: active,
        ..Row::from(user)
    });
    output
        .many(std::iter::once(Ok(changed.collect())))
        .map(drop)
}
