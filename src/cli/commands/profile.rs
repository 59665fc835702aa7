//! `profile show | set`.

use anyhow::anyhow;
use clap::ArgGroup;
use serde_json::{Value, json};

use crate::cli::dry_run::dry_run;
use crate::cli::examples::examples;
use crate::cli::job::Job;
use crate::cli::named::{Named, NamedOne};
use crate::cli::terminal::output::Output;
use crate::domain::{
    AdditionalFields, Invalid, Profile, ProfileChange, Rule, UploadPreference, User,
};
use crate::store::users::UserChange;

#[derive(clap::Subcommand)]
pub(crate) enum Command {
    /// Show the profile of users, additional fields included
    #[command(after_help = examples(&[
        "minisass-auth profile show ada",
        "minisass-auth profile show ada bo --format csv",
    ]))]
    Show(Named),
    /// Change the profile of a user; what is not named stays as it is
    Set(Set),
}

/// The fields of a profile that every user has.
#[derive(clap::Args)]
pub(crate) struct ProfileFlags {
    /// Such as NGO
    #[arg(long, value_name = "TEXT")]
    organisation_type: Option<String>,
    /// Such as the name of a school
    #[arg(long, value_name = "TEXT")]
    organisation_name: Option<String>,
    /// A code or a name
    #[arg(long)]
    country: Option<String>,
    /// Whether the user is a recognised expert
    #[arg(long, value_name = "BOOL")]
    expert: Option<bool>,
    /// Over which networks pictures are uploaded
    #[arg(long, value_name = "NETWORK", value_parser = UploadPreference::ALL.map(UploadPreference::as_str))]
    upload_preference: Option<String>,
}

#[derive(clap::Args)]
#[command(arg = dry_run(), after_help = examples(&[
    "minisass-auth profile set ada --organisation-type NGO --country ZA",
    "minisass-auth profile set ada --field river=Umgeni --field sites=3 --dry-run",
]))]
#[command(override_usage = "minisass-auth profile set <USER> [OPTIONS]")]
#[command(group = ArgGroup::new("what").required(true).multiple(true).args([
    "organisation_type", "organisation_name", "country", "expert", "upload_preference", "field", "remove_field",
]))]
pub(crate) struct Set {
    #[command(flatten)]
    named: NamedOne,
    #[command(flatten)]
    profile: ProfileFlags,
    /// An additional field; the value is JSON, or else a text. May be given several times
    #[arg(long, value_name = "NAME=VALUE")]
    field: Vec<String>,
    /// An additional field to remove. May be given several times
    #[arg(long, value_name = "NAME")]
    remove_field: Vec<String>,
}

impl ProfileFlags {
    /// Changes what was given.
    pub(crate) fn apply(self, profile: &mut Profile) -> anyhow::Result<()> {
        let set = |kept: &mut String, given: Option<String>| {
            if let Some(text) = given {
                *kept = text;
            }
        };
        set(&mut profile.organisation_type, self.organisation_type);
        set(&mut profile.organisation_name, self.organisation_name);
        set(&mut profile.country, self.country);
        profile.is_expert = self.expert.unwrap_or(profile.is_expert);
        if let Some(name) = &self.upload_preference {
            profile.upload_preference =
                UploadPreference::parse(name).map_err(|rule| wrong("upload_preference", rule))?;
        }
        Ok(())
    }
}

fn wrong(field: &'static str, rule: Rule) -> anyhow::Error {
    anyhow!("{}", Invalid::new(field, rule))
}

pub(crate) fn run(command: Command, job: &Job, output: &mut Output) -> anyhow::Result<()> {
    match command {
        Command::Show(named) => show(named.find(job)?, job, output),
        Command::Set(set) => self::set(set, job, output),
    }
}

fn row(user: &User, profile: &Profile) -> Value {
    json!({
        "user_id": user.id.0,
        "username": user.username.to_string(),
        "organisation_type": profile.organisation_type,
        "organisation_name": profile.organisation_name,
        "country": profile.country,
        "is_expert": profile.is_expert,
        "upload_preference": profile.upload_preference.as_str(),
        "is_complete": profile.is_complete(),
        "additional_fields": profile.additional_fields.as_map(),
    })
}

fn show(users: Vec<User>, job: &Job, output: &mut Output) -> anyhow::Result<()> {
    let mut rows = Vec::new();
    for user in users {
        let profile = job.wait(job.operator.accounts.profile(user.id));
        rows.push(row(&user, &profile?));
    }
    output.named(&rows)
}

fn set(set: Set, job: &Job, output: &mut Output) -> anyhow::Result<()> {
    let user = set.named.find(job)?;
    let before = job.wait(job.operator.accounts.profile(user.id))?;
    let mut profile = before.clone();
    set.profile.apply(&mut profile)?;
    let mut fields = profile.additional_fields.as_map().clone();
    for name in &set.remove_field {
        fields
            .shift_remove(name)
            .ok_or_else(|| anyhow!("{} has no additional field {name:?}", user.username))?;
    }
    for field in &set.field {
        let (name, value) = field.split_once('=').ok_or_else(|| {
            anyhow!("--field {field:?} has no value; a right one is --field river=Umgeni")
        })?;
        let value = serde_json::from_str(value).unwrap_or_else(|_| Value::from(value));
        fields.insert(name.to_owned(), value);
    }
    profile.additional_fields =
        AdditionalFields::new(fields).map_err(|rule| wrong("additional_fields", rule))?;
    let change = UserChange {
        profile: Some(ProfileChange {
            before,
            after: profile,
        }),
        ..UserChange::default()
    };
    let (changed, stored) = job.wait(job.operator.update_user(&user, change, &job.actor))?;
    output.one(&row(&changed, &stored))
}
