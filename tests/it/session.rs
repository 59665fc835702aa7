//! Sessions: what a login opens lives until its end, its logout or its user's, and no second longer.

use minisass_auth::crypto::sha256;
use minisass_auth::domain::Actor;
use minisass_auth::domain::{SessionId, Timestamp};
use minisass_auth::store::Store;
use serde_json::json;

use crate::app::{App, DAY, PASSWORD};
use crate::client::{Answer, Request};
use crate::tokens::claims;

/// What one login gave.
pub struct Opened {
    pub access: String,
    pub refresh: String,
    cookie: String,
}

impl Opened {
    fn of(answer: &Answer) -> Self {
        Self {
            access: answer.get("access_token"),
            refresh: answer.get("refresh_token"),
            cookie: answer.cookie().expect("a cookie"),
        }
    }

    pub fn by(app: &App, name: &str) -> Self {
        Self::of(&app.login(name))
    }

    /// What the session answers to its access token, its refresh token and its cookie.
    fn statuses(&self, app: &App) -> [u16; 3] {
        let cookie = format!("minisass_session={}", self.cookie);
        let by_cookie = Request::new("GET", "check-auth-status/").header("Cookie", &cookie);
        [
            app.status(&self.access).status,
            app.refresh(&self.refresh).status,
            app.send(by_cookie).status,
        ]
    }
}

#[test]
fn a_logout_ends_everything_of_its_session_and_nothing_of_another() {
    let app = App::new().with_user("ana").with_user("bob");
    let [first, second] = [Opened::by(&app, "ana"), Opened::by(&app, "ana")];
    let other = Opened::by(&app, "bob");
    let refreshed = app.refresh(&first.refresh).expect(200).get("access");
    let status = app.status(&first.access).expect(200);
    let answer = app.logout(&first.access).expect(200);
    assert_eq!(answer.json(), json!({"message": "Logout successful"}));
    assert_eq!(answer.cookie().as_deref(), Some(""));
    assert_eq!(first.statuses(&app), [401; 3]);
    app.status(&refreshed).expect(401);
    app.status(&status.get("access_token")).expect(401);
    app.refresh(&status.get("refresh_token")).expect(401);
    assert_eq!(second.statuses(&app), [200; 3]);
    assert_eq!(other.statuses(&app), [200; 3]);
    let again = app.logout(&first.access).expect(401).json();
    assert_eq!(again["code"], "token_not_valid");
    assert_eq!(again["messages"][0]["token_class"], "AccessToken");
}

#[test]
fn the_body_of_a_logout_is_ignored() {
    let app = App::new().with_user("ana");
    for body in ["", "nonsense", "{", "[]"] {
        let opened = Opened::by(&app, "ana");
        let request = Request::new("POST", "logout/").bearer(&opened.access);
        app.send(request.body("text/plain", body)).expect(200);
        assert_eq!(opened.statuses(&app), [401; 3]);
    }
}

#[test]
fn nothing_moves_the_end_of_a_session() {
    let app = App::new().with_user("ana");
    let opened = Opened::by(&app, "ana");
    let mut refresh = opened.refresh.clone();
    for _ in 0..29 {
        app.clock.advance(DAY);
        let access = app.refresh(&refresh).expect(200).get("access");
        let status = app.status(&access).expect(200);
        refresh = status.get("refresh_token");
        assert_eq!(claims(&refresh)["exp"], claims(&opened.refresh)["exp"]);
    }
    app.clock.advance(DAY - 60);
    let access = app.refresh(&refresh).expect(200).get("access");
    let end = claims(&opened.refresh)["exp"].clone();
    assert_eq!(claims(&access)["exp"], end);
    let status = app.status(&access).expect(200);
    assert_eq!(claims(&status.get("access_token"))["exp"], end);
    app.clock.advance(59);
    let last = Opened {
        access,
        refresh,
        cookie: opened.cookie,
    };
    assert_eq!(last.statuses(&app), [200; 3]);
    app.clock.advance(1);
    assert_eq!(last.statuses(&app), [401; 3]);
}

#[test]
fn asking_for_the_status_writes_nothing() {
    let app = App::new().with_user("ana");
    let opened = Opened::by(&app, "ana");
    let watcher = app.database();
    let version = || watcher.version();
    let before = version();
    // What was written so far would be moved into the file when nothing else is to be done.
    watcher.get::<i64>("PRAGMA wal_checkpoint(PASSIVE)");
    let bytes = || {
        ["auth.db", "auth.db-wal"].map(|it| sha256(&std::fs::read(app.path(it)).expect("a file")))
    };
    let files = bytes();
    for _ in 0..5 {
        app.clock.advance(60);
        assert_eq!(opened.statuses(&app), [200; 3]);
        app.get("check-auth-status/").expect(401);
        app.status("nonsense").expect(401);
    }
    assert_eq!(version(), before);
    assert_eq!(bytes(), files);
}

#[test]
fn the_status_tells_who_asks() {
    let app = App::new();
    let ana = app.add_user("ana");
    let opened = Opened::by(&app, "ana");
    let status = app.status(&opened.access).expect(200).json();
    assert_eq!(
        status,
        json!({
            "is_authenticated": true, "username": "ana", "email": "ana@example.org", "is_admin": false,
            "is_agreed_to_privacy_policy": true, "accepted_privacy_policy_version": null,
            "user_id": ana.id.0, "is_profile_updated": true,
            "access_token": status["access_token"], "refresh_token": status["refresh_token"],
        })
    );
    for name in ["access_token", "refresh_token"] {
        let token = status[name].as_str().expect("a token");
        assert_eq!(claims(token)["sid"], claims(&opened.access)["sid"]);
    }
    app.status(status["access_token"].as_str().expect("a token"))
        .expect(200);
    let head = Request::new("HEAD", "check-auth-status/").bearer(&opened.access);
    let head = app.send(head).expect(200);
    let length = head
        .header("content-length")
        .and_then(|it| it.parse::<usize>().ok());
    assert!(head.body.is_empty() && length.is_none_or(|it| it > 0));
    app.send(Request::new("HEAD", "check-auth-status"))
        .expect(401);
}

#[test]
fn the_status_tells_any_name_as_it_is() {
    let app = App::new().with_user("ana");
    let opened = Opened::by(&app, "ana");
    // Other services gave such names, and they were imported.
    let name = "a \"b\" \\ /\t\u{8}\u{202e} \u{1f600}";
    let change = format!("UPDATE users SET username = '{name}', email = '{name}@example.org'");
    app.database().change(&change);
    let status = app.status(&opened.access).expect(200).json();
    assert_eq!(status["username"], name);
    assert_eq!(status["email"], format!("{name}@example.org"));
}

#[test]
fn a_deactivated_user_is_out_at_once_and_stays_out() {
    let app = App::new().with_user("ana");
    let opened = Opened::by(&app, "ana");
    app.set_active("ana", false);
    assert_eq!(opened.statuses(&app), [401; 3]);
    assert_eq!(
        app.logout(&opened.access).expect(401).json()["code"],
        "user_inactive"
    );
    app.try_login("ana", PASSWORD).expect(401);
    app.post("token/", &json!({"username": "ana", "password": PASSWORD}))
        .expect(401);
    app.set_active("ana", true);
    assert_eq!(opened.statuses(&app), [401; 3]);
    app.login("ana");
}

#[test]
fn a_deleted_user_is_unknown_and_the_number_is_not_given_again() {
    let app = App::new().with_user("ana");
    let opened = Opened::by(&app, "ana");
    for table in ["sessions", "profiles", "users"] {
        app.database().change(&format!("DELETE FROM {table}"));
    }
    assert_eq!(
        app.logout(&opened.access).expect(401).json()["code"],
        "user_not_found"
    );
    app.add_user("eve");
    assert_eq!(opened.statuses(&app), [401; 3]);
}

#[test]
fn what_another_process_writes_counts_at_once() {
    let app = App::new().with_user("ana");
    let opened = Opened::by(&app, "ana");
    assert_eq!(opened.statuses(&app), [200; 3]);
    let other = Store::open(&app.place).expect("a second store");
    let sid = claims(&opened.access)["sid"]
        .as_str()
        .and_then(SessionId::parse);
    let actor = Actor {
        name: "cli:test".into(),
        address: None,
        user_agent: None,
    }
    .at(Timestamp(app.clock.now().0));
    let ended = app.wait(other.end_session(sid.expect("a sid"), "test", actor));
    assert!(ended.expect("an end"));
    assert_eq!(opened.statuses(&app), [401; 3]);
    other.close();
}

#[test]
fn sessions_outlive_a_restart() {
    let app = App::new().with_user("ana");
    let [kept, ended] = [Opened::by(&app, "ana"), Opened::by(&app, "ana")];
    app.logout(&ended.access).expect(200);
    let app = app.restart(|_| {});
    assert_eq!(kept.statuses(&app), [200; 3]);
    assert_eq!(ended.statuses(&app), [401; 3]);
}

#[test]
fn the_newest_fifty_sessions_live_even_if_all_open_in_one_second() {
    let app = App::new().with_user("ana").with_user("bob");
    let other = Opened::by(&app, "bob");
    let mut opened = Vec::new();
    for place in 0..60 {
        opened.push(Opened::by(&app, "ana"));
        assert_eq!(
            opened[place].statuses(&app),
            [200; 3],
            "the newest, {place}"
        );
    }
    let alive = opened
        .iter()
        .filter(|it| it.statuses(&app) == [200; 3])
        .count();
    assert_eq!(alive, 50);
    app.clock.advance(1);
    let newest = Opened::by(&app, "ana");
    assert_eq!(newest.statuses(&app), [200; 3]);
    assert_eq!(other.statuses(&app), [200; 3]);
}

#[test]
fn the_oldest_session_gives_way_first() {
    let app = App::new().with_user("ana");
    let opened: Vec<_> = (0..52)
        .map(|_| {
            app.clock.advance(1);
            Opened::by(&app, "ana")
        })
        .collect();
    let statuses: Vec<_> = opened
        .iter()
        .map(|it| app.status(&it.access).status)
        .collect();
    assert_eq!(statuses[..2], [401, 401]);
    assert!(statuses[2..].iter().all(|it| *it == 200));
}

#[test]
fn sessions_that_have_run_out_do_not_count_as_alive() {
    let app = App::new().with_user("ana");
    let body = json!({"email": "ana", "password": PASSWORD});
    let phone = Opened::of(&app.post("login/?app=mobile", &body).expect(200));
    for _ in 0..55 {
        app.clock.advance(DAY + 1);
        app.post("token/", &json!({"username": "ana", "password": PASSWORD}))
            .expect(200);
    }
    app.refresh(&phone.refresh).expect(200);
}
