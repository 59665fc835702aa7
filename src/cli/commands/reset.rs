//! `reset send | link`.

use anyhow::bail;
use serde::Serialize;

use super::named::Named;
use crate::cli::terminal::output::{Format, Output};
use crate::compose::{Config, said};
use crate::domain::User;

#[derive(clap::Subcommand)]
pub(crate) enum Command {
    /// Queue the reset mail of users, to their stored addresses; the server sends it
    Send(Named),
    /// Print a link with which a user chooses a new password, for people whom mail does not reach
    Link(Named),
}

/// A queued mail as it is printed. The names are stable.
#[derive(Serialize)]
struct Row {
    user_id: i64,
    username: String,
    email: String,
    state: &'static str,
}

/// A printed link. The names are stable.
#[derive(Serialize)]
struct LinkRow {
    user_id: i64,
    username: String,
    link: String,
}

pub(crate) fn run(command: Command, config: &Config, output: &mut Output) -> anyhow::Result<()> {
    match command {
        Command::Send(named) => send(named.find(config)?, config, output),
        Command::Link(named) => {
            config.check_public_url()?;
            print_links(&named.find(config)?, config, output)
        }
    }
}

/// One-time links, alone on standard output. Whoever has one can choose the password.
pub(crate) fn print_links(
    users: &[User],
    config: &Config,
    output: &mut Output,
) -> anyhow::Result<()> {
    let made = config
        .operator
        .password_links_by_hand(users, &config.caller);
    let links = config.wait(made)?;
    if output.format == Format::Table {
        return Ok(links.iter().try_for_each(|link| output.line(link))?);
    }
    let rows = users.iter().zip(links).map(|(user, link)| LinkRow {
        user_id: user.id.0,
        username: user.username.to_string(),
        link,
    });
    output.many(std::iter::once(Ok(rows.collect()))).map(drop)
}

fn send(users: Vec<User>, config: &Config, output: &mut Output) -> anyhow::Result<()> {
    if let Some(user) = users.iter().find(|user| !user.is_active) {
        bail!(
            "{0} is inactive; `user activate {0}` lets them in. Nothing was queued",
            user.username
        );
    }
    let mut rows = Vec::new();
    for user in users {
        config
            .wait(config.operator.send_reset(&user, &config.caller))
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
