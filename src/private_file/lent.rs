//! Files that settings name: whoever serves reads them, and nobody else. Root may lend them to a service.

use std::fs::{self, Metadata};
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use super::system_users::{group_of_user, name_of_group, name_of_user};
use super::{is_of_another_user, is_open_to_others, is_our_group};

/// What is wrong with such a file, and the command that puts it right.
pub(crate) struct Fault {
    pub(crate) what: String,
    pub(crate) command: String,
}

/// Who is to read it: whoever runs this program or, if that is root, whoever the data belongs to.
#[derive(Clone, Copy)]
struct Reader {
    uid: u32,
    gid: u32,
}

/// What is wrong with a file that holds a secret, for the server of the data in `data`.
pub(crate) fn fault_of_secret(file: &Path, data: &Path) -> Option<Fault> {
    let metadata = fs::metadata(file).ok()?;
    let reader = Reader::of(data);
    let command = || reader.command(file, &metadata);
    if is_open(&metadata) {
        return Some(Fault {
            what: "others can read it".to_owned(),
            command: command(),
        });
    }
    if is_of_another_user(&metadata) {
        return Some(Fault {
            what: "it belongs to another user".to_owned(),
            command: format!("chown root {}", file.display()),
        });
    }
    fault_of_rights(file, data)
}

/// What is wrong with a file that may be no secret, if the server of the data in `data` may not read it.
pub(crate) fn fault_of_rights(file: &Path, data: &Path) -> Option<Fault> {
    let metadata = fs::metadata(file).ok()?;
    let reader = Reader::of(data);
    (!reader.may_read(&metadata)).then(|| Fault {
        what: format!("{}, who serves this data, may not read it", reader.name()),
        command: format!("{} (as root)", reader.command(file, &metadata)),
    })
}

/// What is root's may belong to a group that it was given on purpose, or to root's.
fn is_open(metadata: &Metadata) -> bool {
    let is_root = rustix::process::geteuid().is_root();
    let is_lent =
        metadata.uid() == 0 && metadata.mode() & 0o27 == 0 && (is_root || metadata.gid() == 0);
    !is_lent && is_open_to_others(metadata)
}

impl Reader {
    fn of(data: &Path) -> Self {
        let uid = rustix::process::geteuid();
        let owner = fs::metadata(data)
            .ok()
            .filter(|it| uid.is_root() && it.uid() != 0);
        match owner {
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

    fn may_read(self, file: &Metadata) -> bool {
        let is_of_group = file.gid() == self.gid || self.is_us() && is_our_group(file.gid());
        self.uid == 0
            || file.uid() == self.uid && file.mode() & 0o400 != 0
            || is_of_group && file.mode() & 0o040 != 0
            || file.mode() & 0o004 != 0
    }

    fn name(self) -> String {
        name_of_user(self.uid).unwrap_or_else(|| self.uid.to_string())
    }

    /// Lets this one read the file, and nobody else.
    fn command(self, file: &Path, metadata: &Metadata) -> String {
        let shown = file.display();
        if self.uid == 0 {
            // A group that is not ours was given it on purpose.
            let mode = if is_our_group(metadata.gid()) {
                "600"
            } else {
                "640"
            };
            format!("chmod {mode} {shown}")
        } else if metadata.uid() == self.uid {
            format!("chmod 600 {shown}")
        } else if metadata.gid() == self.gid {
            format!("chmod 640 {shown}")
        } else {
            let group = name_of_group(self.gid).unwrap_or_else(|| self.gid.to_string());
            format!("chgrp {group} {shown} && chmod 640 {shown}")
        }
    }
}
