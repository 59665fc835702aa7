//! The mailed link: once, within its hour, and for nobody else.

use serde_json::json;

use crate::app::{App, HOUR};
use crate::client::Request;
use crate::reset::{NEW, confirm, link, links, request};

#[test]
fn a_link_works_once() {
    let app = App::new().with_user("ana");
    let link = link(&app, "ana@example.org");
    confirm(&app, &link, NEW).expect(200);
    let again = confirm(&app, &link, "Y3t@Another").expect(401);
    assert_eq!(again.json(), json!({"error": "Unauthorized"}));
    app.try_login("ana", NEW).expect(200);
    let path = format!("verify-password-reset/{}/{}/", link.0, link.1);
    app.get(&path).expect(401);
}

#[test]
fn a_link_ends_after_an_hour() {
    let app = App::new().with_user("ana");
    let first = link(&app, "ana@example.org");
    app.clock.advance(61 * 60);
    confirm(&app, &first, NEW).expect(401);
    let second = link(&app, "ana@example.org");
    app.clock.advance(59 * 60);
    confirm(&app, &second, NEW).expect(200);
    let third = link(&app, "ana@example.org");
    app.clock.advance(HOUR);
    confirm(&app, &third, NEW).expect(401);
}

#[test]
fn a_newer_link_voids_the_older_one() {
    let app = App::new().with_user("ana").with_user("bob");
    let old = link(&app, "ana@example.org");
    let other = link(&app, "bob@example.org");
    let new = link(&app, "ana@example.org");
    confirm(&app, &old, NEW).expect(401);
    confirm(&app, &new, NEW).expect(200);
    confirm(&app, &other, NEW).expect(200);
}

#[test]
fn a_link_dies_with_the_right_to_log_in() {
    let app = App::new().with_user("ana");
    let link = link(&app, "ana@example.org");
    app.set_active("ana", false);
    confirm(&app, &link, NEW).expect(401);
}

#[test]
fn looking_at_a_link_changes_nothing() {
    let app = App::new().with_user("ana");
    let link = link(&app, "ana@example.org");
    let watcher = app.database();
    let version = || watcher.version();
    let before = version();
    let path = format!("verify-password-reset/{}/{}", link.0, link.1);
    for method in ["GET", "HEAD", "GET", "OPTIONS", "GET"] {
        let browser = Request::new(method, &path).header("Accept", "text/html, */*;q=0.8");
        app.send(browser).expect(200);
    }
    assert_eq!(version(), before);
    confirm(&app, &link, NEW).expect(200);
}

/// Tokens that `token` is not.
fn others(token: &str) -> Vec<String> {
    let first = token.chars().next().expect("a character");
    let mut others = vec![
        token[1..].to_owned(),
        token[..token.len() - 1].to_owned(),
        format!("{token}="),
        format!("{token}%20"),
        format!("%20{token}"),
        token.replace(first, "~"),
        token.to_uppercase(),
        "A".repeat(43),
        "A".repeat(5000),
    ];
    let plain = ["", "0", "null", "undefined", "%20", "%00", "%ff", "[]"];
    others.extend(plain.map(str::to_owned));
    others
}

#[test]
fn no_other_token_is_a_link() {
    let app = App::new().with_user("ana").with_user("bob");
    app.add_user("never-asked");
    let (uid, token) = link(&app, "ana@example.org");
    let (other, _) = link(&app, "bob@example.org");
    let refused = |uid: &str, token: &str| {
        let looked = app.get(&format!("verify-password-reset/{uid}/{token}/"));
        let used = confirm(&app, &(uid.to_owned(), token.to_owned()), NEW);
        for status in [looked.status, used.status] {
            assert!([400, 401, 404].contains(&status), "{uid}/{token}: {status}");
        }
    };
    for bad in others(&token) {
        refused(&uid, &bad);
        refused("Mw", &bad);
    }
    for bad in [&*other, "0", "1", "MQ==", "%ff", ""] {
        refused(bad, &token);
    }
    app.login("ana");
    confirm(&app, &(uid, token), NEW).expect(200);
}

#[test]
fn the_token_is_stored_nowhere() {
    let app = App::new().with_user("ana");
    request(&app, "ana@example.org");
    let look = |token: &str| {
        for name in ["auth.db", "auth.db-wal"] {
            let bytes = std::fs::read(app.path(name)).expect("a file");
            assert!(
                !bytes.windows(token.len()).any(|it| it == token.as_bytes()),
                "{name}"
            );
        }
    };
    let mail = app.mails().pop().expect("a mail");
    let link = &links(&mail)[0];
    let token = link
        .trim_end_matches('/')
        .rsplit('/')
        .next()
        .expect("a token");
    assert_eq!(token.len(), 43);
    look(token);
    look(&token[..20]);
}

#[test]
fn a_mail_that_is_late_carries_no_dead_link() {
    let app = App::new().with_user("ana");
    request(&app, "ana@example.org");
    app.clock.advance(2 * HOUR);
    assert_eq!(app.mails().len(), 0);
    assert_eq!(
        app.count("SELECT count(*) FROM outbox WHERE state = 'expired'"),
        1
    );
}

#[test]
fn a_mail_whose_link_was_replaced_before_it_left_is_not_sent() {
    let app = App::new().with_user("ana");
    request(&app, "ana@example.org");
    let newest = link(&app, "ana@example.org");
    assert_eq!(app.mails().len(), 1);
    confirm(&app, &newest, NEW).expect(200);
}
