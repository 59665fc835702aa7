//! Users as somebody typed them.

use std::collections::HashSet;
use std::io::{self, BufRead};

use anyhow::{Context as _, bail};
use zeroize::Zeroizing;

use crate::cli::job::Job;
use crate::domain::{User, bare_line};
use crate::operator::users::UserError;

const NOTHING: &str = "standard input names nothing; one name a line is expected";

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

/// A user as somebody typed it.
#[derive(clap::Args)]
pub(crate) struct NamedOne {
    /// A number, a user name or an e-mail address; `-` reads it from standard input
    user: String,
}

impl NamedOne {
    pub(crate) fn find(&self, job: &Job) -> anyhow::Result<User> {
        Ok(job.wait(job.operator.user(&typed_one(&self.user)?))?)
    }
}

/// What was typed; `-` stands for the first line of standard input, and what comes after it is left.
pub(crate) fn typed_one(typed: &str) -> anyhow::Result<String> {
    if typed != "-" {
        return Ok(bare_line(typed).to_owned());
    }
    Ok(first_line()?.context(NOTHING)?.to_string())
}

/// The first line of standard input that says something, without the white space around it.
pub(crate) fn first_line() -> io::Result<Option<Zeroizing<String>>> {
    let mut line = Zeroizing::new(String::new());
    let mut input = io::stdin().lock();
    while input.read_line(&mut line)? > 0 {
        let said = bare_line(&line);
        if !said.is_empty() {
            return Ok(Some(Zeroizing::new(said.to_owned())));
        }
        line.clear();
    }
    Ok(None)
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
            let lines = lines.iter().map(|it| bare_line(it));
            typed.extend(lines.filter(|it| !it.is_empty()).map(str::to_owned));
        } else {
            typed.push(name.clone());
        }
    }
    if typed.is_empty() && !names.is_empty() {
        bail!("{NOTHING}");
    }
    Ok(typed.iter().map(|it| it.trim().to_owned()).collect())
}
