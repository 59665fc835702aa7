//! A year of days with the same work on each: nothing grows for ever.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::time::Duration;

use minisass_auth::domain::Email;
use serde_json::{Value, json};

use crate::app::{App, DAY, HOUR, PASSWORD, operator};
use crate::client::{Answer, Request};

const DAYS: i64 = 365;
/// Until then what stays longest is there: mobile sessions, 90 days and 30 after their end.
const HALF: i64 = DAYS / 2;

/// How much there is: rows by table, pages of the database, files of mails.
type Sizes = BTreeMap<String, i64>;

struct Service {
    app: App,
    clients: u32,
}

impl Service {
    fn new() -> Self {
        let app = App::with(|setup| {
            setup.rules.throttle = true;
            // By default it is a year, so that nothing would go in this test.
            setup.rules.audit_keep = Some(Duration::from_secs(90 * 86_400));
            setup.rules.contact_to = Email::parse("team@example.org").ok();
            setup.deployment.trusted_proxies = vec!["127.0.0.1/32".parse().expect("a network")];
        });
        let app = app.with_user("ada");
        Self { app, clients: 0 }
    }

    /// Each request comes from an address of its own: the limits of one client follow the wall clock.
    fn post(&mut self, path: &str, body: &Value, access: Option<&str>) -> Answer {
        self.clients += 1;
        let client = Ipv4Addr::from(0x0a00_0000 + self.clients);
        let request = Request::new("POST", path).json(body);
        let request = request.header("X-Forwarded-For", &client.to_string());
        self.app.send(match access {
            Some(access) => request.bearer(access),
            None => request,
        })
    }

    fn try_login(&mut self, path: &str, name: &str, password: &str) -> Answer {
        let body = json!({ "email": name, "username": name, "password": password });
        self.post(path, &body, None)
    }

    /// Logins of each kind, and all that goes wrong.
    fn morning(&mut self, day: i64, password: &str) -> String {
        self.try_login("login/", "ada", "wrong").expect(401);
        for path in ["login/", "login/?app=mobile", "token/"] {
            self.try_login(path, "ada", password).expect(200);
        }
        let nobody = format!("nobody{day}@example.org");
        self.try_login("login/", &nobody, "wrong").expect(401);
        for email in ["ada@example.org", nobody.as_str()] {
            let body = json!({ "email": email });
            self.post("request-reset/", &body, None).expect(200);
        }
        let message = json!({
            "name": "A", "email": "a@example.org", "phone": "1", "message": format!("Day {day}"),
        });
        self.post("contact-us", &message, None).expect(200);
        let session = self.try_login("login/", "ada", password).expect(200);
        let refresh = json!({ "refresh": session.get("refresh_token") });
        self.post("token/refresh/", &refresh, None).expect(200);
        session.get("access_token")
    }

    /// Once a week somebody comes and goes, and a password is changed.
    fn week(&mut self, day: i64, access: &str, old: &str) -> String {
        let user = self.app.add_user(&format!("guest{day}"));
        self.deliver();
        let caller = operator();
        let gone = self.app.operator.delete_user(user.id, &caller);
        assert!(self.app.wait(gone).expect("a deletion"));
        let new = format!("Umgeni@River{day}");
        let change = json!({ "old_password": old, "password": new, "confirm_password": new });
        let path = "user/password/update/";
        self.post(path, &change, Some(access)).expect(200);
        new
    }

    /// What the server does by itself.
    fn deliver(&self) {
        let sent = self.app.wait(self.app.operator.deliver_due());
        sent.expect("an outbox");
    }

    fn purge(&self) {
        let operator = &self.app.operator;
        while !self
            .app
            .wait(operator.purge_some(self.app.clock.now()))
            .expect("a purge")
        {}
        let removed = self
            .app
            .wait(operator.remove_stray_mails(self.app.clock.now()));
        removed.expect("a look at the outbox");
    }

    fn sizes(&self) -> Sizes {
        let database = self.app.database();
        let all = "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite%'";
        let count = |table: String| {
            let rows = database.get(&format!("SELECT count(*) FROM {table}"));
            (table, rows)
        };
        let mut sizes: Sizes = database.rows(all).into_iter().map(count).collect();
        let pages = database.get("SELECT page_count FROM pragma_page_count");
        let files = std::fs::read_dir(self.app.path("outbox")).map_or(0, Iterator::count);
        let log = self.app.path("auth.db-wal").metadata();
        let log = log.map_or(0, |it| it.len() / 4096);
        sizes.insert("(pages)".to_owned(), pages);
        sizes.insert(
            "(pages in the log)".to_owned(),
            log.try_into().expect("a number"),
        );
        sizes.insert("(mails)".to_owned(), files.try_into().expect("a number"));
        sizes
    }
}

fn most(sizes: &mut Sizes, now: Sizes) {
    for (what, many) in now {
        let most = sizes.entry(what).or_default();
        *most = many.max(*most);
    }
}

#[test]
fn in_the_second_half_of_a_year_there_is_no_more_than_in_the_first() {
    let mut service = Service::new();
    let mut password = PASSWORD.to_owned();
    let (mut first, mut second) = (Sizes::new(), Sizes::new());
    for day in 0..DAYS {
        let access = service.morning(day, &password);
        service.deliver();
        service.app.clock.advance(HOUR / 2);
        if day % 7 == 0 {
            password = service.week(day, &access, &password);
        }
        service
            .post("logout/", &json!({}), Some(&access))
            .expect(200);
        service.deliver();
        service.app.clock.advance(DAY - HOUR / 2);
        service.purge();
        let half = if day < HALF { &mut first } else { &mut second };
        most(half, service.sizes());
    }
    // It was a year of work.
    for (what, least) in [
        ("sessions", 250),
        ("audit", 500),
        ("outbox", 60),
        ("links", 30),
        ("login_attempts", 30),
        ("password_history", 24),
        ("(mails)", 60),
        ("(pages)", 60),
        ("(pages in the log)", 60),
    ] {
        assert!(first[what] >= least, "{what}: {first:?}");
    }
    for (what, many) in &second {
        let limit = first[what] + first[what] / 20 + 2;
        assert!(*many <= limit, "{what}: {many} after {}", first[what]);
    }
}
