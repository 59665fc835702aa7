//! A real Postfix for `mail.test`, with enhanced status codes, on a port and in a folder of its own.

use std::fs::Permissions;
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use rustix::process::{Pid, Signal, geteuid, kill_process};
use tempfile::TempDir;

use super::port::Port;
use super::{file, part, program};
use crate::server::{run, until};

/// A running mail server. It is ended when dropped.
pub struct Postfix {
    folder: TempDir,
    port: Port,
    child: Child,
}

/// What the machine must have.
fn find() -> Result<PathBuf, String> {
    let postfix = program("postfix")?;
    program("postconf")?;
    if !geteuid().is_root() {
        return Err("Postfix starts for root only".to_owned());
    }
    Ok(postfix)
}

impl Postfix {
    /// Takes mail for these addresses, and for nobody else at their hosts. `more` are lines of
    /// `main.cf`.
    #[track_caller]
    pub fn start(people: &[&str], more: &[&str]) -> Option<Self> {
        let postfix = part(find())?;
        let folder = tempfile::tempdir().expect("a folder");
        let port = Port::reserve();
        prepare(folder.path(), people, more, port.number);
        let mut command = Command::new(postfix);
        command.arg("-c").arg(folder.path()).arg("start-fg");
        let quiet = command.stdin(Stdio::null()).stdout(Stdio::null());
        let mut child = quiet.stderr(Stdio::null()).spawn().expect("postfix");
        let log = folder.path().join("log");
        until("Postfix", || {
            let said = std::fs::read_to_string(&log).unwrap_or_default();
            let ended = child.try_wait().expect("its end");
            assert!(ended.is_none(), "Postfix ended: {said}");
            said.contains("daemon started").then_some(())
        });
        Some(Self {
            folder,
            port,
            child,
        })
    }

    pub fn url(&self) -> String {
        format!("smtp://127.0.0.1:{}", self.port.number)
    }

    /// What was delivered to somebody, in any order.
    pub fn mailbox(&self, address: &str) -> Vec<String> {
        let folder = self.folder.path().join("mail").join(address).join("new");
        // It comes with the first mail.
        let mails = std::fs::read_dir(folder).into_iter().flatten().flatten();
        mails
            .map(|it| std::fs::read_to_string(it.path()).expect("a mail"))
            .collect()
    }

    pub fn log(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("log")).expect("the log")
    }
}

impl Drop for Postfix {
    fn drop(&mut self) {
        let file = self.folder.path().join("spool/pid/master.pid");
        let id = std::fs::read_to_string(file).unwrap_or_default();
        // The master ends the others with itself; it may have ended.
        if let Some(master) = id.trim().parse().ok().and_then(Pid::from_raw) {
            let _ = kill_process(master, Signal::TERM);
        } else {
            let _ = self.child.kill();
        }
        let _ = self.child.wait();
    }
}

fn prepare(folder: &Path, people: &[&str], more: &[&str], port: u16) {
    let id = |flag: &str| run(Command::new("id").args([flag, "postfix"]), "").ok();
    let [owner, group] = ["-u", "-g"].map(|flag| id(flag).trim().to_owned());
    let daemons = run(
        Command::new("postconf").args(["-d", "-h", "daemon_directory"]),
        "",
    );
    let hosts = people.iter().filter_map(|it| it.split('@').nth(1));
    let boxes = people.iter().map(|it| format!("{{ {it} = {it}/ }}"));
    let [hosts, boxes] =
        [hosts.map(str::to_owned).collect(), boxes.collect()].map(|it: Vec<String>| it.join(", "));

    let path = folder.display().to_string();
    let number = port.to_string();
    let values = [
        ("FOLDER", path.as_str()),
        ("DAEMONS", daemons.ok().trim()),
        ("DOMAINS", &hosts),
        ("PEOPLE", &boxes),
        ("OWNER", &owner),
        ("GROUP", &group),
        ("PORT", &number),
    ]
    .map(|(name, value)| (format!("{{{name}}}"), value.to_owned()));
    for name in ["main.cf", "master.cf"] {
        let mut text = std::fs::read_to_string(file(name)).expect("a template");
        for (name, value) in &values {
            text = text.replace(name, value);
        }
        if name == "main.cf" {
            text.push_str(&more.join("\n"));
            text.push('\n');
        }
        std::fs::write(folder.join(name), text).expect("a configuration");
    }
    std::fs::set_permissions(folder, Permissions::from_mode(0o755)).expect("a mode");
    for name in ["spool", "data", "mail"] {
        std::fs::create_dir(folder.join(name)).expect("a folder");
    }
    let owner: u32 = owner.parse().expect("a number");
    for name in ["data", "mail"] {
        chown(folder.join(name), Some(owner), None).expect("an owner");
    }
}
