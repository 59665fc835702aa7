//! Users as somebody typed them.

use std::collections::HashSet;
use std::io::{self, BufRead};

use anyhow::bail;

use crate::cli::job::Job;
use crate::domain::{User, without_mark};
use crate::operator::users::UserError;

#[derive(clap::Args)]
pub(crate) struct Named {
    /// Numbers, user names or e-mail addresses; `-` reads them from standard input
    #[arg(required = true, value_name = "USER")]
    users: Vec<String>,
}

impl Named {
    /// All of them, each once, or an error if one is unknown: nothing is done then.
    pub(crate) fn find(&self, job: &Job) -> anyhow::Result<Vec<User>> {
        find(&self.users, job)
    }
}

/// All of the users, each once, or an error if one is unknown.
pub(crate) fn find(users: &[String], job: &Job) -> anyhow::Result<Vec<User>> {
    let find = |name: &String| job.wait(job.operator.user(name));
    let found = typed(users)?
        .iter()
        .map(find)
        .collect::<Result<Vec<_>, UserError>>()?;
    // Somebody who was named by number and by address is one user.
    let mut seen = HashSet::new();
    let found = found.into_iter().filter(|user| seen.insert(user.id));
    Ok(found.collect())
}

/// What was typed; `-` stands for the lines of standard input.
pub(crate) fn typed(names: &[String]) -> anyhow::Result<Vec<String>> {
    let mut typed = Vec::new();
    for name in names {
        if name == "-" {
            let lines = io::stdin().lock().lines().collect::<io::Result<Vec<_>>>()?;
            let lines = lines.iter().map(|it| without_mark(it).trim());
            typed.extend(lines.filter(|it| !it.is_empty()).map(str::to_owned));
        } else {
            typed.push(name.clone());
        }
    }
    if typed.is_empty() && !names.is_empty() {
        bail!("standard input names nothing; one name a line is expected");
    }
    Ok(typed.iter().map(|it| it.trim().to_owned()).collect())
}
