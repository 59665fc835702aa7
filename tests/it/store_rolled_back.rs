//! A transaction that SQLite rolls back by itself, as it does when the disk is full. Here a trigger
//! has it do so.

use crate::database::Database;
use crate::store::{NOW, actor, ask, new_user, on_sqlite};

#[test]
fn what_shares_such_a_transaction_is_done_or_refused_and_never_both() {
    on_sqlite(|store, path| {
        let database = Database::at(path);
        database.change(
            "CREATE TRIGGER full BEFORE INSERT ON login_attempts
             BEGIN SELECT RAISE(ROLLBACK, 'the disk is full'); END",
        );
        for round in 0..10 {
            // What waits together shares a transaction.
            let names = ["before", "behind"].map(|it| format!("{it}{round}"));
            let add = |name: &String| store.add_user(new_user(name), actor(NOW));
            let before = add(&names[0]);
            let full = store.reserve_attempt(vec![round], NOW);
            let added = [before, add(&names[1])].map(|it| ask(it).is_ok());
            assert!(ask(full).is_err());
            let is_there = |name: &String| {
                let find = "SELECT count(*) FROM users WHERE username = ";
                database.get::<bool>(&format!("{find}'{name}'"))
            };
            assert_eq!(added, names.each_ref().map(is_there), "{names:?}");
        }
        database.change("DROP TRIGGER full");
        ask(store.reserve_attempt(vec![1], NOW)).expect("a writer that goes on");
    });
}
