//! The service: whether the server answers, and whether systemd runs it as it should.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use super::finding::{Finding, NOT_OURS, Subject};
use crate::cli::commands::healthcheck;
use crate::daemon::address_in_status;
use crate::private_file::content;
use crate::private_file::data_dir;
use crate::private_file::layout::SERVED;
use crate::private_file::owner::quoted_path;
use crate::private_file::ownership;
use crate::private_file::system_users::name_or_number;
use crate::settings::{Listen, Settings, Source, USUAL_FILE};

const CHECK: &str = "service";
const UNIT: &str = "minisass-auth.service";

/// What the process needs beside the hashes.
const OTHER_MEMORY: u64 = 64 << 20;

/// A server may be killed for want of memory now and then.
const MOST_RESTARTS: u32 = 2;

const ASKED: &str = "LoadState,ActiveState,SubState,NRestarts,UnitFileState,User,StateDirectory,MemoryMax,\
                     WatchdogUSec,StatusText";

pub(crate) fn check(subject: &Subject<'_>) -> Vec<Finding> {
    let Some(settings) = &subject.settings else {
        return vec![Finding::skipped(CHECK, "the settings are wrong")];
    };
    let unit = Unit::ask().filter(|it| it.serves(subject));
    let problems = unit.as_ref().map(|it| it.problems(subject, settings));
    let mut findings = problems.unwrap_or_default();
    let is_served = data_dir::is_served(&subject.data_dir, subject.database.file());
    findings.extend(changed_settings(subject).filter(|_| is_served));
    let listens = unit.as_ref().and_then(Unit::listens);
    let listens = listens.unwrap_or_else(|| address(subject, settings));
    if is_served && let Err(err) = healthcheck::check(&listens) {
        let advice = "see what it says in its log";
        findings.push(Finding::refused(CHECK, &err.to_string(), advice));
    }
    // Root may look into a folder that is not its own.
    let is_hidden = || subject.data_dir.join(SERVED).try_exists().is_err();
    if findings.is_empty() && is_hidden() {
        findings.push(Finding::skipped(CHECK, NOT_OURS));
    } else if findings.is_empty() {
        let server = match is_served {
            true => "the server answers",
            false => "no server works on this data",
        };
        let unit = unit.map_or_else(String::new, |_| format!("{UNIT} is as it should be; "));
        findings.push(Finding::ok(CHECK, format!("{unit}{server}")));
    }
    findings
}

/// Settings that were changed after the server had started, and left its note in its lock.
fn changed_settings(subject: &Subject<'_>) -> Option<Finding> {
    let file = subject.values.file.as_deref()?;
    let changed_at = |it: &Path| it.metadata().ok()?.modified().ok();
    let is_newer = changed_at(Path::new(file))? > changed_at(&subject.data_dir.join(SERVED))?;
    is_newer.then(|| {
        Finding::warning(
            CHECK,
            format!("{file} was changed after the server was started"),
            "if that is to count, start the server again; with the package: systemctl restart minisass-auth",
        )
    })
}

/// Where the server listens: as it says itself, if it was told so by flags.
fn address(subject: &Subject<'_>, settings: &Settings) -> Listen {
    let note = data_dir::note_of_server(&subject.data_dir);
    let url = note.as_deref().and_then(|it| it.lines().next());
    let address = url.and_then(|it| it.strip_prefix("http://")?.parse().ok());
    address.map_or_else(|| settings.listen.clone(), Listen::Tcp)
}

/// What systemd says of the unit.
struct Unit(BTreeMap<String, String>);

impl Unit {
    /// None where there is no systemd, or no unit of that name.
    fn ask() -> Option<Self> {
        let mut show = Command::new("systemctl");
        show.args(["show", UNIT, "-p", ASKED]);
        let said = healthcheck::in_time(move || show.output())?.ok()?;
        let said = String::from_utf8(said.stdout).ok()?;
        let lines = said.lines().filter_map(|it| it.split_once('='));
        let unit = Self(lines.map(|it| (it.0.to_owned(), it.1.to_owned())).collect());
        ["loaded", "masked", "bad-setting", "error"]
            .contains(&unit.is("LoadState"))
            .then_some(unit)
    }

    fn is(&self, property: &str) -> &str {
        self.0.get(property).map_or("", String::as_str)
    }

    fn serves(&self, subject: &Subject<'_>) -> bool {
        // Of one that is masked or wrong systemd tells no more.
        let folder = match self.is("LoadState") {
            "loaded" => self.is("StateDirectory"),
            _ => UNIT.trim_end_matches(".service"),
        };
        // It reads that file too.
        let values = subject.values;
        let is_in_its_file =
            values.file.as_deref() == Some(USUAL_FILE) && values.source("data_dir") == Source::File;
        is_in_its_file || subject.data_dir == Path::new("/var/lib").join(folder)
    }

    fn problems(&self, subject: &Subject<'_>, settings: &Settings) -> Vec<Finding> {
        if self.is("LoadState") == "masked" {
            let finding = format!("{UNIT} is masked, and nobody can start it");
            let advice = format!("run as root: systemctl unmask {UNIT}");
            return vec![Finding::warning(CHECK, finding, advice)];
        }
        if self.is("LoadState") != "loaded" {
            let finding = format!("{UNIT} cannot be started: its files are wrong");
            let advice = format!(
                "see what is wrong: systemd-analyze verify {UNIT}; put it right, and run as root: systemctl daemon-reload"
            );
            return vec![Finding::failed(CHECK, finding, advice)];
        }
        let restarts: u32 = self.is("NRestarts").parse().unwrap_or_default();
        let is_tried_again = self.is("SubState") == "auto-restart" || restarts > 0;
        let state = match self.is("ActiveState") {
            "activating" if is_tried_again => Some(Finding::failed(
                CHECK,
                format!("{UNIT} fails, and is started again and again"),
                format!("see why, as root: journalctl -n 20 -u {UNIT}"),
            )),
            "active" if restarts > MOST_RESTARTS => Some(Finding::warning(
                CHECK,
                format!(
                    "{UNIT} has ended {restarts} times since it was started, and was started again"
                ),
                format!("see why, as root: journalctl -u {UNIT}"),
            )),
            "active" | "activating" | "reloading" | "refreshing" => None,
            state => Some(Finding::failed(
                CHECK,
                format!("{UNIT} is {state}"),
                format!(
                    "run as root: systemctl start {UNIT}; why it stopped says: journalctl -u {UNIT}"
                ),
            )),
        };
        let at_start = (self.is("UnitFileState") == "disabled").then(|| {
            let finding = format!("{UNIT} does not start with the machine");
            Finding::warning(
                CHECK,
                finding,
                format!("run as root: systemctl enable {UNIT}"),
            )
        });
        let watchdog = (self.is("WatchdogUSec") == "0").then(|| {
            let finding = format!("nobody notices when {UNIT} hangs");
            Finding::warning(CHECK, finding, "set WatchdogSec=2min in the unit")
        });
        let all = [
            state,
            at_start,
            watchdog,
            self.owner(subject),
            self.memory(settings),
            self.listen(settings),
        ];
        all.into_iter().flatten().collect()
    }

    fn owner(&self, subject: &Subject<'_>) -> Option<Finding> {
        let owner = ownership::owner(&subject.data_dir)?;
        let owner = name_or_number(owner);
        let user = Some(self.is("User")).filter(|it| !it.is_empty());
        let user = user.unwrap_or("root");
        let user = user
            .parse()
            .map_or_else(|_| user.to_owned(), name_or_number);
        let database = subject.database.file();
        let is_ours = content::check_content(&subject.data_dir, database).is_ok();
        // What is not ours is told by the check of the files.
        (user != owner && is_ours).then(|| {
            let shown = quoted_path(&subject.data_dir);
            let folder = subject.data_dir.display();
            let advice = match &*user {
                "root" => format!("set User={owner} in the unit: systemctl edit {UNIT}"),
                _ => format!("run as root: chown -R {user} {shown}"),
            };
            Finding::failed(
                CHECK,
                format!("{UNIT} runs as {user}, and {folder} belongs to {owner}"),
                advice,
            )
        })
    }

    /// Where the server listens, if it runs.
    fn listens(&self) -> Option<Listen> {
        let is_active = ["active", "reloading"].contains(&self.is("ActiveState"));
        let address = address_in_status(self.is("StatusText")).filter(|_| is_active);
        address?.parse().ok()
    }

    /// Whether the server listens elsewhere than these settings say.
    fn listen(&self, settings: &Settings) -> Option<Finding> {
        let at = self.listens()?;
        let is_any = matches!(settings.listen, Listen::Tcp(it) if it.port() == 0);
        (!is_any && at != settings.listen).then(|| {
            Finding::warning(
                CHECK,
                format!("{UNIT} listens on {at}, and the settings say {}", settings.listen),
                format!(
                    "restart it if the settings are newer: systemctl restart {UNIT}; else see what says \
                     otherwise: systemctl cat {UNIT}"
                ),
            )
        })
    }

    fn memory(&self, settings: &Settings) -> Option<Finding> {
        let most: u64 = self.is("MemoryMax").parse().ok()?;
        let hashes = settings
            .scrypt
            .memory()
            .saturating_mul(settings.hash_threads as u64);
        let needed = hashes.saturating_add(OTHER_MEMORY);
        (needed > most).then(|| {
            let (needed, most) = (needed >> 20, most >> 20);
            Finding::warning(
                CHECK,
                format!("{UNIT} may use {most} MiB, and needs up to {needed} to hash passwords"),
                format!("set hash_threads lower, or MemoryMax={needed}M in the unit"),
            )
        })
    }
}
