//! Files that settings name: whoever serves reads them, and nobody else. Root may lend them to a service.

use std::fs::{self, Metadata};
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::{Path, PathBuf};

use rustix::fs::{Access, access};
use rustix::io::Errno;

use super::content::check_content;
use super::owner::{command_as_user, is_service_account, quoted_path, reader_of};
use super::ownership;
use super::system_users::{group_of_user, is_member, name_of_group, name_or_number};
use super::{behind_closed_link, is_of_another_user, is_our_group, whole_path};

/// What is wrong with such a file, and what to do about it.
pub(crate) struct Fault {
    pub(crate) what: String,
    pub(crate) advice: String,
}

/// What a server does with a file.
#[derive(Clone, Copy)]
pub(crate) enum Use {
    Read,
    Write,
}

impl Use {
    fn verb(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Write => "write to",
        }
    }
}

/// Who is to read it: whoever runs this program or, if that is root, whoever the data belongs to.
#[derive(Clone, Copy)]
struct Account {
    uid: u32,
    gid: u32,
}

/// What is wrong with a file that holds a secret, for the server of the data in `data`; without that, for
/// whoever runs this program.
pub(crate) fn fault_of_secret(file: &Path, data: Option<&Path>) -> Option<Fault> {
    let Ok(metadata) = fs::metadata(file) else {
        return fault_of_rights(file, data);
    };
    let account = Account::of(data);
    let kind = metadata.file_type();
    if !kind.is_file() && !kind.is_fifo() {
        let what = if kind.is_dir() {
            "it is a folder"
        } else {
            "it is no file"
        };
        return Some(Fault {
            what: what.to_owned(),
            advice: "name a file".to_owned(),
        });
    }
    if account.is_open(&metadata) {
        return Some(Fault {
            what: "others can read it".to_owned(),
            advice: account.advice(file, &metadata),
        });
    }
    if metadata.uid() != account.uid && is_of_another_user(&metadata) {
        return Some(Fault {
            what: "it belongs to another user".to_owned(),
            advice: account.advice(file, &metadata),
        });
    }
    // What root reads for a service is judged by `config check`.
    fault_of_rights(file, data).filter(|_| account.is_us())
}

/// What is wrong with a file that may be no secret, if that account may not read it.
pub(crate) fn fault_of_rights(file: &Path, data: Option<&Path>) -> Option<Fault> {
    let account = Account::of(data);
    if account.is_us() && access(file, Access::READ_OK).is_ok() {
        return None;
    }
    if let Some(fault) = account.fault_of_way(file) {
        return Some(fault);
    }
    let metadata = fs::metadata(file).ok()?;
    if account.may(Access::READ_OK, 0o4, file, &metadata) {
        return None;
    }
    let advice = account.as_reader_of(file);
    Some(Fault {
        what: format!("{} may not read it", account.name()),
        advice: advice.unwrap_or_else(|| account.advice(file, &metadata)),
    })
}

/// What is wrong with the way to a folder, for the server of the data in `data`.
pub(crate) fn fault_of_way(folder: &Path, data: &Path) -> Option<Fault> {
    Account::of(Some(data)).fault_of_way(folder)
}

/// Whether this is root, and the data in `data` are those of a service.
pub(crate) fn serves_another(data: &Path) -> bool {
    !Account::of(Some(data)).is_us()
}

/// What keeps the server of the data in `data` from working with a file of its own, or a folder.
pub(crate) fn fault_of_use(path: &Path, data: &Path, what: Use) -> Option<Fault> {
    let account = Account::of(Some(data));
    if let Some(fault) = account.fault_of_way(path) {
        return Some(fault);
    }
    let metadata = fs::metadata(path).ok()?;
    let (access, bits, mode) = match (metadata.is_dir(), what) {
        (true, Use::Write) => (
            Access::READ_OK | Access::WRITE_OK | Access::EXEC_OK,
            0o7,
            "rwx",
        ),
        (true, Use::Read) => (Access::READ_OK | Access::EXEC_OK, 0o5, "rx"),
        (false, Use::Write) => (Access::READ_OK | Access::WRITE_OK, 0o6, "rw"),
        (false, Use::Read) => (Access::READ_OK, 0o4, "r"),
    };
    let asked = rustix::fs::access(path, access);
    if asked == Err(Errno::ROFS) {
        return Some(Fault {
            what: "its file system is read-only".to_owned(),
            advice: "mount it for writing, or name another place".to_owned(),
        });
    }
    if account.may(access, bits, path, &metadata) {
        return None;
    }
    let (shown, name) = (quoted_path(path), account.name());
    let advice = match metadata.uid() == account.uid {
        true => format!("run: chmod u+{mode} {shown}"),
        false => format!("run as root: chown {name} {shown}"),
    };
    Some(Fault {
        what: format!("{name} may not {} it", what.verb()),
        advice,
    })
}

/// Whether the server of the data in `data` may make files in a folder.
pub(crate) fn may_fill(folder: &Path, data: &Path) -> bool {
    let account = Account::of(Some(data));
    let (what, bits) = (Access::WRITE_OK | Access::EXEC_OK, 0o3);
    account.barred_from(folder).is_none()
        && fs::metadata(folder).is_ok_and(|it| account.may(what, bits, folder, &it))
}

/// The user of the server of the data in `data`, if that may not give a file to a group.
pub(crate) fn stranger_to(group: u32, data: &Path) -> Option<u32> {
    let account = Account::of(Some(data));
    (account.uid != 0 && !account.is_in(group)).then_some(account.uid)
}

/// A list of who may do what, beside the mode. Whom it lets in is not read.
fn has_list(file: &Path) -> bool {
    let mut list = [0; 4096];
    rustix::fs::getxattr(file, "system.posix_acl_access", &mut list[..]).is_ok_and(|it| it > 0)
}

impl Account {
    fn of(data: Option<&Path>) -> Self {
        let uid = rustix::process::geteuid();
        // A folder of somebody else's says nothing of who serves.
        let data = data.filter(|it| check_content(it, None).is_ok());
        let owner = data.and_then(|it| Some((ownership::owner(it)?, fs::metadata(it).ok()?.gid())));
        match owner.filter(|it| uid.is_root() && it.0 != 0) {
            Some((uid, gid)) => Self {
                uid,
                gid: group_of_user(uid).unwrap_or(gid),
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

    fn fault_of_way(self, path: &Path) -> Option<Fault> {
        let folder = self.barred_from(path)?;
        let is_own = fs::metadata(&folder).is_ok_and(|it| it.uid() == self.uid);
        let open = || is_own.then(|| format!("run: chmod u+rwx {}", quoted_path(&folder)));
        let move_it = || "move it to another folder, and name it there".to_owned();
        Some(Fault {
            what: format!("{} may not enter {}", self.name(), folder.display()),
            advice: open()
                .or_else(|| self.as_reader_of(&folder))
                .unwrap_or_else(move_it),
        })
    }

    /// Where somebody sits, and the file is for another account: how to run this as that one.
    fn as_reader_of(self, file: &Path) -> Option<String> {
        if !self.is_us() || is_service_account() {
            return None;
        }
        let name = reader_of(file).filter(|it| *it != self.name())?;
        Some(format!("run it as {name}: {}", command_as_user(&name)))
    }

    /// Whether anybody but this one and root may read, write or enter it.
    fn is_open(self, file: &Metadata) -> bool {
        let mode = file.mode();
        let is_own_group = file.gid() == 0 || self.is_in(file.gid());
        // What is root's may belong to a group that it was given to on purpose.
        let is_root = rustix::process::geteuid().is_root();
        let is_lent = is_root && file.uid() == 0 && mode & 0o020 == 0;
        mode & 0o007 != 0 || mode & 0o070 != 0 && !is_own_group && !is_lent
    }

    /// The folder above it, or above what it leads to, that this one may not go through, if there is one.
    fn barred_from(self, file: &Path) -> Option<PathBuf> {
        let is_barred = |folder: &&Path| {
            fs::metadata(folder).is_ok_and(|it| !self.may(Access::EXEC_OK, 0o1, folder, &it))
        };
        // From the top: what is below a closed one cannot be looked at.
        let first_above = |path: &Path| {
            let mut above: Vec<&Path> = path.ancestors().skip(1).collect();
            above.reverse();
            above.into_iter().find(is_barred).map(Path::to_owned)
        };
        let behind_links = || {
            let end = file.canonicalize().ok();
            first_above(&end.or_else(|| behind_closed_link(file))?)
        };
        first_above(&whole_path(file)).or_else(behind_links)
    }

    /// Of others than us only the mode tells; `bits` is what it grants them.
    fn may(self, what: Access, bits: u32, path: &Path, file: &Metadata) -> bool {
        if self.uid == 0 {
            return true;
        }
        if self.is_us() {
            return access(path, what).is_ok();
        }
        let shift = match self.is_in(file.gid()) {
            _ if file.uid() == self.uid => 6,
            true => 3,
            false => 0,
        };
        file.mode() >> shift & bits == bits || has_list(path)
    }

    fn is_in(self, group: u32) -> bool {
        group == self.gid || self.is_us() && is_our_group(group) || is_member(&self.name(), group)
    }

    fn name(self) -> String {
        name_or_number(self.uid)
    }

    /// Lets this one read the file, and nobody else.
    fn advice(self, file: &Path, metadata: &Metadata) -> String {
        let shown = quoted_path(file);
        let (alone, shared) = match metadata.is_dir() {
            true => ("700", "750"),
            false => ("600", "640"),
        };
        let is_of_another = ![0, self.uid].contains(&metadata.uid());
        let own = match is_of_another {
            true => format!("chown root {shown} && "),
            false => String::new(),
        };
        if self.uid == 0 {
            // A group that is not ours was given it on purpose.
            let mode = if is_our_group(metadata.gid()) {
                alone
            } else {
                shared
            };
            format!("run: {own}chmod {mode} {shown}")
        } else if metadata.uid() == self.uid {
            format!("run: chmod {alone} {shown}")
        } else if metadata.gid() == self.gid {
            format!("run as root: {own}chmod {shared} {shown}")
        } else {
            let group = name_of_group(self.gid).unwrap_or_else(|| self.gid.to_string());
            format!("run as root: {own}chgrp {group} {shown} && chmod {shared} {shown}")
        }
    }
}
