//! Another account of the machine, such as a service or a container has: not root, and without a home.

use std::ffi::OsStr;
use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::Command;

use rustix::process::geteuid;

use super::{part, program};
use crate::server::{CHEAP, Site, clear_settings};

/// An account with a number that nobody has.
pub struct Account<'a> {
    site: &'a Site,
    setpriv: PathBuf,
    /// Other groups that it is in, as `fsGroup` adds one.
    groups: &'static str,
}

impl<'a> Account<'a> {
    /// Its number, and that of its own group.
    pub const ID: u32 = 21_001;

    /// One that can look into the folder of `site`.
    #[track_caller]
    pub fn find(site: &'a Site, groups: &'static str) -> Option<Self> {
        let found = program("setpriv").and_then(|found| {
            let is_root = geteuid().is_root();
            is_root
                .then_some(found)
                .ok_or("only root can be somebody else".to_owned())
        });
        let setpriv = part(found)?;
        let open = Permissions::from_mode(0o755);
        std::fs::set_permissions(site.path(""), open).expect("a mode");
        // The folders above the program may be closed to others.
        let (ours, theirs) = (env!("CARGO_BIN_EXE_minisass-auth"), site.path("program"));
        std::fs::hard_link(ours, &theirs)
            .or_else(|_| std::fs::copy(ours, &theirs).map(drop))
            .expect("the program");
        Some(Self {
            site,
            setpriv,
            groups,
        })
    }

    /// The program, run by this account with this data folder.
    pub fn command(&self, data: &str, arguments: &[&str]) -> Command {
        let mut command = self.as_it(self.site.path("program"));
        command.arg("--data-dir").arg(self.site.path(data));
        command.args(["--scrypt", CHEAP]).args(arguments);
        command
    }

    /// Any program, run by this account.
    pub fn as_it(&self, program: impl AsRef<OsStr>) -> Command {
        let mut command = Command::new(&self.setpriv);
        clear_settings(&mut command);
        let id = Self::ID;
        command.args([&format!("--reuid={id}"), &format!("--regid={id}")]);
        match self.groups {
            "" => command.arg("--clear-groups"),
            groups => command.arg(format!("--groups={groups}")),
        };
        command.arg(program).current_dir(self.site.path(""));
        command
    }
}
