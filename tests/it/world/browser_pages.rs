//! What people see of this program in a browser: the pages of mailed links, and the documentation.

use serde_json::json;

use super::browser::Browser;
use super::front_end::FrontEnd;
use crate::server::{PASSWORD, Server, Site, until};

/// What a link is followed by in a mail of this kind, which is a file.
pub fn mailed_link(site: &Site, kind: &str) -> String {
    let mail = until("a mail", || {
        let files = std::fs::read_dir(site.data().join("outbox")).ok()?;
        let mut mails = files.filter_map(|it| Some(it.ok()?.path()));
        let path = mails.find(|it| it.to_string_lossy().ends_with(&format!("-{kind}.eml")))?;
        std::fs::read_to_string(path).ok()
    });
    let mail = mail.replace("=\r\n", "");
    let mut words = mail.split_whitespace();
    let link = words.find(|it| it.starts_with("http") && it.contains("/authentication/api/"));
    link.expect("a link").to_owned()
}

fn try_login(server: &Server, password: &str) -> u16 {
    let who = json!({"email": "ada@example.org", "password": password});
    server.post("login", &who).status
}

#[test]
fn a_newcomer_confirms_the_account_with_the_button_of_the_mailed_page() {
    let Some(browser) = Browser::find() else {
        return;
    };
    let site = Site::new();
    let server = site.start(&["--require-verified-email", "true"]);
    assert_eq!(server.register("ada"), 201);
    assert_eq!(try_login(&server, PASSWORD), 401);
    let link = mailed_link(&site, "activation");
    let seen = browser
        .story(&[server.address()])
        .open(&link)
        .look("activate")
        .click("text=Confirm my account")
        .see("Account confirmed")
        .look("activated")
        .play();
    seen.assert_clean();
    assert_eq!(try_login(&server, PASSWORD), 200);
}

#[test]
fn a_forgotten_password_is_replaced_on_the_page_after_a_refused_one() {
    let Some(browser) = Browser::find() else {
        return;
    };
    let site = Site::new();
    site.add_user("ada", &[]);
    let server = site.start(&[]);
    let ask = json!({"email": "ada@example.org"});
    assert_eq!(server.post("request-reset", &ask).status, 200);
    let link = mailed_link(&site, "password-reset");
    let seen = browser
        .story(&[server.address()])
        .on_width(400)
        .in_the_dark()
        .open(&link)
        .look("reset")
        .see("a…@example.org")
        // Long enough for the field's own rule, so that the server has to refuse it.
        .fill("[name=newPassword]", "password123")
        .press("Enter")
        .see("common")
        // Beside its field, which has the focus.
        .find("label + #refusal + [name=newPassword][aria-invalid=true]:focus")
        .look("reset-refused")
        .fill("[name=newPassword]", "An0ther@Pass2")
        .click("text=Set the password")
        .see("Password changed")
        .look("reset-done")
        .click("text=Go on to miniSASS")
        .see("The service is well.")
        .play();
    seen.assert_clean_but_for_statuses();
    assert_eq!(try_login(&server, PASSWORD), 401);
    assert_eq!(try_login(&server, "An0ther@Pass2"), 200);
}

#[test]
fn whoever_types_a_new_password_shows_and_hides_it_by_keyboard() {
    let Some(browser) = Browser::find() else {
        return;
    };
    let site = Site::new();
    site.add_user("ada", &[]);
    let server = site.start(&[]);
    let ask = json!({"email": "ada@example.org"});
    assert_eq!(server.post("request-reset", &ask).status, 200);
    let seen = browser
        .story(&[server.address()])
        .open(&mailed_link(&site, "password-reset"))
        .fill("[name=newPassword]:focus", "An0ther@Pass2")
        .press("Tab")
        .find("text=Show password >> css=:scope[aria-controls=new-password]:focus")
        .press("Enter")
        .find("#new-password[type=text]")
        .read("[role=status]")
        .press("Space")
        .find("#new-password[type=password]")
        .read("[role=status]")
        .click("text=Show password")
        .find("#new-password[type=text]")
        .look("reset-shown")
        .click("text=Set the password")
        .see("Password changed")
        .play();
    seen.assert_clean();
    assert_eq!(
        seen.read(),
        ["The password is shown.", "The password is hidden."]
    );
    assert_eq!(try_login(&server, "An0ther@Pass2"), 200);
}

#[test]
fn the_pages_of_mailed_links_need_no_scripts() {
    let Some(browser) = Browser::find() else {
        return;
    };
    let site = Site::new();
    let server = site.start(&[]);
    assert_eq!(server.register("ada"), 201);
    let ask = json!({"email": "ada@example.org"});
    assert_eq!(server.post("request-reset", &ask).status, 200);
    let seen = browser
        .story(&[server.address()])
        .without_scripts()
        .open(&mailed_link(&site, "activation"))
        .click("button")
        .see("Account confirmed")
        .open(&mailed_link(&site, "password-reset"))
        // No button that would do nothing.
        .read("form")
        .fill("[name=newPassword]", "An0ther@Pass2")
        .click("button")
        .see("Password changed")
        .play();
    seen.assert_clean();
    assert!(!seen.read()[0].contains("Show"), "{:?}", seen.read());
    assert_eq!(try_login(&server, "An0ther@Pass2"), 200);
}

#[test]
fn a_reset_link_leads_to_the_front_end() {
    let Some(browser) = Browser::find() else {
        return;
    };
    let front_end = FrontEnd::start();
    let site = Site::new();
    site.add_user("ada", &[]);
    let server = site.start(&["--frontend-url", &front_end.url()]);
    let ask = json!({"email": "ada@example.org"});
    assert_eq!(server.post("request-reset", &ask).status, 200);
    let seen = browser
        .story(&[server.address(), &front_end.host()])
        .open(&mailed_link(&site, "password-reset"))
        .arrive(&format!("{}/?uid=", front_end.url()))
        .see(FrontEnd::WELCOME)
        .play();
    seen.assert_clean();
}

#[test]
fn the_documentation_opens_without_a_complaint_and_asks_nobody_else() {
    let Some(browser) = Browser::find() else {
        return;
    };
    let site = Site::new();
    let server = site.start(&[]);
    let seen = browser
        .story(&[server.address()])
        .open(&format!("http://{}/docs/", server.address()))
        .see("User Login")
        .look("docs")
        .reload()
        .see("User Login")
        .play();
    seen.assert_clean();
}

#[test]
fn somebody_logs_in_from_the_documentation() {
    let Some(browser) = Browser::find() else {
        return;
    };
    let site = Site::new();
    site.add_user("ada", &[]);
    let server = site.start(&[]);
    let login = json!({"email": "ada@example.org", "password": PASSWORD});
    let seen = browser
        .story(&[server.address()])
        .open(&format!("http://{}/docs/", server.address()))
        .click(".opblock-post >> text=/^User Login$/")
        .fill("textarea.body-param__text", &login.to_string())
        .click("button.execute")
        .read(".live-responses-table tbody .response-col_status")
        .look("docs-login")
        .play();
    seen.assert_clean();
    assert!(seen.read()[0].starts_with("200"), "{:?}", seen.read());
    let cookie = seen.cookie("minisass_session").expect("a session");
    assert_eq!(cookie["httpOnly"], true, "{cookie}");
}

#[test]
fn whoever_logs_in_above_the_documentation_tries_it_with_the_token_also_after_a_reload() {
    let Some(browser) = Browser::find() else {
        return;
    };
    let site = Site::new();
    site.add_user("ada", &[]);
    let server = site.start(&[]);
    let seen = browser
        .story(&[server.address()])
        .in_the_dark()
        .open(&format!("http://{}/docs/", server.address()))
        .fill("[name=email]", "ada")
        .fill("[name=password]", PASSWORD)
        .click("#log-in button")
        .see("Logged in as ada")
        .look("docs-dark")
        .reload()
        .click(".opblock-get >> text=/^List Sessions$/")
        .click("button.execute")
        .read(".live-responses-table tbody .response-col_status")
        .play();
    seen.assert_clean();
    assert!(seen.read()[0].starts_with("200"), "{:?}", seen.read());
}

#[test]
fn the_reference_is_read_without_a_complaint() {
    let Some(browser) = Browser::find() else {
        return;
    };
    let site = Site::new();
    let server = site.start(&[]);
    let seen = browser
        .story(&[server.address()])
        .open(&format!("http://{}/docs/reference/", server.address()))
        .see("User Login")
        .look("reference")
        .play();
    seen.assert_clean();
}
