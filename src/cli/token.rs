//! `token issue`.

use std::time::Duration;

use serde::Serialize;

use super::config::Config;
use super::output::{Format, Output};
use crate::accounts::NewToken;

#[derive(clap::Subcommand)]
pub(super) enum Command {
    /// Open a session for a user and print its token alone
    Issue(Issue),
}

#[derive(clap::Args)]
pub(super) struct Issue {
    /// Number, user name or e-mail address
    user: String,
    /// How long it is good, such as 12h [default: as the settings say]
    #[arg(long, value_parser = at_least_a_second)]
    ttl: Option<Duration>,
    /// Which token
    #[arg(long, default_value = "access")]
    kind: Kind,
}

#[derive(Clone, Copy, clap::ValueEnum)]
enum Kind {
    Access,
    Refresh,
    /// Both: the access token on the first line, the refresh token on the second
    Pair,
}

/// Tokens as they are printed. The names are stable.
#[derive(Serialize)]
struct Row {
    #[serde(skip_serializing_if = "Option::is_none")]
    access: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    refresh: Option<String>,
    session: String,
    user_id: i64,
    session_expires_at: String,
}

fn at_least_a_second(raw: &str) -> Result<Duration, String> {
    let ttl = humantime::parse_duration(raw).map_err(|err| err.to_string())?;
    if ttl < Duration::from_secs(1) {
        return Err("a token is good for a second at least".to_owned());
    }
    Ok(ttl)
}

pub(super) fn run(command: Command, config: &Config, output: &mut Output) -> anyhow::Result<()> {
    let Command::Issue(Issue { user, ttl, kind }) = command;
    let user = config.wait(config.accounts.user(&user))?;
    let what = match kind {
        Kind::Access => NewToken::Access,
        Kind::Refresh => NewToken::Refresh,
        Kind::Pair => NewToken::Pair,
    };
    let issued = config.wait(
        config
            .accounts
            .issue_token(&user, what, ttl, &config.caller),
    )?;
    let row = Row {
        access: (what != NewToken::Refresh).then_some(issued.pair.access),
        refresh: (what != NewToken::Access).then_some(issued.pair.refresh),
        session: issued.session.id.to_string(),
        user_id: user.id.0,
        session_expires_at: issued.session.expires_at.to_string(),
    };
    if output.format != Format::Table {
        return output.one(&row);
    }
    for token in [row.access, row.refresh].into_iter().flatten() {
        output.text(&format!("{token}\n"))?;
    }
    Ok(())
}
