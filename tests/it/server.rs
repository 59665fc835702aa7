//! The real binary over a fresh folder: commands and the server process.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Mutex;
use std::sync::mpsc::{self, Receiver};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tempfile::TempDir;

use crate::database::Database;
use crate::postgres::{self, Postgres};
use crate::wire::{Answer, bearer, exchange};

/// Anything that takes longer than this has gone wrong, also on a busy machine.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// The cheapest hash there is: these tests are not about the cost of passwords.
pub const CHEAP: &str = "ln=4,r=1,p=1";

/// Meets every rule.
pub const PASSWORD: &str = "Kc8!fjWq2z";

/// Waits until `look` finds something.
pub fn until<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let started = Instant::now();
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(started.elapsed() < PATIENCE, "waited too long for {what}");
        std::thread::park_timeout(Duration::from_millis(2));
    }
}

/// What a command did.
#[derive(Debug)]
pub struct Outcome {
    pub code: Option<i32>,
    pub out: String,
    pub err: String,
}

impl Outcome {
    /// Standard output of a command that must have succeeded.
    #[track_caller]
    pub fn ok(self) -> String {
        assert_eq!(self.code, Some(0), "{}", self.err);
        self.out
    }

    /// The one line on standard error of a command that must have been refused. It may have made a
    /// database before.
    #[track_caller]
    pub fn refusal(self) -> String {
        assert_eq!(self.code, Some(1), "{}{}", self.out, self.err);
        let is_said = |it: &&str| !it.starts_with("a new database was made at ");
        let said: Vec<&str> = self.err.lines().filter(is_said).collect();
        let [said] = said[..] else {
            panic!("{}{}", self.out, self.err);
        };
        assert!(said.starts_with("minisass-auth: "), "{}", self.err);
        said.to_owned()
    }

    #[track_caller]
    pub fn json(self) -> Value {
        serde_json::from_str(&self.ok()).expect("JSON on standard output")
    }
}

/// The arguments in a line; none of them has a space.
pub fn words(line: &str) -> Vec<&str> {
    line.split(' ').collect()
}

/// A place for one data folder.
pub struct Site {
    folder: TempDir,
    /// Where the data is, if that is no file in the folder.
    postgres: Option<Postgres>,
}

impl Site {
    pub fn new() -> Self {
        Self {
            folder: tempfile::tempdir().expect("a folder"),
            postgres: postgres::is_chosen()
                .then(postgres::empty_database)
                .flatten(),
        }
    }

    /// Another place with all that is in this one.
    pub fn copy(&self) -> Self {
        let copy = Self {
            folder: tempfile::tempdir().expect("a folder"),
            postgres: self.postgres.as_ref().map(Postgres::copy),
        };
        let mut copying = Command::new("cp");
        copying.arg("-a").arg(self.path(".")).arg(copy.path(""));
        run(&mut copying, "").ok();
        copy
    }

    /// A place whose data PostgreSQL has; none where that is missing.
    pub fn on_postgres() -> Option<Self> {
        Some(Self {
            folder: tempfile::tempdir().expect("a folder"),
            postgres: Some(postgres::empty_database()?),
        })
    }

    /// A place with an empty database.
    pub fn with_database() -> Self {
        let site = Self::new();
        site.run(&["db", "migrate"]).ok();
        site
    }

    /// The database of such a place.
    pub fn postgres(&self) -> &Postgres {
        self.postgres.as_ref().expect("a database of PostgreSQL")
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn data(&self) -> PathBuf {
        self.path("data")
    }

    pub fn database(&self) -> Database {
        match &self.postgres {
            None => Database::at(&self.data().join("auth.db")),
            Some(it) => it.database(),
        }
    }

    /// The keys are kept.
    pub fn lose_database(&self) {
        match &self.postgres {
            None => {
                for name in ["auth.db", "auth.db-wal", "auth.db-shm"] {
                    let _ = fs::remove_file(self.data().join(name));
                }
            }
            Some(it) => it.batch("DROP SCHEMA public CASCADE; CREATE SCHEMA public"),
        }
    }

    /// The program with nothing around it but this folder.
    pub fn bare(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_minisass-auth"));
        self.set_place(&mut command);
        command
    }

    /// Has a program begin here, without settings but that of the database.
    pub fn set_place(&self, command: &mut Command) {
        clear_settings(command);
        command.current_dir(self.folder.path());
        if let Some(postgres) = &self.postgres {
            command.env("MINISASS_AUTH_DATABASE", postgres.url());
        }
    }

    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = self.bare();
        command.arg("--data-dir").arg(self.data());
        command.args(["--scrypt", CHEAP]).args(arguments);
        command
    }

    pub fn run(&self, arguments: &[&str]) -> Outcome {
        run(&mut self.command(arguments), "")
    }

    pub fn run_with(&self, arguments: &[&str], input: &str) -> Outcome {
        run(&mut self.command(arguments), input)
    }

    /// Adds a user by the command line.
    #[track_caller]
    pub fn add_user(&self, name: &str, more: &[&str]) -> Value {
        let email = format!("{name}@example.org");
        let create = ["user", "create", "--username", name, "--email", &email];
        let how = ["--password-stdin", "--format", "json"];
        self.run_with(&[&create[..], &how, more].concat(), PASSWORD)
            .json()
    }

    pub fn start(&self, arguments: &[&str]) -> Server {
        let quiet = ["serve", "--listen", "127.0.0.1:0", "--throttle", "false"];
        Server::start(
            self.command(&[&quiet[..], arguments].concat()),
            &self.path("log"),
        )
    }
}

/// What a new user sends.
pub fn registration(name: &str) -> Value {
    serde_json::json!({
        "username": name, "email": format!("{name}@example.org"), "password": PASSWORD,
        "first_name": "A", "last_name": "B", "organizationType": "NGO",
        "organizationName": "Rivers", "country": "ZA",
    })
}

pub fn clear_settings(command: &mut Command) {
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("MINISASS_AUTH_") {
            command.env_remove(name);
        }
    }
}

pub fn run(command: &mut Command, input: &str) -> Outcome {
    command.stdin(Stdio::piped());
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("the program");
    let mut stdin = child.stdin.take().expect("standard input");
    // A program that does not read closes the pipe.
    let _ = stdin.write_all(input.as_bytes());
    drop(stdin);
    let output = child.wait_with_output().expect("its end");
    Outcome {
        code: output.status.code(),
        out: String::from_utf8(output.stdout).expect("UTF-8"),
        err: String::from_utf8(output.stderr).expect("UTF-8"),
    }
}

/// Tests these side by side: each waits for something, such as the last seconds of a server.
pub fn side_by_side<T: Send>(cases: impl IntoIterator<Item = T>, test: impl Fn(T) + Sync) {
    std::thread::scope(|scope| {
        for case in cases {
            scope.spawn(|| test(case));
        }
    });
}

/// A running server. It is killed when dropped.
pub struct Server {
    child: Child,
    log: PathBuf,
    /// What it printed at the start, up to the line that is always there.
    pub announced: String,
    lines: Option<Mutex<Receiver<String>>>,
}

impl Server {
    pub fn start(mut command: Command, log: &Path) -> Self {
        let open = std::fs::File::options()
            .append(true)
            .create(true)
            .open(log)
            .expect("a log");
        command.stdin(Stdio::null()).stderr(open);
        let mut child = command.stdout(Stdio::piped()).spawn().expect("the program");
        let out = BufReader::new(child.stdout.take().expect("standard output"));
        let (sender, lines) = mpsc::channel();
        // Reads on to the end, so that the server never writes into a closed pipe.
        std::thread::spawn(move || {
            out.lines()
                .map_while(Result::ok)
                .for_each(|line| drop(sender.send(line)));
        });
        let mut announced = String::new();
        while !announced.contains("  Database ") {
            let Ok(line) = lines.recv_timeout(PATIENCE) else {
                let log = std::fs::read_to_string(log).unwrap_or_default();
                panic!("the server did not start: {announced}{log}");
            };
            announced.push_str(&line);
            announced.push('\n');
        }
        Self {
            child,
            log: log.to_owned(),
            announced,
            lines: Some(Mutex::new(lines)),
        }
    }

    /// Takes over a process that somebody else started.
    pub fn adopt(child: Child, announced: String) -> Self {
        let log = PathBuf::new();
        Self {
            child,
            log,
            announced,
            lines: None,
        }
    }

    /// Host and port.
    pub fn address(&self) -> &str {
        let line = self.announced.lines().find(|it| it.contains("  API "));
        let url = line
            .and_then(|it| it.split("http://").nth(1))
            .expect("an address");
        url.split('/').next().expect("a host")
    }

    pub fn log(&self) -> String {
        std::fs::read_to_string(&self.log).expect("the log")
    }

    /// The log once it has these words: its lines gather for a moment.
    pub fn log_with(&self, words: &str) -> String {
        until(words, || Some(self.log()).filter(|it| it.contains(words)))
    }

    pub fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(self.address()).expect("a connection");
        stream
            .set_read_timeout(Some(PATIENCE))
            .expect("a read timeout");
        stream
    }

    /// Whether newcomers are let in.
    pub fn is_open(&self) -> bool {
        TcpStream::connect(self.address()).is_ok()
    }

    pub fn get(&self, path: &str, token: &str) -> Answer {
        exchange(self.connect(), "GET", path, &bearer(token), "")
    }

    /// Posts JSON to an endpoint of the API.
    pub fn post(&self, endpoint: &str, body: &Value) -> Answer {
        let path = format!("/authentication/api/{endpoint}/");
        let headers = "Content-Type: application/json\r\n";
        exchange(self.connect(), "POST", &path, headers, &body.to_string())
    }

    pub fn login(&self, email: &str) -> Answer {
        self.post(
            "login",
            &serde_json::json!({"email": email, "password": PASSWORD}),
        )
    }

    pub fn status_of(&self, token: &str) -> u16 {
        self.get("/authentication/api/check-auth-status/", token)
            .status
    }

    pub fn logout(&self, token: &str) -> u16 {
        let path = "/authentication/api/logout/";
        exchange(self.connect(), "POST", path, &bearer(token), "").status
    }

    pub fn register(&self, name: &str) -> u16 {
        self.post("register", &registration(name)).status
    }

    pub fn id(&self) -> Pid {
        Pid::from_child(&self.child)
    }

    pub fn signal(&self, signal: Signal) {
        kill_process(self.id(), signal).expect("a living server");
    }

    /// The exit code, once the process has ended.
    pub fn wait(&mut self) -> Option<i32> {
        let child = &mut self.child;
        until("the server to stop", || child.try_wait().expect("its end")).code()
    }

    /// Reads on until it has announced `what`, or has ended.
    pub fn read_on_to(&mut self, what: &str) {
        let lines = self.lines.as_mut().expect("its standard output");
        let lines = lines.get_mut().expect("no panic");
        while !self.announced.contains(what) {
            let Ok(line) = lines.recv_timeout(PATIENCE) else {
                break;
            };
            self.announced += &(line + "\n");
        }
    }

    pub fn stop(&mut self) -> Option<i32> {
        self.signal(Signal::TERM);
        self.wait()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
