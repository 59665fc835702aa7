//! Passwords among the settings: they are not taken from where others can read them.

use std::path::Path;
use std::{fs, io};

use anyhow::{Context, anyhow, bail};
use zeroize::Zeroizing;

use super::sources::{Source, Values};
use crate::domain::{StandIn, bare_line};
use crate::failure::in_words;
use crate::private_file::{is_lent_to_others, is_of_another_user, mode_of_lent};

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
        (Source::File, Some(path)) => check_mode(Path::new(path))
            .with_context(|| format!("{path} holds the password in {key}, and others can read it")),
        _ => Ok(()),
    }
}

/// The text of a file that nobody else can read, or of standard input.
pub(super) fn read_private(
    path: Option<&Path>,
    source: Source,
) -> anyhow::Result<Zeroizing<String>> {
    let shown = path.map_or("standard input".into(), Path::to_string_lossy);
    let read = path.map_or_else(|| io::read_to_string(io::stdin()), fs::read_to_string);
    let text = read.map_err(|err| anyhow!("{shown} cannot be read: {}", in_words(&err)))?;
    let text = Zeroizing::new(text);
    // systemd lets this user read its own file by an access list, which a mode does not show.
    if let Some(path) = path.filter(|_| source != Source::Credential) {
        check_mode(path).with_context(|| format!("others can read {shown}"))?;
    }
    if let Some(other) = StandIn::of(&text) {
        bail!("{shown} holds no secret yet: {other}");
    }
    Ok(Zeroizing::new(bare_line(&text).to_owned()))
}

fn check_mode(path: &Path) -> anyhow::Result<()> {
    let shown = path.display();
    let metadata = fs::metadata(path).with_context(|| format!("{shown} cannot be read"))?;
    if is_lent_to_others(&metadata) {
        bail!("run: chmod {} {shown}", mode_of_lent(&metadata));
    }
    if is_of_another_user(&metadata) {
        bail!("it belongs to another user; run: chown root {shown}");
    }
    Ok(())
}
