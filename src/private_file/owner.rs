//! How to run a command again as the owner of its data.

use std::fs::{self, Metadata};
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use super::content::{check_not_of_system, has_ours};
use super::system_users::{name_of_user, own_name, user_of_group};
use super::{is_own, is_to_work_in};

/// The line for a shell that runs this very command as another user.
pub(super) fn command_as(uid: u32) -> String {
    command_as_user(&name_of_user(uid).unwrap_or_else(|| format!("#{uid}")))
}

/// Whether a service manager has started this program itself: nobody sits there to start it as somebody else.
pub(crate) fn is_service() -> bool {
    std::env::var("SYSTEMD_EXEC_PID").is_ok_and(|it| it == std::process::id().to_string())
}

/// The user that the package makes, and nobody else uses.
const OF_PACKAGE: &str = "minisass-auth";

/// Whether this program runs as a service, or as the user of one: what is to be read is for nobody else.
pub(crate) fn is_service_account() -> bool {
    let name = name_of_user(rustix::process::geteuid().as_raw());
    is_service() || name.is_some_and(|it| it == OF_PACKAGE)
}

/// Whether this user can become another one, as in no container.
pub(super) fn has_sudo() -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|it| it.join("sudo").exists())
}

/// The account that a file is for: its owner or, if that is root, the user whose own group it is lent to.
pub(crate) fn reader_of(file: &Path) -> Option<String> {
    let file = fs::metadata(file).ok()?;
    if file.uid() == 0 {
        user_of_group(file.gid())
    } else {
        name_of_user(file.uid())
    }
}

/// The line for a shell that runs this very command as the user of this name.
pub(crate) fn command_as_user(name: &str) -> String {
    command_line(name, None)
}

/// The line that runs this very command and hands it a file that this user may not read. None without `sudo`.
pub(crate) fn command_handed(file: &Path, flag: &str) -> Option<String> {
    let command = command_line(&own_name().filter(|_| has_sudo())?, Some(file));
    let line = format!("sudo cat {} | {command} {flag}", quoted_path(file));
    Some(line.trim_end().to_owned())
}

/// With `-` in the place of a file that comes by standard input.
fn command_line(name: &str, piped: Option<&Path>) -> String {
    let mut words = vec!["sudo".to_owned(), "-u".to_owned(), quoted(name)];
    // What is set in the environment stays behind otherwise.
    let ours: Vec<String> = std::env::vars_os()
        .filter_map(|(name, _)| name.into_string().ok())
        .filter(|it| it.starts_with("MINISASS_AUTH_"))
        .collect();
    if !ours.is_empty() {
        words.push(format!("--preserve-env={}", ours.join(",")));
    }
    let mut arguments: Vec<_> = std::env::args_os().collect();
    if let Some(file) = piped {
        // A flag or a command may be called like it, and stands before it. Without its name no `--` is needed, behind
        // which no flag could follow.
        if let Some(last) = arguments.iter().rposition(|it| it == file) {
            arguments[last] = "-".into();
        }
        arguments.retain(|it| it != "--");
    }
    words.extend(arguments.iter().map(|it| quoted(&it.to_string_lossy())));
    words.join(" ")
}

/// What to do about a folder in which others can put files in the place of ours: one that everybody shares stays
/// as it is, unless it is a data folder itself.
pub(crate) fn closing(folder: &Path) -> String {
    let metadata = fs::metadata(folder);
    let is_so = |is_so: fn(&Metadata) -> bool| metadata.as_ref().is_ok_and(is_so);
    let is_ours = has_ours(folder, None) && check_not_of_system(folder).is_ok();
    let is_shared = !is_ours && is_so(|it| it.mode() & 0o1002 == 0o1002);
    // One that root lends to our group is left to that.
    let who = match is_so(|it| is_to_work_in(it) && !is_own(it)) {
        true => "o",
        false => "go",
    };
    let close = format!("run: chmod {who}-w {}", quoted_path(folder));
    if is_shared {
        "keep the data in a folder of its own".to_owned()
    } else {
        close
    }
}

/// A path for a command, which may take one that starts with - for an option.
pub(crate) fn quoted_path(path: &Path) -> String {
    let shown = path.to_string_lossy();
    match shown.starts_with('-') {
        true => quoted(&format!("./{shown}")),
        false => quoted(&shown),
    }
}

/// As a shell reads it back.
pub(crate) fn quoted(word: &str) -> String {
    let is_plain = |it: char| it.is_ascii_alphanumeric() || "-_./=:,@+%".contains(it);
    if !word.is_empty() && word.chars().all(is_plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', "'\\''"))
    }
}
