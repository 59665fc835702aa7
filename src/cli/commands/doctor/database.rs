//! The database: whether it is ours, sound, and backed up.

use super::finding::{Finding, NOT_OURS, Subject};
use super::server;
use crate::cli::terminal::progress::Bar;
use crate::domain::{Timestamp, counted};
use crate::failure::Failure;
use crate::private_file::content;
use crate::store::audit::Chain;
use crate::store::maintenance::{Inspection, MOST_LOG_BYTES, Status, newest_schema};

/// How old a backup may get, in seconds.
const OLDEST_BACKUP: i64 = 7 * 86_400;

/// By how many seconds the clock may have been corrected.
const CLOCK_SLACK: i64 = 60;

const RESTORE: &str = "stop the server, and put the last backup into an empty place: \
                       minisass-auth db restore FILE";

const UNREADABLE: &str = "see that this user may write to its folder; if the file is damaged, stop the \
                          server, move the database away, and run: minisass-auth db restore FILE";

const UNREACHABLE: &str = "see that PostgreSQL runs, and that address, role and password are right";

/// The names of the checks, also of those that read what is in the tables of today's schema.
const OUTSIDE: [&str; 3] = ["database", "schema", "integrity"];
const INSIDE: [&str; 5] = ["audit", "log", "failed_mails", "backup", "clock"];

/// What is skipped while the database is not looked at.
pub(super) fn skipped(subject: &Subject<'_>, because: &str) -> Vec<Finding> {
    let all = OUTSIDE.into_iter().chain(INSIDE);
    all.filter(|it| is_of(it, subject))
        .map(|it| Finding::skipped(it, because))
        .collect()
}

/// A server of PostgreSQL looks after its log itself, and has a clock of its own.
fn is_of(check: &str, subject: &Subject<'_>) -> bool {
    !["log", "clock"].contains(&check) || subject.database.file().is_some()
}

pub(crate) fn check(subject: &Subject<'_>) -> Vec<Finding> {
    let (inspection, first) = match look(subject) {
        Ok(found) => found,
        Err(finding) => {
            let mut findings = skipped(subject, "there is nothing to read");
            findings[0] = finding;
            return findings;
        }
    };
    let (schema, is_current) = schema(&inspection);
    let bar = Bar::of("checking the database");
    let mut findings = vec![first, schema];
    let (of_server, now) = of_server(&inspection, subject);
    findings.extend(of_server);
    findings.push(integrity(&inspection, &bar));
    if is_current {
        bar.say("verifying the audit trail".to_owned());
        findings.extend(inside(&inspection, &bar, subject, now));
    } else {
        let because = "the schema is another one";
        let inside = INSIDE.into_iter().filter(|it| is_of(it, subject));
        findings.extend(inside.map(|it| Finding::skipped(it, because)));
    }
    bar.clear();
    findings
}

fn look(subject: &Subject<'_>) -> Result<(Inspection, Finding), Finding> {
    let shown = &subject.database;
    if !subject.is_ours() {
        return Err(Finding::skipped("database", NOT_OURS));
    }
    if subject.is_database_missing() {
        let advice = match content::is_complete(&subject.data_dir) {
            true => RESTORE,
            false => "name the right one with --data-dir, or start the server, which makes it",
        };
        let missing = format!("there is no database {shown}");
        return Err(Finding::failed("database", missing, advice));
    }
    match Inspection::of(&subject.database) {
        Ok(inspection) => Ok((inspection, Finding::ok("database", shown.to_string()))),
        Err(failure) => {
            let file = subject.database.file();
            let advice = file.map_or(UNREACHABLE, |_| UNREADABLE);
            Err(Finding::refused("database", &failure.chain(), advice))
        }
    }
}

fn schema(inspection: &Inspection) -> (Finding, bool) {
    let known = newest_schema();
    let finding = match inspection.schema() {
        Ok(version) if version == known => {
            let finding = Finding::ok("schema", format!("version {version}"));
            return (finding, true);
        }
        Ok(0) => Finding::failed(
            "schema",
            "there is no table in the database",
            "run: minisass-auth db restore FILE, with the last backup; if the service never ran, start it",
        ),
        Ok(version) if version < known => Finding::warning(
            "schema",
            format!("version {version}, and this program has {known}"),
            "start the server with this version, or run: minisass-auth db migrate",
        ),
        Ok(version) => Finding::failed(
            "schema",
            format!("version {version} is newer than {known}, which this program has"),
            "start the newer minisass-auth that made it, or restore a backup from before",
        ),
        Err(failure) => unread("schema", &failure),
    };
    (finding, false)
}

/// Of one that PostgreSQL has, the server: what it lets us do is told whatever we cannot read. And the time by
/// the clock that all who use the database go by.
fn of_server(inspection: &Inspection, subject: &Subject<'_>) -> (Vec<Finding>, Timestamp) {
    match inspection.server() {
        Ok(Some(server)) => (server::check(&server, subject.now).into(), server.clock),
        Ok(None) => (Vec::new(), subject.now),
        Err(failure) => (vec![unread("server", &failure)], subject.now),
    }
}

/// What could not be read: because it is damaged, unless something stands in the way.
fn unread(check: &'static str, failure: &Failure) -> Finding {
    let advice = match failure.is_transient() {
        true => "put that right, and run `doctor` again",
        false => RESTORE,
    };
    Finding::refused(check, &failure.chain(), advice)
}

fn integrity(inspection: &Inspection, bar: &Bar) -> Finding {
    match inspection.problems(&bar.progress(None)) {
        Ok(problems) => match problems.first() {
            None => Finding::ok("integrity", "pages and references are sound"),
            Some(first) => Finding::failed(
                "integrity",
                format!(
                    "{} wrong, the first: {first}",
                    counted(problems.len(), "thing is", "things are")
                ),
                RESTORE,
            ),
        },
        Err(failure) => unread("integrity", &failure),
    }
}

fn inside(
    inspection: &Inspection,
    bar: &Bar,
    subject: &Subject<'_>,
    now: Timestamp,
) -> Vec<Finding> {
    let mut findings = vec![audit(inspection, bar)];
    match inspection.status(now) {
        Ok(status) => findings.extend(of_status(&status, subject, now)),
        Err(failure) => findings.extend(
            ["log", "failed_mails", "backup"]
                .into_iter()
                .filter(|it| is_of(it, subject))
                .map(|it| unread(it, &failure)),
        ),
    }
    findings.extend(is_of("clock", subject).then(|| clock(inspection, now)));
    findings
}

fn audit(inspection: &Inspection, bar: &Bar) -> Finding {
    match inspection.verify_audit(&bar.progress(None)) {
        Ok(Chain::Whole { rows, gone: 0 }) => Finding::ok("audit", as_written(rows)),
        Ok(Chain::Whole { rows, gone }) => {
            let gone = counted(gone, "row before has", "rows before have");
            Finding::ok("audit", format!("{}; {gone} gone", as_written(rows)))
        }
        Ok(Chain::Broken(id, why)) => Finding::failed(
            "audit",
            format!("the trail is broken at row {id}: {why}"),
            "compare it with a backup, and find out who can write to the database",
        ),
        Err(failure) => unread("audit", &failure),
    }
}

fn as_written(rows: i64) -> String {
    format!("{} as written", counted(rows, "row is", "rows are"))
}

fn of_status(status: &Status, subject: &Subject<'_>, now: Timestamp) -> Vec<Finding> {
    let settings = subject.settings.as_ref();
    let is_scheduled = settings.is_some_and(|it| it.backup_every.is_some());
    let mut findings: Vec<_> = is_of("log", subject)
        .then(|| log(status))
        .into_iter()
        .collect();
    findings.extend([mails(status), backup(status, now, is_scheduled)]);
    findings
}

fn log(status: &Status) -> Finding {
    let log = status.log_bytes >> 20;
    if status.log_bytes > MOST_LOG_BYTES {
        let finding = format!("the write-ahead log has grown to {log} MiB");
        Finding::warning(
            "log",
            finding,
            "stop and start the server, which empties it; if that does not help, somebody reads an old \
             state of the database all the time: find out who with `fuser`, and end it",
        )
    } else {
        Finding::ok("log", format!("the write-ahead log has {log} MiB"))
    }
}

fn mails(status: &Status) -> Finding {
    match status.mails_failed {
        0 => Finding::ok(
            "failed_mails",
            format!("none; {}", counted(status.mails_queued, "waits", "wait")),
        ),
        failed => Finding::warning(
            "failed_mails",
            format!("mails that could not be sent: {failed}"),
            "run: minisass-auth mail list --state failed",
        ),
    }
}

fn backup(status: &Status, now: Timestamp, is_scheduled: bool) -> Finding {
    const ADVICE: &str = "run: minisass-auth db backup FILE";
    let advice = match is_scheduled {
        true => format!("{ADVICE}; the log of the server says why it has made none"),
        false => format!("{ADVICE}, or set backup_every = \"1d\""),
    };
    match &status.last_backup {
        _ if status.users == 0 => Finding::ok("backup", "there are no users to lose"),
        None => Finding::warning("backup", "there is no backup", advice),
        Some((at, _)) if now.seconds_since(*at) > OLDEST_BACKUP => {
            Finding::warning("backup", format!("the last backup is from {at}"), advice)
        }
        Some((at, path)) => Finding::ok("backup", format!("{path}, at {at}")),
    }
}

/// The only clock to compare ours with is the one that times were written by.
fn clock(inspection: &Inspection, now: Timestamp) -> Finding {
    match inspection.last_change() {
        Ok(Some(last)) if last.seconds_since(now) > CLOCK_SLACK => Finding::failed(
            "clock",
            format!("it says {now}, but the last change was written at {last}"),
            "set the clock of this machine: every token and link depends on it",
        ),
        Ok(_) => Finding::ok("clock", now.to_string()),
        Err(failure) => unread("clock", &failure),
    }
}
