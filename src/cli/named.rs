//! Users as somebody typed them.

use std::io::{self, BufRead};

use anyhow::bail;

use super::config::Config;
use crate::accounts::ManageError;
use crate::domain::User;

/// Users as somebody typed them.
#[derive(clap::Args)]
pub(super) struct Named {
    /// Numbers, user names or e-mail addresses; `-` reads them from standard input
    #[arg(required = true, value_name = "USER")]
    users: Vec<String>,
}

impl Named {
    /// All of them, or an error if one is unknown: nothing is done then.
    pub(super) fn find(&self, config: &Config) -> anyhow::Result<Vec<User>> {
        let mut typed = Vec::new();
        for name in &self.users {
            if name == "-" {
                typed.extend(io::stdin().lock().lines().collect::<io::Result<Vec<_>>>()?);
            } else {
                typed.push(name.clone());
            }
        }
        typed.retain(|name| !name.trim().is_empty());
        if typed.is_empty() {
            bail!("standard input names no users; one a line is expected");
        }
        let find = |name: &String| config.wait(config.accounts.user(name.trim()));
        Ok(typed.iter().map(find).collect::<Result<_, ManageError>>()?)
    }
}
