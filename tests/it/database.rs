//! A database past the program: what is in it, and changes that the program would not make.

use std::cell::RefCell;
use std::path::Path;

use rusqlite::Connection;
use rusqlite::types::FromSql;
use tokio_postgres::Row;

use crate::postgres::Client;

/// A database as another process has it. What is asked of it is said in words that both engines know.
pub enum Database {
    File(Connection),
    Server(RefCell<Client>),
}

impl Database {
    #[track_caller]
    pub fn at(path: &Path) -> Self {
        Self::File(Connection::open(path).expect("a database"))
    }

    /// A new one, of another program.
    #[track_caller]
    pub fn of_another_program(path: &Path) -> Self {
        let foreign = Self::at(path);
        foreign.change("CREATE TABLE bookmarks (id INTEGER); INSERT INTO bookmarks VALUES (1)");
        foreign
    }

    /// The value in the first column of the first row.
    #[track_caller]
    pub fn get<T: Cell>(&self, sql: &str) -> T {
        let first = self.rows(sql).into_iter().next();
        first.unwrap_or_else(|| panic!("{sql}: no row"))
    }

    /// The values in the first column.
    #[track_caller]
    pub fn rows<T: Cell>(&self, sql: &str) -> Vec<T> {
        match self {
            Self::File(it) => {
                let mut query = it.prepare(sql).expect(sql);
                let rows = query.query_map([], |row| row.get(0)).expect(sql);
                rows.map(|it| it.expect(sql)).collect()
            }
            Self::Server(it) => {
                let rows = it.borrow_mut().query(sql).expect(sql);
                rows.iter().map(T::of).collect()
            }
        }
    }

    /// Runs statements.
    #[track_caller]
    pub fn change(&self, sql: &str) {
        match self {
            Self::File(it) => it.execute_batch(sql).expect(sql),
            Self::Server(it) => {
                let said = in_postgresql(sql);
                it.borrow_mut().batch_execute(&said).expect(sql);
            }
        }
    }

    /// Changes one row, whichever.
    #[track_caller]
    pub fn change_one(&self, sql: &str) {
        let changed = match self {
            Self::File(it) => it.execute(sql, []).expect(sql) as u64,
            Self::Server(it) => it
                .borrow_mut()
                .execute(&in_postgresql(sql), &[])
                .expect(sql),
        };
        assert_eq!(changed, 1, "{sql}");
    }

    /// Something that is another once anything is written.
    pub fn version(&self) -> String {
        match self {
            Self::File(_) => self.get::<i64>("PRAGMA data_version").to_string(),
            Self::Server(_) => {
                let tables = "SELECT table_name::text FROM information_schema.tables
                              WHERE table_schema = 'public' ORDER BY 1";
                let rows = |table: String| -> Vec<String> {
                    self.rows(&format!("SELECT ctid::text || xmin FROM {table}"))
                };
                let tables: Vec<String> = self.rows(tables);
                tables.into_iter().flat_map(rows).collect()
            }
        }
    }

    /// Lets the next user have the number after this one.
    pub fn skip_users(&self, last: i64) {
        self.change(&match self {
            Self::File(_) => {
                format!("UPDATE sqlite_sequence SET seq = {last} WHERE name = 'users'")
            }
            Self::Server(_) => format!("UPDATE last_user_deleted SET id = {last}"),
        });
    }

    /// The highest number that a user ever had.
    pub fn last_user(&self) -> i64 {
        self.get(match self {
            Self::File(_) => "SELECT seq FROM sqlite_sequence WHERE name = 'users'",
            Self::Server(_) => {
                "SELECT greatest((SELECT max(id) FROM users), (SELECT id FROM last_user_deleted))"
            }
        })
    }

    /// For what only a file has.
    #[track_caller]
    pub fn file(&self) -> &Connection {
        match self {
            Self::File(it) => it,
            Self::Server(_) => panic!("this is about a file"),
        }
    }

    #[track_caller]
    pub fn into_file(self) -> Connection {
        match self {
            Self::File(it) => it,
            Self::Server(_) => panic!("this is about a file"),
        }
    }

    /// A server keeps its files sound by itself.
    #[track_caller]
    pub fn assert_sound(&self) {
        if matches!(self, Self::File(_)) {
            assert_eq!(self.get::<String>("PRAGMA integrity_check"), "ok");
        }
    }
}

/// What SQLite calls otherwise.
fn in_postgresql(sql: &str) -> String {
    [
        (" x'", " '\\x"),
        ("(x'", "('\\x"),
        ("unixepoch()", "extract(epoch FROM now())::bigint"),
        ("randomblob(16)", "uuid_send(gen_random_uuid())"),
        ("randomblob(32)", "sha256(uuid_send(gen_random_uuid()))"),
    ]
    .iter()
    .fold(sql.to_owned(), |said, (from, to)| said.replace(from, to))
}

/// What a row may have.
pub trait Cell: FromSql {
    /// The first one in a row of PostgreSQL.
    fn of(row: &Row) -> Self;
}

impl Cell for i64 {
    fn of(row: &Row) -> Self {
        let wide = row.try_get(0);
        wide.unwrap_or_else(|_| match row.try_get::<_, i32>(0) {
            Ok(it) => it.into(),
            Err(_) => row.get::<_, bool>(0).into(),
        })
    }
}

impl Cell for bool {
    fn of(row: &Row) -> Self {
        row.get(0)
    }
}

impl Cell for String {
    fn of(row: &Row) -> Self {
        row.get(0)
    }
}

impl Cell for Option<String> {
    fn of(row: &Row) -> Self {
        row.get(0)
    }
}

impl Cell for Option<i64> {
    fn of(row: &Row) -> Self {
        row.get(0)
    }
}

impl Cell for Vec<u8> {
    fn of(row: &Row) -> Self {
        row.get(0)
    }
}
