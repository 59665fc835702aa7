//! The page that a reset link leads a browser to.

use serde_json::json;

use crate::app::{API, App, PASSWORD, web_url};
use crate::client::{self, Answer, Request};
use crate::reset::link;

const NEW: &str = "An0ther@Pass2";
/// What browsers send.
const BROWSER: &str = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8";

fn look(app: &App, (uid, token): &(String, String)) -> Answer {
    let path = format!("verify-password-reset/{uid}/{token}/");
    app.send(Request::new("GET", &path).header("Accept", BROWSER))
}

/// Fills in the form of a page as a browser does.
fn submit(app: &App, page: &str, password: &str) -> Answer {
    let action = attribute(page, "action");
    let field = attribute(page, "name=\"new");
    assert!(page.contains("name=\"newPassword\""), "{field} {page}");
    let body: String = form_urlencoded::Serializer::new(String::new())
        .append_pair("newPassword", password)
        .finish();
    let request = Request::new("POST", &action).header("Accept", BROWSER);
    app.send(request.body("application/x-www-form-urlencoded", body))
}

fn attribute(page: &str, name: &str) -> String {
    let after = page.split_once(name).map_or("", |(_, after)| after);
    let quoted = after.split('"').nth(1).unwrap_or_default();
    quoted.replace("&#x2f;", "/")
}

fn is_page(answer: &Answer) -> bool {
    let media_type = answer.header("content-type").unwrap_or_default();
    media_type.starts_with("text/html") && answer.text().contains("<!doctype html>")
}

#[test]
fn a_person_with_a_browser_gets_a_new_password() {
    let app = App::new().with_user("ana");
    let link = link(&app, "ana@example.org");
    let page = look(&app, &link).expect(200);
    assert!(is_page(&page));
    assert!(attribute(&page.text(), "action").starts_with(API));
    let refused = submit(&app, &page.text(), "short").expect(400);
    assert!(is_page(&refused) && refused.text().contains("too short"));
    let done = submit(&app, &refused.text(), NEW).expect(200);
    assert!(is_page(&done));
    app.try_login("ana", PASSWORD).expect(401);
    app.try_login("ana", NEW).expect(200);
    let again = submit(&app, &page.text(), NEW).expect(401);
    assert!(is_page(&again));
    assert!(is_page(&look(&app, &link).expect(401)));
}

/// What a browser sends when somebody asks for another link on a page.
fn page_request(page: &str, email: &str) -> Request {
    assert!(page.contains("name=\"email\""), "{page}");
    let action = attribute(page, "action");
    assert_eq!(action, format!("{API}request-reset/"));
    let body: String = form_urlencoded::Serializer::new(String::new())
        .append_pair("email", email)
        .finish();
    let request = Request::new("POST", &action).header("Accept", BROWSER);
    request.body("application/x-www-form-urlencoded", body)
}

fn ask_again(app: &App, page: &str, email: &str) -> Answer {
    app.send(page_request(page, email))
}

#[test]
fn the_page_of_a_link_that_does_not_work_has_another_one_sent() {
    let app = App::new().with_user("ana");
    let old = link(&app, "ana@example.org");
    let form = look(&app, &old).expect(200).text();
    submit(&app, &form, NEW).expect(200);
    let nobodys = ("eA".to_owned(), "x".to_owned());
    let unreadable = ("%FF".to_owned(), "%00".to_owned());
    let pages = [
        look(&app, &old),
        submit(&app, &form, NEW),
        look(&app, &nobodys),
        look(&app, &unreadable),
    ];
    let mut page = String::new();
    for answer in pages {
        let text = answer.expect(401).text();
        assert!(page.is_empty() || page == text, "{text}");
        page = text;
    }
    let refused = ask_again(&app, &page, "ana").expect(400);
    assert!(is_page(&refused) && refused.text().contains("Enter a valid email address."));
    let nobody = ask_again(&app, &refused.text(), "nobody@example.org").expect(200);
    let before = app.mails().len();
    let ana = ask_again(&app, &page, "ana@example.org").expect(200);
    assert!(
        is_page(&ana) && ana.text() == nobody.text(),
        "it tells nobody who has an account"
    );
    assert_eq!(app.mails().len(), before + 1);
    // A program gets what it always got.
    let asked = app.post("request-reset/", &json!({"email": "ana@example.org"}));
    assert_eq!(
        asked.expect(200).get("message"),
        "Password reset email sent"
    );
}

#[test]
fn whoever_asks_for_links_on_the_page_too_often_is_told_to_wait() {
    let app = App::throttled();
    let page = look(&app, &("eA".to_owned(), "x".to_owned()))
        .expect(401)
        .text();
    let ask = page_request(&page, "x@example.org");
    // Together: each answer takes a while, in which the limit forgets some.
    let is_told = std::thread::scope(|scope| {
        let ask = || (0..40).any(|_| client::send(app.address, &ask).status == 429);
        let asking: Vec<_> = (0..8).map(|_| scope.spawn(ask)).collect();
        asking.into_iter().any(|it| it.join().expect("answers"))
    });
    assert!(is_told);
}

#[test]
fn a_form_that_breaks_a_rule_gets_the_page_again() {
    let app = App::new().with_user("ana");
    let link = link(&app, "ana@example.org");
    let page = look(&app, &link).expect(200).text();
    let long = "x".repeat(129);
    for (password, reason) in [
        ("", "blank"),
        (long.as_str(), "128"),
        ("a\0bcdefgh", "Null"),
    ] {
        let refused = submit(&app, &page, password).expect(400);
        let text = refused.text();
        assert!(is_page(&refused) && text.contains(reason), "{text}");
        assert!(text.contains("newPassword"), "{text}");
    }
    let garbled = Request::new("POST", &attribute(&page, "action")).header("Accept", BROWSER);
    let refused = app
        .send(garbled.body("multipart/form-data", "x"))
        .expect(400);
    assert!(is_page(&refused));
    submit(&app, &page, NEW).expect(200);
}

#[test]
fn the_page_lets_nothing_in_from_outside() {
    let app = App::new().with_user("ana");
    let link = link(&app, "ana@example.org");
    let page = look(&app, &link).expect(200);
    let policy = page.header("content-security-policy").expect("a policy");
    assert!(policy.contains("default-src 'none'") && policy.contains("frame-ancestors 'none'"));
    assert_eq!(page.header("referrer-policy"), Some("no-referrer"));
    assert_eq!(page.header("cache-control"), Some("no-store"));
    for inside in ["style-src 'sha256-", "script-src 'sha256-"] {
        assert!(policy.contains(inside), "{policy}");
    }
    assert!(!policy.contains("unsafe"), "{policy}");
    assert!(!page.text().contains(" src=") && !page.text().contains("http://"));
}

#[test]
fn a_program_gets_json_of_a_bad_link() {
    let app = App::new();
    let answer = app.get("verify-password-reset/MQ/x/").expect(401);
    assert_eq!(answer.get("error"), "Unauthorized");
    let hostile = "verify-password-reset/%22%3E%3Cscript%3E/%3Cscript%3E/";
    let form = Request::new("POST", &hostile.replace("verify", "update"));
    let form = form.body("application/x-www-form-urlencoded", "newPassword=");
    let page = app.send(form.header("Accept", BROWSER)).expect(401);
    assert!(is_page(&page) && !page.text().contains("<script>"));
    let page = app
        .send(Request::new("GET", hostile).header("Accept", BROWSER))
        .expect(401);
    assert!(!page.text().contains("<script>"));
}

#[test]
fn with_a_front_end_the_link_leads_there() {
    let front_end = "https://minisass.example";
    let app = App::with(|setup| setup.deployment.frontend_url = Some(web_url(front_end)));
    let app = app.with_user("ana");
    let link = link(&app, "ana@example.org");
    let (uid, token) = &link;
    for accept in [BROWSER, "*/*"] {
        let path = format!("verify-password-reset/{uid}/{token}");
        let answer = app
            .send(Request::new("GET", &path).header("Accept", accept))
            .expect(302);
        let to = format!("{front_end}/?uid={uid}&token={token}");
        assert_eq!(answer.header("location"), Some(&*to));
    }
    let bad = look(&app, &(uid.clone(), "x".to_owned()));
    assert!(bad.expect(401).header("location").is_none());
}

#[test]
fn the_page_says_whose_account_it_is_and_not_the_whole_address() {
    let app = App::new();
    let registered = json!({
        "username": "free-money", "email": "victim@example.org", "password": PASSWORD,
        "organizationType": "NGO", "organizationName": "x", "country": "ZA",
    });
    app.post("register/", &registered).expect(201);
    let first = link(&app, "victim@example.org");
    let page = look(&app, &first).expect(200).text();
    assert!(page.contains("v…@example.org"), "{page}");
    assert!(!page.contains("victim@"), "{page}");
    // A stranger chose the name, maybe to say something to whoever has the address.
    assert!(!page.contains("free-money"), "{page}");
    let refused = submit(&app, &page, "short").expect(400).text();
    assert!(refused.contains("v…@example.org"), "{refused}");
    let done = submit(&app, &refused, NEW).expect(200).text();
    assert!(done.contains("v…@example.org"), "{done}");
    // Whoever has the address has used the account by now.
    let second = link(&app, "victim@example.org");
    let page = look(&app, &second).expect(200).text();
    assert!(page.contains("<bdi>free-money</bdi>"), "{page}");
    let gone = look(&app, &first).expect(401).text();
    assert!(!gone.contains("example.org"), "{gone}");
}

#[test]
fn whoever_is_done_is_led_on() {
    let front = "https://minisass.example";
    for (front, docs, way_on) in [
        (None, true, Some("/sub/")),
        (None, false, None),
        (Some(front), false, Some(front)),
    ] {
        let app = App::with(|setup| {
            setup.deployment.public_url = web_url("https://www.example.org/sub");
            setup.deployment.frontend_url = front.map(web_url);
            setup.deployment.docs = docs;
        });
        let app = app.with_user("ana");
        let (uid, token) = link(&app, "ana@example.org");
        let path = format!("update-password-reset/{uid}/{token}/");
        let form = format!("newPassword={NEW}");
        for status in [200, 401] {
            let post = Request::new("POST", &path).header("Accept", BROWSER);
            let page = app.send(post.body("application/x-www-form-urlencoded", form.clone()));
            let page = page.expect(status).text().replace("&#x2f;", "/");
            let shown = page
                .contains("Go on to miniSASS")
                .then(|| attribute(&page, "<a href"));
            assert_eq!(shown.as_deref(), way_on, "{page}");
        }
    }
}
