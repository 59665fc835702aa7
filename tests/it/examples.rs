//! The examples of the help texts, and an installation in which each of them can be run.

use std::path::Path;
use std::process::Command;

use crate::cli::commands;
use crate::old_keys;
use crate::server::{CHEAP, Outcome, Site, run};

/// What `--help` shows at the end, for one command.
pub struct Examples {
    /// Such as `user create`.
    pub command: String,
    pub lines: Vec<String>,
}

/// The commands whose examples are not run beside the others.
pub const NEED_A_SERVER: [&str; 2] = ["serve", "healthcheck"];

/// The examples of every command that does something, in the order of the help texts.
pub fn of_every_command() -> Vec<Examples> {
    let mut found = Vec::new();
    collect(&Site::new(), &[], &mut found);
    assert!(found.len() > 30, "the commands were not found");
    found
}

fn collect(site: &Site, path: &[&str], found: &mut Vec<Examples>) {
    let help = run(site.bare().args(path).arg("--help"), "").ok();
    let below = commands(&help);
    if below.is_empty() {
        let shown = help.split("\nExamples:\n").nth(1).unwrap_or_default();
        let lines = shown.lines().filter_map(|it| it.strip_prefix("  "));
        found.push(Examples {
            command: path.join(" "),
            lines: lines.map(str::to_owned).collect(),
        });
    }
    for command in below.iter().filter(|it| *it != "help") {
        collect(site, &[path, &[command]].concat(), found);
    }
}

/// A line for bash in the folder of `site`, in which `minisass-auth` is the program.
pub fn shell(site: &Site, line: &str) -> Command {
    let program = Path::new(env!("CARGO_BIN_EXE_minisass-auth"));
    let programs = program.parent().expect("a folder").display();
    let path = std::env::var("PATH").expect("a path");
    let mut shell = Command::new("bash");
    site.set_place(&mut shell);
    shell
        .args(["-c", &format!("set -euo pipefail\n{line}")])
        .env("PATH", format!("{programs}:{path}"))
        .env("HOME", site.path(""))
        .env("MINISASS_AUTH_DATA_DIR", site.data())
        .env("MINISASS_AUTH_SCRYPT", CHEAP);
    // The examples restore to another place, and that is a file.
    if line.contains("db restore") {
        shell.env_remove("MINISASS_AUTH_DATABASE");
    }
    shell
}

/// The files that the examples name, and what these need.
const FILES: &str = "
minisass-auth user deactivate cy
minisass-auth token issue ada --ttl 12h > token.txt
minisass-auth user list --inactive --format csv > inactive.csv
minisass-auth db backup backup.db
mkdir -p .config/fish/completions
echo 'three unrelated words' > password.txt
echo '7w$+x0(q2^n!c=#r8@k5%z&h3*m_b1)v9-pf4jd6sgty' > secret-key
printf '%s\n' bo cy@example.org > leavers.txt
printf '%s\n' 'log_format = \"json\"' > settings.toml
printf '%s\n' '{\"username\": \"ed\", \"email\": \"ed@example.org\"}' > newcomers.jsonl
printf '%s\n' username,email ed,ed@example.org > newcomers.csv
printf '%s\n' '{\"username\": \"gil\", \"email\": \"gil@example.org\", \"is_active\": false,
    \"awaits_confirmation\": true}' | tr -d '\n' | minisass-auth user import -
printf '%s\n' '[{\"model\": \"auth.user\", \"pk\": 4711, \"fields\": {
    \"username\": \"ed\", \"email\": \"ed@example.org\", \"password\": \"!\", \"is_active\": true}},
    {\"model\": \"accounts.user\", \"pk\": \"b0\", \"fields\": {
    \"username\": \"fi\", \"email\": \"fi@example.org\", \"password\": \"!\"}}]' > dump.json
gzip -k dump.json
minisass-auth key rotate";

/// The session and the mail that the examples name.
const ROWS: &str = "
INSERT INTO sessions (id, user_id, kind, created_at, expires_at, rotated_at)
VALUES (x'6923b5c08f1e4d2ab7605c9d3e814f72', 1, 'web', unixepoch(), unixepoch() + 86400, unixepoch());
INSERT INTO outbox (id, kind, user_id, recipient, state, attempts, next_at, created_at, error)
VALUES (7, 'password-changed', 1, 'ada@example.org', 'failed', 9, 0, unixepoch(), 'mailbox full');";

/// An installation that has everything that the examples name.
pub struct Prepared {
    site: Site,
}

impl Prepared {
    /// Ada, Bo and Cy were made by this program.
    pub fn new() -> Self {
        let site = Site::new();
        old_keys::put(&site, &old_keys::FILES);
        for name in ["ada", "bo", "cy"] {
            site.add_user(name, &[]);
        }
        Self::over(site)
    }

    /// Ada, Bo and Cy are in the database of `site` already.
    pub fn over(site: Site) -> Self {
        run(&mut shell(&site, FILES), "").ok();
        site.database().change(ROWS);
        Self { site }
    }

    /// A copy that an example may do with what it likes.
    pub fn copy(&self) -> Site {
        self.site.copy()
    }

    /// Runs an example on a copy.
    pub fn run(&self, line: &str) -> Outcome {
        run(&mut shell(&self.copy(), line), "")
    }
}
