//! `profile show`.

use serde::Serialize;
use serde_json::{Map, Value};

use super::config::{Config, said};
use super::named::Named;
use super::output::{Format, Output};

#[derive(clap::Subcommand)]
pub(super) enum Command {
    /// Show the profile of users, additional fields included
    Show(Named),
}

/// A profile as it is printed. The names are stable.
#[derive(Serialize)]
struct Row {
    user_id: i64,
    username: String,
    organisation_type: String,
    organisation_name: String,
    country: String,
    is_complete: bool,
    additional_fields: Map<String, Value>,
}

pub(super) fn run(command: Command, config: &Config, output: &mut Output) -> anyhow::Result<()> {
    let Command::Show(named) = command;
    let mut rows = Vec::new();
    for user in named.find(config)? {
        let profile = config
            .wait(config.accounts.profile(user.id))
            .map_err(said)?;
        rows.push(Row {
            user_id: user.id.0,
            username: user.username.to_string(),
            is_complete: profile.is_complete(),
            additional_fields: profile.additional_fields.as_map().clone(),
            organisation_type: profile.organisation_type,
            organisation_name: profile.organisation_name,
            country: profile.country,
        });
    }
    match rows.as_slice() {
        [row] if output.format != Format::Csv => output.one(row),
        _ => output.many(std::iter::once(Ok(rows))).map(drop),
    }
}
