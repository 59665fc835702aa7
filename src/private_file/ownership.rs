//! Whose a data folder is, and who may work in it.

use std::fs::{self, Metadata};
use std::io::{self, ErrorKind};
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use anyhow::{bail, ensure};

use super::content::{check_content, check_not_of_system, has_ours};
use super::layout::{COMPLETE, KEYS, SERVED};
use super::owner::{command_as, has_sudo, is_service, quoted_path};
use super::system_users::{
    called, group_of_user, is_member, name_of_group, name_of_user, name_or_number,
};
use super::{behind_closed_link, folder_of, is_to_work_in};

/// Whom the data belong to: a folder of root's may be lent to whoever has filled it, and a folder may have been given
/// to somebody else since, or some of what is in it. Somebody who has put a file there owns nothing else.
pub(crate) fn owner(folder: &Path) -> Option<u32> {
    let owner = |path: &Path| fs::metadata(path).ok().map(|it| it.uid());
    let of_folder = owner(folder)?;
    let ours = [COMPLETE, SERVED, KEYS, "auth.db"].map(|it| owner(&folder.join(it)));
    let there: Vec<u32> = ours.into_iter().flatten().collect();
    let count = |id: u32| there.iter().filter(|it| **it == id).count();
    let has_most = |id: u32| count(id) > 1 && count(id) * 2 > there.len();
    // With a database elsewhere there may be one file only.
    let metadata = fs::metadata(folder).ok()?;
    let has_all = |id: u32| count(id) == there.len() && is_lent(&metadata, id);
    let of_most = there
        .iter()
        .copied()
        .find(|it| has_most(*it) || has_all(*it));
    Some(of_most.filter(|it| *it != 0).unwrap_or(of_folder))
}

/// Whose data are in a folder of somebody else's.
pub(crate) struct Guest {
    pub(crate) owner: u32,
    /// Root lets this one make files there, as it lends volumes to containers.
    pub(crate) is_lent: bool,
}

pub(crate) fn guest(folder: &Path) -> Option<Guest> {
    check_not_of_system(folder).ok()?;
    let metadata = fs::metadata(folder).ok()?;
    let owner = owner(folder).filter(|it| ![0, metadata.uid()].contains(it))?;
    Some(Guest {
        owner,
        is_lent: is_lent(&metadata, owner),
    })
}

/// Whether root lets a user make files in a folder of its own.
fn is_lent(folder: &Metadata, to: u32) -> bool {
    let group = folder.gid();
    let is_member = || name_of_user(to).is_some_and(|it| is_member(&it, group));
    // Of one without an account nobody knows.
    let is_of_group = || group_of_user(to).is_none_or(|it| it == group) || is_member();
    folder.uid() == 0 && folder.mode() & 0o020 != 0 && is_of_group()
}

/// Refuses data that root lends to somebody else: what we make there would lock that one out.
pub(super) fn check_guest(folder: &Path) -> anyhow::Result<()> {
    let ours = rustix::process::geteuid().as_raw();
    if let Some(guest) = guest(folder).filter(|it| it.is_lent && it.owner != ours) {
        bail!(
            "the data in {} belong to {}, and this is {}; run it as their owner: {}",
            folder.display(),
            called(guest.owner),
            called(ours),
            command_as(guest.owner)
        );
    }
    Ok(())
}

/// Whether root shares a file of its own on purpose with the group that it lends the folder to.
pub(crate) fn is_shared_by_root(folder: &Path, file: &Metadata) -> bool {
    let is_so = |folder: Metadata| {
        let is_lent = folder.uid() == 0 && folder.gid() != 0 && folder.mode() & 0o022 == 0o020;
        is_lent && file.uid() == 0 && file.gid() == folder.gid() && file.mode() & 0o7 == 0
    };
    fs::metadata(folder).is_ok_and(is_so)
}

impl Guest {
    /// Gives the folder back to this one.
    pub(crate) fn giving_back(&self, folder: &Path) -> String {
        format!(
            "run as root: chown {} {}",
            name_or_number(self.owner),
            quoted_path(folder)
        )
    }
}

/// A file that another user made would lock the owner out, the running server included.
pub(super) fn check_owner(metadata: &Metadata, what: &str, path: &Path) -> anyhow::Result<()> {
    let (theirs, ours) = (metadata.uid(), rustix::process::geteuid().as_raw());
    let shown = path.display();
    ensure!(
        is_to_work_in(metadata),
        "{what} {shown} belongs to {} and this is {}; {}",
        called(theirs),
        called(ours),
        advice_on_owner(theirs, ours, path)
    );
    Ok(())
}

fn advice_on_owner(theirs: u32, ours: u32, path: &Path) -> String {
    let us = name_or_number(ours);
    let give = format!("chown -R {us} {}", quoted_path(path));
    let as_owner = || format!("run it as its owner: {}", command_as(theirs));
    if theirs != 0 {
        let folder = match path.is_dir() {
            true => path,
            false => folder_of(path),
        };
        let is_of_ours = folder != path && fs::metadata(folder).is_ok_and(|it| it.uid() == ours);
        return match guest(folder) {
            Some(guest) if !guest.is_lent => guest.giving_back(folder),
            Some(guest) if guest.owner == theirs => as_owner(),
            _ if is_of_ours => format!("run as root: chown {us} {}", quoted_path(path)),
            _ => as_owner(),
        };
    }
    if path.is_file() {
        let folder = folder_of(path);
        let is_of_ours = fs::metadata(folder).is_ok_and(|it| it.uid() == ours);
        let is_lent_to_us = || guest(folder).is_some_and(|it| it.owner == ours);
        return match is_of_ours || is_lent_to_us() {
            true => format!("run as root: {give}"),
            false => as_owner(),
        };
    }
    if let Some(guest) = guest(path) {
        return match guest.is_lent && guest.owner != ours {
            true => format!(
                "run it as whom the data belong to: {}",
                command_as(guest.owner)
            ),
            false => guest.giving_back(path),
        };
    }
    let metadata = fs::metadata(path).ok();
    let lent_to = metadata.filter(|it| it.gid() != 0 && it.mode() & 0o020 != 0);
    if let Some(group) = lent_to.map(|it| it.gid()) {
        let group = name_of_group(group).unwrap_or_else(|| group.to_string());
        return format!("run it as a user of the group {group}, which root lends it to");
    }
    // Engines of containers make volumes that are root's, and there is nobody else inside.
    match check_content(path, None) {
        Err(foreign) => foreign.to_string(),
        Ok(()) if fs::read_dir(path).is_ok() && !has_ours(path, None) => {
            format!(
                "it is empty: if the data are on a disk, mount that; if there are none, run as root: {give}"
            )
        }
        Ok(()) if is_service() => format!("run as root: {give}"),
        Ok(()) if has_sudo() => as_owner(),
        Ok(()) => format!("run it as root, or, in a container, give it to this user: {give}"),
    }
}

/// What is said behind an error about a file of the data that we may not read: what to do about it.
pub(crate) fn line_for_owner(path: &Path, err: &io::Error) -> String {
    if err.kind() != ErrorKind::PermissionDenied {
        return String::new();
    }
    if let Some(end) = behind_closed_link(path) {
        return line_for_owner(&end, err);
    }
    let ours = rustix::process::geteuid().as_raw();
    let there = |it: &Path| fs::metadata(it).ok().map(|it| it.uid());
    // It, or the folder above it that lets nobody look further.
    let barrier = path.ancestors().find_map(|it| Some((it, there(it)?)));
    let Some((barrier, owner)) = barrier else {
        return String::new();
    };
    if owner == ours {
        let mode = if barrier.is_dir() { "rwx" } else { "rw" };
        return format!("; run: chmod u+{mode} {}", quoted_path(barrier));
    }
    let folder = folder_of(path);
    let us = name_or_number(ours);
    let give = |what: &Path| format!("; run as root: chown {us} {}", quoted_path(what));
    if barrier == path {
        return match guest(folder).filter(|it| !it.is_lent) {
            Some(guest) => format!("; {}", guest.giving_back(folder)),
            None if there(folder) == Some(ours) => give(path),
            None => format!(": {}", command_as(owner)),
        };
    }
    let is_above = barrier != folder;
    if owner != 0 || !is_above && !is_service() {
        return format!(": {}", command_as(owner));
    }
    // Nobody sits there to start a service as somebody else.
    if is_service()
        && ["/home", "/root", "/run/user"]
            .iter()
            .any(|it| path.starts_with(it))
    {
        return "; name a folder of its own: below /home a unit sees none (ProtectHome=)"
            .to_owned();
    }
    match is_above {
        false => give(folder),
        true => format!(
            "; this user may not enter {}: if the data are there, move them to another folder, and name that",
            barrier.display()
        ),
    }
}
