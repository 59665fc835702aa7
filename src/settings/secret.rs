//! Passwords among the settings: they are not taken from where others can read them.

use std::path::Path;
use std::{fs, io};

use anyhow::{Context, anyhow, bail};
use zeroize::Zeroizing;

use super::sources::{Source, Values};
use crate::domain::{StandIn, bare_line};
use crate::failure::in_words;
use crate::private_file::lent::{Fault, fault_of_secret};

/// Refuses a setting with a password in it that others can read: everybody on the machine can read the
/// arguments of a process, and some files.
pub(super) fn check_source(
    key: &'static str,
    of_file: &str,
    values: &Values,
) -> anyhow::Result<()> {
    match (values.source(key), &values.file) {
        (Source::Flag, _) => bail!(
            "everybody on this machine can read a password that is an argument; write {what} into a \
             file with mode 600 and name that by {of_file}",
            what = if of_file.starts_with(key) && of_file.len() == key.len() + "_file".len() {
                key
            } else {
                "it"
            }
        ),
        (Source::File, Some(path)) => {
            match fault_of_secret(Path::new(path), Some(&values.data_dir())) {
                Some(Fault { what, advice }) => {
                    bail!("{path} holds the password in {key}, and {what}; {advice}")
                }
                None => Ok(()),
            }
        }
        _ => Ok(()),
    }
}

/// The text of the file that `key` names, which nobody else can read, or of standard input.
pub(super) fn named(key: &'static str, values: &Values) -> anyhow::Result<Zeroizing<String>> {
    let path = values.file_of(key);
    let check = |path: &Path| fault_of_secret(path, Some(&values.data_dir()));
    // systemd lets this user read its own file by an access list, which a mode does not show.
    let path_to_check = path
        .as_deref()
        .filter(|_| values.source(key) != Source::Credential);
    let fault = path_to_check.and_then(check);
    let read = match fault {
        Some(fault) => Err(refused(&shown(path.as_deref()), &fault)),
        None => read(path.as_deref()),
    };
    read.with_context(|| format!("the setting {key} is wrong"))
}

/// The text of a file that whoever runs this program can read, and nobody else.
pub(super) fn read_private(path: &Path) -> anyhow::Result<Zeroizing<String>> {
    match fault_of_secret(path, None) {
        Some(fault) => Err(refused(&shown(Some(path)), &fault)),
        None => read(Some(path)),
    }
}

fn refused(shown: &str, fault: &Fault) -> anyhow::Error {
    anyhow!(
        "{shown} is not to be used: {}; {}",
        fault.what,
        fault.advice
    )
}

fn shown(path: Option<&Path>) -> String {
    path.map_or_else(
        || "standard input".to_owned(),
        |it| it.display().to_string(),
    )
}

fn read(path: Option<&Path>) -> anyhow::Result<Zeroizing<String>> {
    let shown = shown(path);
    let read = path.map_or_else(|| io::read_to_string(io::stdin()), fs::read_to_string);
    let text = read.map_err(|err| anyhow!("{shown} cannot be read: {}", in_words(&err)))?;
    let text = Zeroizing::new(text);
    if let Some(other) = StandIn::of(&text) {
        bail!("{shown} holds no secret yet: {other}");
    }
    if text.trim().is_empty() {
        bail!("{shown} is empty; write the secret into it");
    }
    let secret = bare_line(&text);
    if secret.contains(['\n', '\r']) {
        bail!("{shown} has more than one line; leave the one in it that is the secret");
    }
    Ok(Zeroizing::new(secret.to_owned()))
}
