//! `user create`.

use anyhow::anyhow;

use super::row::{row, show};
use crate::accounts::register::{OperatorChoice, RegisterError, Registration};
use crate::cli::commands::reset::links;
use crate::cli::dry_run::dry_run;
use crate::cli::examples::examples;
use crate::cli::job::Job;
use crate::cli::terminal::output::{Output, note};
use crate::cli::terminal::prompt;
use crate::compose;
use crate::domain::{Invalid, User};
use crate::settings::Settings;

#[derive(clap::Args)]
#[command(arg = dry_run(), after_help = examples(&[
    "minisass-auth user create --username di --email di@example.org --no-password",
    "minisass-auth user create --email di@example.org --staff --no-password --print-link",
    "minisass-auth user create --email di@example.org --password-stdin < password.txt",
]))]
pub(crate) struct Create {
    /// Must be free [default: the address]
    #[arg(long)]
    username: Option<String>,
    /// Must be free
    #[arg(long)]
    email: String,
    /// Given name
    #[arg(
        long,
        value_name = "NAME",
        default_value = "",
        hide_default_value = true
    )]
    first_name: String,
    /// Family name
    #[arg(
        long,
        value_name = "NAME",
        default_value = "",
        hide_default_value = true
    )]
    last_name: String,
    /// Such as NGO
    #[arg(
        long,
        value_name = "TEXT",
        default_value = "",
        hide_default_value = true
    )]
    organisation_type: String,
    /// Such as the name of a school
    #[arg(
        long,
        value_name = "TEXT",
        default_value = "",
        hide_default_value = true
    )]
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

pub(crate) fn run(new: Create, settings: &Settings, output: &mut Output) -> anyhow::Result<()> {
    let open = |is_dry| Job::open(settings.clone(), is_dry, true);
    // Whoever is refused finds no database made: where there is none, all of it is tried first in a
    // place that goes again.
    let is_first = !output.is_dry && !compose::is_there(settings)?;
    let mut job = open(output.is_dry || is_first)?;
    if new.print_link {
        job.check_public_url()?;
    }
    let (is_invited, print_link) = (new.no_password, new.print_link);
    let choice = OperatorChoice {
        active: !new.inactive,
        staff: new.staff,
        by_mail: !print_link,
    };
    // Nobody is to think of a password for what is refused anyway.
    if !new.no_password && !new.password_stdin {
        add(registration(&new, None), choice, &open(true)?)?;
    }
    let password = (!new.no_password).then(|| prompt::password(new.password_stdin));
    let password = password.transpose()?.map(|it| it.to_string());
    let registration = registration(&new, password);
    if is_first {
        add(registration.clone(), choice, &job)?;
        job = open(false)?;
    }
    let (user, job) = (add(registration, choice, &job)?, &job);
    // A dry run has left no user whom the link could belong to.
    if print_link && !job.is_dry {
        let link = links(std::slice::from_ref(&user), job)?.pop();
        let link = link.unwrap_or_default();
        let mut row = row(&user);
        row["link"] = link.clone().into();
        return output.done(&link, &row);
    }
    if is_invited {
        note(&format!("an invitation to {} is queued", user.email));
    }
    show(&[user], output)
}

/// All that is wrong, in one line.
fn sentence(first: Option<String>, broken: &[Invalid]) -> anyhow::Error {
    let rest = broken.iter().map(ToString::to_string);
    let all: Vec<String> = first.into_iter().chain(rest).collect();
    anyhow!("{}", all.join("; "))
}

/// What was typed.
fn registration(new: &Create, password: Option<String>) -> Registration {
    Registration {
        username: new.username.clone().unwrap_or_default(),
        email: new.email.clone(),
        password,
        confirmation: None,
        first_name: new.first_name.clone(),
        last_name: new.last_name.clone(),
        organisation_type: new.organisation_type.clone(),
        organisation_name: new.organisation_name.clone(),
        country: new.country.clone(),
        additional_fields: serde_json::Map::new(),
        agree: None,
        unreadable: Vec::new(),
    }
}

fn add(registration: Registration, choice: OperatorChoice, job: &Job) -> anyhow::Result<User> {
    job.wait(job.operator.create_user(registration, choice, &job.actor))
        .map_err(|err| match err {
            RegisterError::EmailTaken(broken) => {
                let taken = "this email is already registered; choose another address";
                sentence(Some(taken.to_owned()), &broken)
            }
            RegisterError::Invalid(broken) => sentence(None, &broken),
            RegisterError::Trouble(trouble) => trouble.into(),
        })
}
