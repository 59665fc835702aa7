//! `reset send`.

use anyhow::bail;
use serde::Serialize;

use super::config::{Config, said};
use super::output::{Format, Output};
use super::user::Named;

#[derive(clap::Subcommand)]
pub(super) enum Command {
    /// Queue the reset mail of users, to their stored addresses; the server sends it
    Send(Named),
}

/// A queued mail as it is printed. The names are stable.
#[derive(Serialize)]
struct Row {
    user_id: i64,
    username: String,
    email: String,
    state: &'static str,
}

pub(super) fn run(command: Command, config: &Config, output: &mut Output) -> anyhow::Result<()> {
    let Command::Send(named) = command;
    let users = named.find(config)?;
    if let Some(user) = users.iter().find(|user| !user.is_active) {
        bail!(
            "{0} is inactive; `user activate {0}` lets them in. Nothing was queued",
            user.username
        );
    }
    let mut rows = Vec::new();
    for user in users {
        config
            .wait(config.accounts.send_reset(&user, &config.caller))
            .map_err(said)?;
        if output.format == Format::Table {
            output.line(&format!(
                "reset mail for {} queued to {}",
                user.username, user.email
            ))?;
        }
        rows.push(Row {
            user_id: user.id.0,
            username: user.username.to_string(),
            email: user.email.to_string(),
            state: "queued",
        });
    }
    if output.format == Format::Table {
        return Ok(());
    }
    output.many(std::iter::once(Ok(rows))).map(drop)
}
