//! No statement of the program reads the whole of a table that grows: each is found in the source, or
//! heard while the stories of the store are told, and SQLite is asked how it runs it.

use std::collections::BTreeSet;
use std::path::Path;

use minisass_auth::store::Store;
use proc_macro2::{TokenStream, TokenTree};
use rusqlite::Connection;
use rusqlite::config::DbConfig;

use crate::heard;

/// What grows with the users and the years.
const GROWING: [&str; 9] = [
    "users",
    "sessions",
    "links",
    "outbox",
    "audit",
    "login_attempts",
    "password_history",
    "consents",
    "refused_tokens",
];

/// Statements that read all of a table, by how they start, and why they may.
const WHOLE: [(&str, &str); 18] = [
    (
        "SELECT username_key FROM users",
        "a command that names nobody says who is alike",
    ),
    ("SELECT email_key FROM users", "the same"),
    ("SELECT count(*) FROM users", "`db status` counts"),
    ("SELECT count(*) FROM outbox", "`db status` counts"),
    (
        "SELECT id, at, actor, address, action, user_id, detail, digest FROM audit",
        "`audit verify`",
    ),
    (
        "SELECT id FROM audit WHERE (user_id = ?1 OR ?1 IS NULL)",
        "`audit list` looks back for a page",
    ),
    (
        "SELECT outbox.id FROM outbox LEFT JOIN users",
        "`mail list` does the same",
    ),
    (
        "SELECT at, coalesce(detail, '') FROM audit",
        "an index of the backups, for its last row",
    ),
    (
        "SELECT detail FROM audit WHERE action = 'audit.prune'",
        "an index of where the trail begins, for its last row",
    ),
    (
        "UPDATE users SET imported_tokens_ended_at = ?1",
        "all of everybody end",
    ),
    (
        "UPDATE sessions SET ended_at = ?1 WHERE ended_at IS NULL",
        "`db restore`, in a file of its own",
    ),
    (
        "UPDATE links SET used_at = ?1 WHERE used_at IS NULL",
        "the same",
    ),
    (
        "UPDATE links SET is_kept = 1 WHERE used_at IS NOT NULL",
        "a migration, once",
    ),
    (
        "UPDATE outbox SET state = 'expired', next_at = ?1 WHERE state = 'queued'",
        "the same",
    ),
    (
        "UPDATE sessions SET ended_at = ?1 WHERE ended_at IS NULL AND",
        "all of everybody end",
    ),
    (
        "DELETE FROM sessions WHERE kind = 'imported' AND user_id NOT IN",
        "a migration, once",
    ),
    (
        "UPDATE outbox SET leased_until = NULL",
        "an index of what senders have in hand",
    ),
    (
        "UPDATE outbox SET next_at = ?1 WHERE state = 'queued' AND (next_at > ?2 OR",
        "once the clock of a shared database was set back",
    ),
];

/// A text of the source that is SQL: the parts between its placeholders.
type Template = Vec<String>;

fn squeeze(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// All SQL that the files of nouns hold.
fn templates() -> Vec<Template> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/store");
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).expect("the store") {
        let path = entry.expect("a file").path();
        if path.extension().is_some_and(|it| it == "rs") {
            let text = std::fs::read_to_string(path).expect("a source");
            find(text.parse().expect("Rust"), &mut found);
        }
    }
    found
}

fn find(tokens: TokenStream, found: &mut Vec<Template>) {
    for token in tokens {
        match token {
            TokenTree::Group(group) => find(group.stream(), found),
            TokenTree::Literal(literal) => {
                let text = literal.to_string();
                let text = text
                    .trim_matches('"')
                    .replace("\\\n", "")
                    .replace("\\\\", "\\");
                let verbs = ["SELECT ", "INSERT ", "UPDATE ", "DELETE "];
                if verbs.iter().any(|it| text.starts_with(it)) {
                    let parts = text
                        .split('{')
                        .map(|it| it.split_once('}').map_or(it, |it| it.1));
                    found.push(parts.map(squeeze).collect());
                }
            }
            TokenTree::Ident(_) | TokenTree::Punct(_) => {}
        }
    }
}

/// Whether a statement was made from a template.
fn is_of(template: &Template, statement: &str) -> bool {
    let mut rest = statement;
    template.iter().all(|part| match rest.find(part.as_str()) {
        Some(at) => {
            rest = &rest[at + part.len()..];
            true
        }
        None => false,
    })
}

/// The schema, with the switches that the program sets; and SQLite tells of what a statement causes by
/// foreign keys too.
fn schema(path: &Path) -> Connection {
    Store::open(&path.into()).expect("a database").close();
    let database = Connection::open(path).expect("the database");
    for switch in [
        DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG,
        DbConfig::SQLITE_DBCONFIG_TRIGGER_EQP,
    ] {
        database.set_db_config(switch, true).expect("a switch");
    }
    database
        .pragma_update(None, "foreign_keys", true)
        .expect("a pragma");
    database
}

/// The steps of a statement in which all of a growing table is read.
fn scans(database: &Connection, statement: &str) -> Vec<String> {
    let mut plan = database
        .prepare(&format!("EXPLAIN QUERY PLAN {statement}"))
        .unwrap_or_else(|err| panic!("{statement}: {err}"));
    let values = rusqlite::params_from_iter(vec![None::<i64>; plan.parameter_count()]);
    let steps = plan
        .query_map(values, |row| row.get::<_, Option<String>>(3))
        .expect("a plan");
    // A step that says nothing starts what a foreign key causes.
    let steps = steps.filter_map(|it| it.expect("a step"));
    let is_scan = |step: &String| {
        let table = step.strip_prefix("SCAN ").map(|it| it.split(' ').next());
        table.flatten().is_some_and(|it| GROWING.contains(&it))
    };
    steps.filter(is_scan).collect()
}

#[test]
fn no_statement_reads_all_of_a_table_that_grows() {
    let templates = templates();
    assert!(templates.len() > 80, "{}", templates.len());
    let heard = heard::of_tests(&["store"], "store_plans");
    let heard: BTreeSet<String> = heard.iter().map(|it| squeeze(it)).collect();
    let folder = tempfile::tempdir().expect("a folder");
    let database = schema(&folder.path().join("auth.db"));
    let mut wrong = Vec::new();
    let mut statements = heard;
    for template in &templates {
        match template.as_slice() {
            // Without a placeholder it is a statement as it stands.
            [whole] => drop(statements.insert(whole.clone())),
            parts if !statements.iter().any(|it| is_of(template, it)) => {
                wrong.push(format!("no story runs {}", parts.join("…")));
            }
            _ => {}
        }
    }
    for statement in &statements {
        let is_ours = templates.iter().any(|it| is_of(it, statement));
        // Rows that an import puts aside lie in a file of their own; a copy is of all there is.
        if !is_ours || statement.contains(" rows ") || statement.contains(" AS copied") {
            continue;
        }
        let may = WHOLE.iter().any(|it| statement.starts_with(it.0));
        let scans = scans(&database, statement);
        if !scans.is_empty() && !may {
            wrong.push(format!("{}: {statement}", scans.join(", ")));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Otherwise the test above could not fail.
#[test]
fn a_foreign_key_without_an_index_shows() {
    let folder = tempfile::tempdir().expect("a folder");
    let database = schema(&folder.path().join("auth.db"));
    let delete = "DELETE FROM links WHERE id = ?1";
    assert_eq!(scans(&database, delete), [""; 0]);
    let drop = database.execute("DROP INDEX outbox_by_link", []);
    drop.expect("no index");
    let scans = scans(&database, delete);
    assert!(scans.contains(&"SCAN outbox".to_owned()), "{scans:?}");
}

/// Else the time of an answer would tell who is asked for: strangers have no links.
#[test]
fn a_link_for_whoever_has_had_many_is_no_more_work() {
    let is_of_links = |it: &&Template| it[0].starts_with("UPDATE links SET used_at = ?4");
    let templates = templates();
    let statement = &templates.iter().find(is_of_links).expect("a statement")[0];
    let folder = tempfile::tempdir().expect("a folder");
    let database = schema(&folder.path().join("auth.db"));
    let many = "PRAGMA foreign_keys = off;
         WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 20000)
         INSERT INTO links (purpose, user_id, nonce, digest, created_at, expires_at)
         SELECT 'password-reset', 1, randomblob(32), randomblob(32), i, i + 3600 FROM n";
    database.execute_batch(many).expect("links");
    let mut statement = database.prepare(statement).expect("a statement");
    let values = rusqlite::params![1, "password-reset", 20_000, 7, 100];
    assert_eq!(statement.execute(values).expect("an update"), 1);
    let steps = statement.get_status(rusqlite::StatementStatus::VmStep);
    assert!(steps < 4_000, "{steps} steps");
}
