//! Whether the time of a refused login tells what is stored of an account, or that of an answer about
//! an address whether somebody has it.
//!
//! `cargo bench --bench refusals` starts the server over a fresh folder with an account for each kind
//! of hash, guesses a wrong password for all of them in turns, and prints for each kind how well its
//! times can be told from those of a name that nobody has: the area under the ROC curve, 0.5 for not
//! at all. Then it asks for mails to reset a password, of somebody and of nobody, where a hundred
//! thousand were sent before. It ends with 1 if an area is not between 0.4 and 0.6. `-- ROUNDS SCRYPT`
//! chooses how many rounds and the server's cost; any profile will do, because its libraries are
//! optimised.

use std::cell::Cell;
use std::env;
use std::fs;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, ExitCode, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use rusqlite::Connection;

/// Nobody has it: what the others are compared with.
const UNKNOWN: &str = "nobody";

/// Who gets mails to reset a password, and how many each has got: what is stored of them lies all over the file.
const OTHERS: usize = 400;
const MAILS: usize = 250;

const ROUNDS: usize = 300;
const SCRYPT: &str = "ln=13,r=8,p=1";

/// As Django writes them, and ours; some cost less than the server's, some more. None is of the
/// password that is guessed.
const STORED: [(&str, Option<&str>); 7] = [
    (
        "ours, ln=10",
        Some(
            "$scrypt$ln=10,r=8,p=1$aM15713r3Xsvxbi31lqr1Q$nFNh2CVHVjNldFVKDHDlm4CbdRSCdEBsjjJxD+iCs5E",
        ),
    ),
    (
        "PBKDF2",
        Some("pbkdf2_sha256$20000$seasalt1$cLucG1E6LN7WMAxQh2nsvJHFKNs4TaWorFmC3IVE5LU="),
    ),
    (
        "PBKDF2, dear",
        Some("pbkdf2_sha256$260000$seasalt1$cLucG1E6LN7WMAxQh2nsvJHFKNs4TaWorFmC3IVE5LU="),
    ),
    (
        "bcrypt",
        Some("bcrypt_sha256$$2b$08$aYRSJiw/q3UokwqTI8S.uuiJkml0XXg0qsof6YsszcVFTEHodLTgi"),
    ),
    (
        "Argon2",
        Some(
            "argon2$argon2id$v=19$m=8192,t=2,p=1$c2Vhc2FsdDE$F2pj8kB13DUWpNqXMw7mjWTF5bzf2rDcnOhLYn15bC4",
        ),
    ),
    (
        "Django's scrypt",
        Some(
            "scrypt$4096$seasalt1$8$1$VxL/AzxmVUv87bQserzuTd3q8BtK5Gjj9M2rzAD3NGgjmXOU+yigqMpnT3c60r0S3MsWQS6oZ7rmIHiiZKc2+Q==",
        ),
    ),
    ("none", None),
];

fn main() -> ExitCode {
    match run() {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(err) => {
            eprintln!("refusals: {err:#}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<bool> {
    // Cargo adds `--bench`, but not when it runs all targets as tests.
    if !env::args().any(|it| it == "--bench") {
        eprintln!("refusals: skipped, because this is no benchmark");
        return Ok(true);
    }
    let mut arguments = env::args().skip(1).filter(|it| !it.starts_with('-'));
    let rounds = arguments.next().map_or(Ok(ROUNDS), |it| it.parse());
    let rounds = rounds.context("the number of rounds")?;
    let scrypt = arguments.next().unwrap_or_else(|| SCRYPT.to_owned());
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).context("making a folder")?;
    import(folder.path(), &scrypt)?;
    fill_outbox(folder.path())?;
    let server = Server::start(folder.path(), &scrypt)?;
    let names = (0..STORED.len()).map(|place| format!("user{place}"));
    let names: Vec<_> = names.chain([UNKNOWN.to_owned()]).collect();
    let guesses = ask_all(rounds, &names, |name| server.refused(name))?;
    let names = ["other", UNKNOWN].map(str::to_owned);
    let asked = Cell::new(0);
    let mailed = ask_all(rounds, &names, |name| {
        // Nobody twice, as far as possible: what was read just now is in memory.
        asked.set(asked.get() + 1);
        server.mailed(&format!("{name}{}", asked.get() * 7 % OTHERS))
    })?;

    println!("| stored | median, ms | AUC |\n|---|---|---|");
    let kinds = STORED.iter().map(|(name, _)| *name);
    let is_even = print_and_judge("refused: nobody's", kinds, &guesses);
    Ok(print_and_judge("mailed: nobody's", ["somebody's"].into_iter(), &mailed) && is_even)
}

/// Prints the times of each kind, and nobody's, which are the last, as `label`. Tells whether all are alike.
fn print_and_judge<'a>(
    label: &str,
    kinds: impl Iterator<Item = &'a str>,
    times: &[Vec<f64>],
) -> bool {
    let Some((unknown, known)) = times.split_last() else {
        return true;
    };
    println!("| {label} | {:.1} | |", median(unknown));
    let mut is_even = true;
    for (name, times) in kinds.zip(known) {
        let area = area(times, unknown);
        is_even &= (0.4..=0.6).contains(&area);
        println!("| {name} | {:.1} | {area:.3} |", median(times));
    }
    is_even
}

fn program(data: &Path, scrypt: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_minisass-auth"));
    for (name, _) in env::vars_os() {
        if name.to_string_lossy().starts_with("MINISASS_AUTH_") {
            command.env_remove(name);
        }
    }
    command.current_dir(data);
    command.arg("--data-dir").arg(data.join("data"));
    command.args(["--scrypt", scrypt]);
    command.stdin(Stdio::null()).stdout(Stdio::null());
    command
}

/// An account for each kind: `user0`, `user1`, …
fn import(folder: &Path, scrypt: &str) -> Result<()> {
    let kinds = STORED.iter().enumerate();
    let kinds = kinds.map(|(place, (_, hash))| (format!("user{place}"), *hash));
    let others = (0..OTHERS).map(|place| (format!("other{place}"), None));
    let lines = kinds.chain(others).map(|(name, hash)| {
        let email = format!("{name}@example.org");
        let user = serde_json::json!({"username": name, "email": email, "password_hash": hash});
        format!("{user}\n")
    });
    let file = folder.join("users.jsonl");
    fs::write(&file, lines.collect::<String>()).context("writing the users")?;
    let mut command = program(folder, scrypt);
    let status = command.args(["user", "import"]).arg(&file).status();
    ensure!(status.context("importing")?.success(), "the import failed");
    Ok(())
}

/// As if the others had asked for mails for years.
fn fill_outbox(folder: &Path) -> Result<()> {
    let database = Connection::open(folder.join("data/auth.db")).context("opening the database")?;
    let fill = format!(
        "INSERT INTO links (purpose, user_id, nonce, digest, created_at, expires_at, used_at)
         WITH RECURSIVE numbers (it) AS (SELECT 1 UNION ALL SELECT it + 1 FROM numbers WHERE it < {MAILS})
         SELECT 'password-reset', users.id, randomblob(32), randomblob(32), 1, 2, 2 FROM numbers, users
         WHERE username LIKE 'other%';
         INSERT INTO outbox (kind, user_id, link_id, recipient, state, next_at, created_at, sent_at)
         SELECT 'password-reset', user_id, links.id, users.email, 'sent', created, created, created FROM
             (SELECT *, unixepoch() - 86400 AS created FROM links) AS links JOIN users ON users.id = user_id"
    );
    database.execute_batch(&fill).context("filling the outbox")
}

/// The times of each name in milliseconds.
fn ask_all(
    rounds: usize,
    names: &[String],
    ask: impl Fn(&str) -> Result<Duration>,
) -> Result<Vec<Vec<f64>>> {
    let mut times = vec![Vec::with_capacity(rounds); names.len()];
    for round in 0..rounds {
        for step in 0..names.len() {
            // No kind always follows the same one, and none is always first.
            let place = (step * (1 + round % 7 % (names.len() - 1)) + round) % names.len();
            let took = ask(&names[place])?;
            times[place].push(took.as_secs_f64() * 1000.0);
        }
    }
    Ok(times)
}

fn median(times: &[f64]) -> f64 {
    let mut sorted = times.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted.get(sorted.len() / 2).copied().unwrap_or_default()
}

/// How often one of the first takes longer than one of the others.
fn area(times: &[f64], others: &[f64]) -> f64 {
    let pairs = times.iter().flat_map(|one| {
        others.iter().map(move |other| match one.total_cmp(other) {
            std::cmp::Ordering::Less => 0.0,
            std::cmp::Ordering::Equal => 0.5,
            std::cmp::Ordering::Greater => 1.0,
        })
    });
    pairs.sum::<f64>() / (times.len() * others.len()) as f64
}

/// A server that ends with the benchmark.
struct Server {
    child: Child,
    address: SocketAddr,
}

impl Server {
    /// Returns once it answers and has looked at the hashes that are stored.
    fn start(folder: &Path, scrypt: &str) -> Result<Self> {
        let free = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).context("looking for a port")?;
        let address = free.local_addr().context("looking for a port")?;
        drop(free);
        let log = fs::File::create(folder.join("log")).context("making a log")?;
        let mut command = program(folder, scrypt);
        command.args(["serve", "--throttle", "false", "--listen"]);
        command.arg(address.to_string()).stderr(log);
        let child = command.spawn().context("starting the server")?;
        let server = Self { child, address };
        let deadline = Instant::now() + Duration::from_secs(60);
        loop {
            let log = fs::read_to_string(folder.join("log")).unwrap_or_default();
            if log.contains("password_hash_dearest") {
                return Ok(server);
            }
            ensure!(Instant::now() < deadline, "the server did not start: {log}");
            sleep(Duration::from_millis(20));
        }
    }

    fn refused(&self, name: &str) -> Result<Duration> {
        let guess = serde_json::json!({"username": name, "password": "wrong"});
        self.ask("token", &guess, 401)
    }

    fn mailed(&self, name: &str) -> Result<Duration> {
        let whose = serde_json::json!({"email": format!("{name}@example.org")});
        self.ask("request-reset", &whose, 200)
    }

    /// How long the answer took, which is to be this one.
    fn ask(&self, path: &str, body: &serde_json::Value, status: u16) -> Result<Duration> {
        let body = body.to_string();
        let request = format!(
            "POST /authentication/api/{path}/ HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\
             Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        );
        let mut stream = TcpStream::connect(self.address).context("connecting")?;
        let started = Instant::now();
        let mut answer = Vec::new();
        stream.write_all(request.as_bytes()).context("asking")?;
        stream.read_to_end(&mut answer).context("reading")?;
        let took = started.elapsed();
        let is_it = answer.starts_with(format!("HTTP/1.1 {status}").as_bytes());
        ensure!(is_it, "{path} did not answer {status}");
        Ok(took)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
