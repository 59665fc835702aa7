//! A server that loses its database, and finds it again.

use std::thread;

use minisass_auth::progress::unwatched;
use minisass_auth::store::audit::Chain;
use minisass_auth::store::{Location, Store};

use serde_json::json;

use crate::app::{App, PASSWORD};
use crate::client::Request;
use crate::postgres::{self, Cluster};
use crate::server::{Server, Site, until};
use crate::store::{NOW, actor, add, ask, get};
use crate::world;

fn cluster(name: &str) -> Option<Cluster> {
    world::part(Cluster::start(name, postgres::QUICK))
}

#[test]
fn while_the_database_is_away_the_answer_is_503_and_afterwards_all_is_as_before() {
    let Some(cluster) = cluster("lost") else {
        return;
    };
    cluster.make("auth");
    let app = App::at(Location::parse(&cluster.url("auth")).expect("a place"));
    let app = app.with_user("ada");
    let access = app.login("ada").get("access_token");
    app.status(&access).expect(200);

    cluster.stop();
    let refused = app.status(&access).expect(503);
    assert!(refused.header("Retry-After").is_some());
    app.get("/readyz").expect(503);
    app.get("/healthz").expect(200);
    app.logout(&access).expect(503);

    cluster.serve();
    until("the database", || {
        (app.status(&access).status == 200).then_some(())
    });
    app.logout(&access).expect(200);
    app.status(&access).expect(401);
    until("readiness", || {
        (app.get("/readyz").status == 200).then_some(())
    });
}

#[test]
fn a_server_that_gets_no_further_connection_goes_on_with_those_that_it_has() {
    let settings = format!(
        "{}max_connections = 12\nsuperuser_reserved_connections = 0\n",
        postgres::QUICK
    );
    let Some(cluster) = world::part(Cluster::start("few", &settings)) else {
        return;
    };
    cluster.make("auth");
    let place = Location::parse(&cluster.url("auth")).expect("a place");
    let app = App::at(place).with_user("ada");
    let access = app.login("ada").get("access_token");
    let mut others = Vec::new();
    while let Ok(other) = cluster.try_client("auth") {
        others.push(other);
    }
    // Whoever looks sessions up has had no connection yet.
    for _ in 0..5 {
        app.status(&access).expect(200);
    }
    app.get("/readyz").expect(200);
    // Others wait for each one that is given up.
    for last_query in ["%sessions%", "SELECT 1; COMMIT"] {
        let mut other = others.pop().expect("a connection of another program");
        let end = format!(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
             WHERE application_name LIKE 'minisass-auth%' AND query LIKE '{last_query}'"
        );
        other.batch_execute(&end).expect("an end");
        others.push(other);
        while let Ok(other) = cluster.try_client("auth") {
            others.push(other);
        }
        app.status(&access).expect(200);
    }
    app.try_login("ada", PASSWORD).expect(503);
    for _ in 0..5 {
        app.status(&access).expect(200);
    }
    // Whoever writes may have got a connection of somebody who reads.
    until("what was found out before to be old", || {
        let can_write = app.try_login("ada", PASSWORD).status;
        (app.get("/readyz").status == can_write).then_some(())
    });
    others.clear();
    until("a connection", || {
        (app.try_login("ada", PASSWORD).status == 200).then_some(())
    });
}

#[test]
fn whoever_writes_gets_a_connection_of_those_who_read_if_there_are_too_few() {
    let settings = format!(
        "{}max_connections = 12\nsuperuser_reserved_connections = 0\n",
        postgres::QUICK
    );
    let Some(cluster) = world::part(Cluster::start("fewer", &settings)) else {
        return;
    };
    cluster.make("auth");
    let place = Location::parse(&cluster.url("auth")).expect("a place");
    let app = App::at(place).with_user("ada");
    let access = app.login("ada").get("access_token");
    let profile = || Request::new("GET", "/authentication/api/user/update/").bearer(&access);
    let read = || {
        for _ in 0..20 {
            app.status(&access);
            app.send(profile());
        }
    };
    for room in [4, 3, 2] {
        let mut others = vec![cluster.try_client("auth").expect("a connection")];
        let cut = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
                   WHERE application_name LIKE 'minisass-auth%'";
        others[0].batch_execute(cut).expect("an end");
        while let Ok(other) = cluster.try_client("auth") {
            others.push(other);
        }
        others.truncate(others.len() - room);
        thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(read);
            }
        });
        until("a login", || {
            // Whoever looks sessions up would take what others give up.
            app.status(&access);
            (app.try_login("ada", PASSWORD).status == 200).then_some(())
        });
        app.status(&access).expect(200);
        app.send(profile()).expect(200);
    }
}

#[test]
fn a_column_that_gets_another_type_is_read_anew() {
    let Some(database) = postgres::database() else {
        return;
    };
    let mut other = database.client();
    let app = App::on(database).with_user("ada");
    let access = app.login("ada").get("access_token");
    app.status(&access).expect(200);
    let change = "ALTER TABLE users ALTER email TYPE varchar(300)";
    other.batch_execute(change).expect("another type");
    until("what was prepared to be prepared anew", || {
        let answers = [app.status(&access), app.try_login("ada", PASSWORD)];
        answers.iter().all(|it| it.status == 200).then_some(())
    });
    for _ in 0..5 {
        app.status(&access).expect(200);
        app.login("ada");
    }
}

#[test]
fn a_mail_that_was_sent_while_the_database_took_nothing_is_not_sent_again() {
    let Some(database) = postgres::database() else {
        return;
    };
    let mut other = database.client();
    let app = App::on(database).with_user("ada");
    let before = app.mails().len();
    let refuse_once = other.batch_execute(
        "CREATE SEQUENCE tries;
         CREATE FUNCTION refuse_once() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
             IF NEW.state = 'sent' AND nextval('tries') = 1 THEN
                 RAISE EXCEPTION 'no room' USING ERRCODE = '53100';
             END IF;
             RETURN NEW;
         END $$;
         CREATE TRIGGER refuse_once BEFORE UPDATE ON outbox FOR EACH ROW EXECUTE FUNCTION refuse_once()",
    );
    refuse_once.expect("a trigger");
    app.post("request-reset/", &json!({"email": "ada@example.org"}))
        .expect(200);
    app.wait(app.operator.deliver_due()).expect_err("no room");
    // As a server does before it ends.
    app.wait(app.operator.mark_done()).expect("room");
    let sent = "SELECT count(*) FROM outbox WHERE state = 'sent' AND attempts = 1";
    assert_eq!(app.database().get::<i64>(sent), 1);
    assert_eq!(app.mails().len(), before + 1);
}

/// A server, with somebody who may log in.
fn that_counts_guesses(site: &Site, url: &str) -> Server {
    let limited = ["serve", "--listen", "127.0.0.1:0", "--database", url];
    let server = Server::start(site.command(&limited), &site.path("log"));
    assert_eq!(server.register("ada"), 201);
    server
}

#[test]
fn a_password_that_was_right_is_no_guess_though_the_database_took_no_session() {
    let Some(database) = postgres::database() else {
        return;
    };
    let site = Site::new();
    let server = that_counts_guesses(&site, &database.url());
    let rename = |from: &str, to: &str| {
        let rename = format!("ALTER TABLE {from} RENAME TO {to}");
        database
            .client()
            .batch_execute(&rename)
            .expect("another name");
    };
    rename("sessions", "gone");
    for _ in 0..20 {
        assert_eq!(server.login("ada@example.org").status, 503);
    }
    rename("gone", "sessions");
    assert_eq!(server.login("ada@example.org").status, 200);
}

#[test]
fn a_password_that_was_right_is_no_guess_though_the_database_took_nothing_afterwards() {
    let Some(database) = postgres::database() else {
        return;
    };
    let site = Site::new();
    let server = that_counts_guesses(&site, &database.url());
    let mut other = database.client();
    // It counts, and then neither logs anybody in nor gives back what was counted.
    other
        .batch_execute(
            "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS
                $$ BEGIN RAISE EXCEPTION 'no' USING ERRCODE = '53000'; END $$;
             CREATE TRIGGER refuse BEFORE INSERT ON sessions FOR EACH ROW EXECUTE FUNCTION refuse();
             CREATE TRIGGER refuse BEFORE UPDATE ON login_attempts FOR EACH ROW
                WHEN (NEW.failures < OLD.failures) EXECUTE FUNCTION refuse()",
        )
        .expect("triggers");
    for _ in 0..4 {
        assert_eq!(server.login("ada@example.org").status, 503);
    }
    let counted = "SELECT coalesce(sum(failures), 0)::int FROM login_attempts";
    let counted = || database.count(counted);
    assert!(counted() > 0);
    other
        .batch_execute("DROP TRIGGER refuse ON sessions; DROP TRIGGER refuse ON login_attempts")
        .expect("no triggers");
    until("what was counted to be given back", || {
        (counted() == 0).then_some(())
    });
}

#[test]
fn a_connection_that_was_cut_is_made_anew_before_anybody_notices() {
    let Some(database) = postgres::database() else {
        return;
    };
    let store = Store::open(&database.location()).expect("a store");
    add(&store, "ada");
    assert_eq!(get(store.count_users()), 1);
    for _ in 0..5 {
        database.cut_connections();
        // One that is cut in the middle of a look fails; the next one does not.
        until("a connection", || ask(store.count_users()).ok());
        until("a connection", || {
            ask(store.note("test", String::new(), actor(NOW))).ok()
        });
    }
    store.close();
}

#[test]
fn a_database_that_was_emptied_or_that_somebody_locked_is_named_and_answered_with_503() {
    let Some(database) = postgres::database() else {
        return;
    };
    let app = App::at(database.location()).with_user("ada");
    let access = app.login("ada").get("access_token");
    app.status(&access).expect(200);
    let store = Store::open(&database.location()).expect("a store");
    let why = || ask(store.count_users()).expect_err("a failure").chain();

    let mut other = database.client();
    let lock = "BEGIN; LOCK TABLE users IN ACCESS EXCLUSIVE MODE";
    other.batch_execute(lock).expect("a lock");
    let said = why();
    assert!(said.contains("does not let go; `SELECT pid"), "{said}");
    other.batch_execute("ROLLBACK").expect("no lock");
    app.status(&access).expect(200);

    let empty = "DROP SCHEMA public CASCADE; CREATE SCHEMA public";
    other.batch_execute(empty).expect("an empty database");
    app.status(&access).expect(503);
    app.get("/healthz").expect(200);
    let said = why();
    assert!(said.contains("put the right one there"), "{said}");
    store.close();
}

#[test]
fn where_there_is_no_database_the_sentence_says_what_to_look_at() {
    let Some(database) = postgres::database() else {
        return;
    };
    let url = database.url();
    let (server, rest) = url.split_once("@/").expect("an address");
    let (_, folder) = rest.split_once('?').expect("options");
    let missing = format!("{server}@/nowhere?{folder}");
    for (place, part) in [
        (missing, "that the setting database names it rightly"),
        (format!("{server}@/auth"), "it names no host"),
        (
            format!("{server}@one,two/auth?hostaddr=127.0.0.1"),
            "another number of hosts",
        ),
        (
            format!("{url}&load_balance_hosts=random"),
            "one server that takes changes",
        ),
        (
            url.replace("postgres://", "postgres:"),
            "starts with neither",
        ),
        (
            format!("{server}@/?{folder}"),
            "it names no database, as postgres://",
        ),
    ] {
        let opened = Location::parse(&place).map_err(|err| err.to_string());
        let opened = opened.and_then(|it| Store::open(&it).map(drop).map_err(|err| err.chain()));
        let said = opened.expect_err("refused");
        assert!(said.contains(part), "{place}: {said}");
    }
    let shouted = url.replace("postgres://", "POSTGRES://");
    let shouted = Location::parse(&shouted).expect("a place");
    Store::open(&shouted).expect("a store").close();
}

#[test]
fn a_database_of_another_program_or_of_the_future_is_refused() {
    let Some(database) = postgres::empty_database() else {
        return;
    };
    let mut client = database.client();
    client
        .batch_execute("CREATE TABLE users (id int)")
        .expect("a table");
    let refused = |place: &Location| Store::open(place).map(drop).expect_err("refused").chain();
    assert!(refused(&database.location()).contains("tables of another program"));
    let ours = postgres::database().expect("as before");
    let future = "INSERT INTO refinery_schema_history (version, name) VALUES (999, 'future')";
    ours.client().batch_execute(future).expect("a row");
    assert!(refused(&ours.location()).contains("schema version 999"));
}

#[test]
fn what_fails_is_undone_alone_whatever_shares_its_transaction() {
    let Some(database) = postgres::database() else {
        return;
    };
    let store = Store::open(&database.location()).expect("a store");
    // PostgreSQL takes no text with a NUL in it.
    let note = |detail: &str| store.note("test", detail.to_owned(), actor(NOW));
    let asked: Vec<_> = (0..60)
        .map(|it| note(if it % 3 == 2 { "\0" } else { "whole" }))
        .collect();
    let done = asked.into_iter().map(|it| ask(it).is_ok());
    assert_eq!(done.filter(|it| *it).count(), 40);
    assert_eq!(database.count("SELECT count(*) FROM audit"), 40);
    assert_eq!(
        get(store.verify_audit(&unwatched())),
        Chain::Whole { rows: 40, gone: 0 }
    );
    store.close();
}
