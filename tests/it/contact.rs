//! The contact form.

use serde_json::{Value, json};

use crate::app::App;
use crate::server::Site;

fn desk() -> App {
    App::with(|setup| {
        let desk = minisass_auth::domain::Email::parse("desk@example.org");
        setup.rules.contact_to = Some(desk.expect("an address"));
    })
}

#[test]
fn the_contact_form_reaches_its_reader_and_carries_no_markup() {
    let app = desk();
    let message = json!({
        "name": "Eve\r\nBcc: all@example.org", "email": "eve@example.org", "phone": "",
        "message": "<script>alert(1)</script>\nHello",
    });
    app.post("contact-us", &message).expect(200);
    let mail = app.mails().pop().expect("a mail");
    let (head, body) = mail.split_once("\r\n\r\n").expect("a head");
    assert!(head.contains("To: desk@example.org"), "{head}");
    assert!(head.contains("Reply-To: eve@example.org"), "{head}");
    assert!(!head.contains("\nBcc"), "{head}");
    assert!(body.contains("&lt;script&gt;"), "{body}");
    app.post("contact-us", &json!({"name": "Eve"})).expect(400);
}

#[test]
fn a_message_that_nobody_would_read_is_refused() {
    let app = App::new();
    let message = json!({"name": "Eve", "email": "eve@example.org", "message": "Hello"});
    let refused = app.post("contact-us", &message).expect(404);
    assert!(
        refused.get("error").contains("nobody"),
        "{}",
        refused.text()
    );
    assert_eq!(app.count("SELECT count(*) FROM outbox"), 0);
    // What is wrong with the fields is said first, as everywhere.
    app.post("contact-us", &json!({"name": "Eve"})).expect(400);
}

#[test]
fn doctor_says_that_nobody_reads_the_contact_form() {
    let site = Site::with_database();
    let found = |more: &[&str]| {
        let doctor = ["doctor", "--format", "json"];
        // Other checks may fail: a PostgreSQL of tests does not wait for its disk.
        let out = site.run(&[&doctor[..], more].concat()).out;
        let findings: Vec<Value> = serde_json::from_str(&out).expect("findings");
        findings
            .into_iter()
            .find(|it| it["check"] == "contact_to")
            .expect("one")
    };
    let warning = found(&[]);
    assert_eq!(warning["state"], "warning");
    assert!(warning["advice"].to_string().contains("contact_to"));
    let read = found(&["--contact-to", "desk@example.org"]);
    assert_eq!(read["state"], "ok");
    assert!(read["finding"].to_string().contains("desk@example.org"));
}
