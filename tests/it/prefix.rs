//! Below a path that a proxy cuts off before it asks us: what browsers get has the path in it.

use serde_json::json;

use crate::app::{App, PASSWORD, web_url};
use crate::client::{Answer, Request};
use crate::reset::links;

const BASE: &str = "http://auth.test/id/minisass";
const PREFIX: &str = "/id/minisass";

fn below() -> App {
    let app = App::with(|setup| {
        setup.deployment.public_url = web_url(BASE);
        setup.rules.public_url = BASE.to_owned();
    });
    app.with_user("ana")
}

/// As a browser, through the proxy.
fn browse(app: &App, method: &str, address: &str, form: &str) -> Answer {
    let path = address.strip_prefix(BASE).or(address.strip_prefix(PREFIX));
    let path = path.unwrap_or_else(|| panic!("{address} is not below {PREFIX}"));
    let request = Request::new(method, path).header("Accept", "text/html");
    app.send(match method {
        "POST" => request.body("application/x-www-form-urlencoded", form),
        _ => request,
    })
}

/// Where the form of a page is sent.
fn action(page: &Answer) -> String {
    let text = page.text().replace("&#x2f;", "/");
    let after = text.split_once("action=\"").expect("a form").1;
    after.split('"').next().expect("an address").to_owned()
}

/// The link of the newest mail.
fn newest_link(app: &App) -> String {
    links(&app.mails().pop().expect("a mail")).remove(0)
}

#[test]
fn a_form_is_sent_to_where_its_page_is() {
    let app = below();
    app.post("register/", &crate::register::form("bob"))
        .expect(201);
    let page = browse(&app, "GET", &newest_link(&app), "").expect(200);
    let done = browse(&app, "POST", &action(&page), "").expect(200).text();
    assert!(done.contains("Account confirmed"), "{done}");

    app.post("request-reset/", &json!({"email": "ana@example.org"}))
        .expect(200);
    let page = browse(&app, "GET", &newest_link(&app), "").expect(200);
    let again = browse(&app, "POST", &action(&page), "newPassword=short").expect(400);
    let done = browse(&app, "POST", &action(&again), "newPassword=An0ther%40Pass2");
    assert!(done.expect(200).text().contains("Password changed"));

    let access = app
        .try_login("ana", "An0ther@Pass2")
        .expect(200)
        .get("access_token");
    let change = json!({"email": "new@example.org", "name": "A", "surname": "B", "upload_preference": "wifi"});
    let change = Request::new("POST", "user/update/")
        .bearer(&access)
        .json(&change);
    app.send(change).expect(200);
    let mails = app.mails();
    let mail = mails.iter().find(|it| it.contains("To: new@example.org"));
    let link = links(mail.expect("a mail")).remove(0);
    let page = browse(&app, "GET", &link, "").expect(200);
    let done = browse(&app, "POST", &action(&page), "").expect(200).text();
    assert!(done.contains("Address changed"), "{done}");
}

#[test]
fn the_cookie_the_document_and_swagger_have_the_path() {
    let app = below();
    let login = app.try_login("ana", PASSWORD).expect(200);
    let cookie = login.header("set-cookie").expect("a cookie");
    assert!(cookie.contains("; Path=/id/minisass;"), "{cookie}");
    let logout = Request::new("POST", "logout/").bearer(&login.get("access_token"));
    let cleared = app.send(logout).expect(200);
    let cleared = cleared.header("set-cookie").expect("a cookie");
    assert!(cleared.contains("; Path=/id/minisass;"), "{cleared}");

    let document = app.get("/openapi.json").expect(200).json();
    assert_eq!(document["servers"], json!([{"url": PREFIX}]));
    for coding in ["identity", "gzip"] {
        let request = Request::new("GET", "/docs/").header("Accept-Encoding", coding);
        app.send(request).expect(200);
    }
    let swagger = app.get("/docs/").expect(200).text();
    assert!(swagger.contains("\"url\":\"/id/minisass\""));
}
