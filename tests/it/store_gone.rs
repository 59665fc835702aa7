//! What becomes of a write when whoever asked for it has gone before it was begun.

use minisass_auth::domain::SessionId;
use minisass_auth::store::Store;
use rusqlite::Connection;

use crate::store::{NOW, actor, add, get, new_user, on_sqlite, opening};

const KEY: &[u8] = b"a counter";

fn note(store: &Store) -> impl Future<Output = Result<(), minisass_auth::failure::Failure>> {
    store.note("test", String::new(), actor(NOW))
}

#[test]
fn it_is_not_done_unless_it_gives_back_or_ends_something() {
    on_sqlite(|store, path| {
        let ada = add(store, "ada").id;
        assert!(get(store.open_session(opening(ada, 1), actor(NOW))));
        get(store.reserve_attempt(KEY.to_vec(), NOW));

        // Nothing is begun while somebody else has the lock.
        let other = Connection::open(path).expect("the database");
        other.execute_batch("BEGIN IMMEDIATE").expect("a lock");
        let waits = note(store);
        drop(store.add_user(new_user("bo"), actor(NOW)));
        drop(store.open_session(opening(ada, 2), actor(NOW)));
        drop(store.reserve_attempt(b"another".to_vec(), NOW));
        drop(store.end_session(SessionId([1; 16]), "logout", actor(NOW)));
        drop(store.refund_attempt(vec![KEY.to_vec()], NOW));
        other.execute_batch("COMMIT").expect("the end of the lock");
        get(waits);
        get(note(store));

        let number = |sql: &str| other.query_row(sql, [], |row| row.get(0));
        assert_eq!(number("SELECT count(*) FROM users"), Ok(1));
        assert_eq!(number("SELECT count(*) FROM sessions"), Ok(1));
        assert_eq!(number("SELECT count(*) FROM login_attempts"), Ok(0));
        let is_live = get(store.live_session(SessionId([1; 16]), NOW)).is_some();
        assert!(!is_live, "who asked to be logged out is");
    });
}
