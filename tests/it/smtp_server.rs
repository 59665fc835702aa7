//! A real mail server for the tests: aiosmtpd, driven by `tests/smtp/server.py`.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;

use serde_json::Value;
use tempfile::TempDir;

const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/smtp");

/// What to do on a machine without it.
const NEEDED: &str = "these tests need python3 with its venv module and the network, to install the \
                      mail server aiosmtpd (Debian: apt-get install python3-venv); or run: \
                      pip install aiosmtpd";

/// A file beside the script.
pub fn file(name: &str) -> String {
    format!("{FOLDER}/{name}")
}

/// A Python that has aiosmtpd: the machine's own, or one that is made beside the build.
fn python() -> &'static Path {
    static PYTHON: OnceLock<PathBuf> = OnceLock::new();
    PYTHON.get_or_init(|| {
        let has_it =
            |python: &Path| succeeds(Command::new(python).args(["-c", "import aiosmtpd.smtp"]));
        let own = PathBuf::from("python3");
        if has_it(&own) {
            return own;
        }
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("aiosmtpd");
        let made = folder.join("bin/python");
        if !has_it(&made) {
            let venv = succeeds(Command::new("python3").args(["-m", "venv"]).arg(&folder));
            assert!(venv, "{NEEDED}");
            let install = ["-m", "pip", "install", "--quiet", "aiosmtpd==1.4.6"];
            assert!(succeeds(Command::new(&made).args(install)), "{NEEDED}");
        }
        made
    })
}

fn succeeds(command: &mut Command) -> bool {
    let quiet = command.stdout(Stdio::null()).stderr(Stdio::null());
    quiet.status().is_ok_and(|it| it.success())
}

/// A message that arrived.
#[derive(Clone, Debug)]
pub struct Received {
    pub from: String,
    pub to: Vec<String>,
    /// As it came over the wire.
    pub message: String,
    pub encrypted: bool,
    pub user: Option<String>,
    /// The name that came with EHLO.
    pub hello: String,
    /// What came with MAIL FROM.
    pub options: Vec<String>,
}

impl Received {
    pub fn header(&self, name: &str) -> Option<&str> {
        let head = self.message.split("\r\n\r\n").next()?;
        let prefix = format!("{name}: ");
        head.lines().find_map(|line| line.strip_prefix(&prefix))
    }
}

/// A running mail server. It is killed when dropped.
pub struct MailServer {
    child: Child,
    folder: TempDir,
    pub port: u16,
}

impl MailServer {
    pub fn start(arguments: &[&str]) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let (child, port) = launch(folder.path(), 0, arguments);
        Self {
            child,
            folder,
            port,
        }
    }

    /// With STARTTLS and a login, as a provider's.
    pub fn careful() -> Self {
        let certificate = file("server.pem");
        Self::start(&["--certificate", &certificate, "--login", "ada:s%cr@t"])
    }

    /// Ends it; the port is kept.
    pub fn stop(&mut self) {
        // It may have ended.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// The same port and folder, other manners.
    pub fn restart(&mut self, arguments: &[&str]) {
        self.stop();
        self.child = launch(self.folder.path(), self.port, arguments).0;
    }

    pub fn url(&self) -> String {
        format!("smtp://127.0.0.1:{}", self.port)
    }

    /// What has arrived, in any order.
    pub fn received(&self) -> Vec<Received> {
        let entries = std::fs::read_dir(self.folder.path()).expect("a folder");
        let mut paths: Vec<_> = entries.map(|it| it.expect("an entry").path()).collect();
        paths.retain(|it| it.extension().is_some_and(|it| it == "json"));
        paths.sort();
        paths.iter().map(|path| read(path)).collect()
    }

    /// Everything that was said on any connection.
    pub fn dialogue(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("dialogue.log")).expect("a log")
    }
}

impl Drop for MailServer {
    fn drop(&mut self) {
        self.stop();
    }
}

fn launch(folder: &Path, port: u16, arguments: &[&str]) -> (Child, u16) {
    let mut child = Command::new(python())
        .args(["-W", "ignore"])
        .arg(file("server.py"))
        .arg("--folder")
        .arg(folder)
        .args(["--port", &port.to_string()])
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .expect("python3");
    let out = child.stdout.take().expect("standard output");
    let mut line = String::new();
    BufReader::new(out).read_line(&mut line).expect("a line");
    (child, line.trim().parse().expect("a port"))
}

fn read(path: &Path) -> Received {
    let text = std::fs::read_to_string(path).expect("a message");
    let mail: Value = serde_json::from_str(&text).expect("JSON");
    let text = |name: &str| mail[name].as_str().map(str::to_owned);
    let list = |name: &str| {
        let items = mail[name].as_array().expect("a list").iter();
        items
            .map(|it| it.as_str().expect("one").to_owned())
            .collect()
    };
    Received {
        from: text("from").expect("a sender"),
        to: list("to"),
        message: text("message").expect("a message"),
        encrypted: mail["encrypted"].as_bool().expect("a truth"),
        user: text("user"),
        hello: text("hello").expect("a name"),
        options: list("options"),
    }
}
