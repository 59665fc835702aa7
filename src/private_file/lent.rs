//! Files that settings name: whoever serves reads them, and nobody else. Root may lend them to a service.

use std::fs::{self, Metadata};
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use rustix::fs::{Access, access};

use super::owner::{command_as_user, quoted, reader_of};
use super::system_users::{group_of_user, is_member, name_of_group, name_of_user};
use super::{is_of_another_user, is_open_to_others, is_our_group};

/// What is wrong with such a file, and what to do about it.
pub(crate) struct Fault {
    pub(crate) what: String,
    pub(crate) advice: String,
}

/// Who is to read it: whoever runs this program or, if that is root, whoever the data belongs to.
#[derive(Clone, Copy)]
struct Reader {
    uid: u32,
    gid: u32,
}

/// What is wrong with a file that holds a secret, for the server of the data in `data`; without that, for
/// whoever runs this program.
pub(crate) fn fault_of_secret(file: &Path, data: Option<&Path>) -> Option<Fault> {
    let metadata = fs::metadata(file).ok()?;
    let reader = Reader::of(data);
    if is_open(&metadata) {
        return Some(Fault {
            what: "others can read it".to_owned(),
            advice: reader.advice(file, &metadata),
        });
    }
    if metadata.uid() != reader.uid && is_of_another_user(&metadata) {
        return Some(Fault {
            what: "it belongs to another user".to_owned(),
            advice: format!("run: chown root {}", shown(file)),
        });
    }
    // What root reads for a service is judged by `config check`.
    fault_of_rights(file, data).filter(|_| reader.is_us())
}

/// What is wrong with a file that may be no secret, if that reader may not read it.
pub(crate) fn fault_of_rights(file: &Path, data: Option<&Path>) -> Option<Fault> {
    let metadata = fs::metadata(file).ok()?;
    let reader = Reader::of(data);
    if reader.may_read(file, &metadata) {
        return None;
    }
    let of_another = reader_of(file).filter(|it| reader.is_us() && *it != reader.name());
    let advice = match of_another {
        Some(name) => format!("run it as {name}: {}", command_as_user(&name)),
        None => reader.advice(file, &metadata),
    };
    Some(Fault {
        what: format!("{} may not read it", reader.name()),
        advice,
    })
}

/// What is root's may belong to a group that it was given on purpose, or to root's.
fn is_open(metadata: &Metadata) -> bool {
    let is_root = rustix::process::geteuid().is_root();
    let is_closed = metadata.mode() & 0o27 == 0;
    let is_lent = metadata.uid() == 0 && is_closed && (is_root || metadata.gid() == 0);
    !is_lent && is_open_to_others(metadata)
}

/// A list of who may do what, beside the mode. Whom it lets in is not read.
fn has_list(file: &Path) -> bool {
    let mut list = [0; 4096];
    rustix::fs::getxattr(file, "system.posix_acl_access", &mut list[..]).is_ok_and(|it| it > 0)
}

fn shown(file: &Path) -> String {
    quoted(&file.to_string_lossy())
}

impl Reader {
    fn of(data: Option<&Path>) -> Self {
        let uid = rustix::process::geteuid();
        let data = data.and_then(|it| fs::metadata(it).ok());
        match data.filter(|it| uid.is_root() && it.uid() != 0) {
            Some(data) => Self {
                uid: data.uid(),
                gid: group_of_user(data.uid()).unwrap_or(data.gid()),
            },
            None => Self {
                uid: uid.as_raw(),
                gid: rustix::process::getegid().as_raw(),
            },
        }
    }

    fn is_us(self) -> bool {
        self.uid == rustix::process::geteuid().as_raw()
    }

    fn may_read(self, path: &Path, file: &Metadata) -> bool {
        let is_of_group = file.gid() == self.gid
            || self.is_us() && is_our_group(file.gid())
            || is_member(&self.name(), file.gid());
        self.uid == 0
            || file.uid() == self.uid && file.mode() & 0o400 != 0
            || is_of_group && file.mode() & 0o040 != 0
            || file.mode() & 0o004 != 0
            || !self.is_us() && has_list(path)
            || self.is_us() && access(path, Access::READ_OK).is_ok()
    }

    fn name(self) -> String {
        name_of_user(self.uid).unwrap_or_else(|| self.uid.to_string())
    }

    /// Lets this one read the file, and nobody else.
    fn advice(self, file: &Path, metadata: &Metadata) -> String {
        let shown = shown(file);
        if self.uid == 0 {
            // A group that is not ours was given it on purpose.
            let mode = if is_our_group(metadata.gid()) {
                "600"
            } else {
                "640"
            };
            format!("run: chmod {mode} {shown}")
        } else if metadata.uid() == self.uid {
            format!("run: chmod 600 {shown}")
        } else if metadata.gid() == self.gid {
            format!("run as root: chmod 640 {shown}")
        } else {
            let group = name_of_group(self.gid).unwrap_or_else(|| self.gid.to_string());
            format!("run as root: chgrp {group} {shown} && chmod 640 {shown}")
        }
    }
}
