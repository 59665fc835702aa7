//! The pages of the endpoints, in a real browser, as a developer uses them.

use super::browser::{Browser, Story};
use super::browser_pages::mailed_link;
use crate::server::{PASSWORD, Server, Site};

const API: &str = "/authentication/api/";

fn page(server: &Server, path: &str) -> String {
    format!("http://{}{API}{path}", server.address())
}

fn field(name: &str) -> String {
    format!("[name=\"POST.{name}\"]")
}

const SEND: &str = "button[value=POST]";

fn registers<'a>(story: Story<'a>, server: &Server) -> Story<'a> {
    let typed = [
        ("username", "ada"),
        ("email", "ada@example.org"),
        ("password", PASSWORD),
        ("first_name", "Ada"),
        ("last_name", "L"),
        ("organizationType", "NGO"),
        ("organizationName", "Kartoza"),
        ("country", "ZA"),
    ];
    let story = story.open(&page(server, "register/"));
    let fill = |story: Story<'a>, (name, text): (&str, &str)| story.fill(&field(name), text);
    typed
        .into_iter()
        .fold(story, fill)
        .click(SEND)
        .see("201 Created")
}

fn logs_in<'a>(story: Story<'a>, server: &Server, password: &str) -> Story<'a> {
    story
        .open(&page(server, "login/"))
        .see("405 Method Not Allowed")
        .fill(&field("email"), "ada@example.org")
        .fill(&field("password"), password)
        .click(SEND)
        .see("200 OK")
}

#[test]
fn a_developer_registers_logs_in_looks_and_logs_out_on_the_pages() {
    let Some(browser) = Browser::find() else {
        return;
    };
    let site = Site::new();
    let server = site.start(&[]);
    let story = browser.story(&[server.address()]);
    let story = logs_in(registers(story, &server), &server, PASSWORD);
    let seen = story
        .look("page-login")
        // The token has stayed.
        .open(&page(&server, "check-auth-status/"))
        .click("button[value=GET]")
        .see("\"ada@example.org\"")
        .open(&page(&server, "logout/"))
        .click(SEND)
        .see("Logout successful")
        .open(&page(&server, "check-auth-status/"))
        .click("button[value=GET]")
        .see("401 Unauthorized")
        .open(&page(&server, "request-reset/"))
        .fill(&field("email"), "ada@example.org")
        .click(SEND)
        .see("200 OK")
        .play();
    seen.assert_clean_but_for_statuses();
    let link = mailed_link(&site, "password-reset");
    assert!(link.contains(API), "{link}");
}

#[test]
fn without_scripts_the_token_goes_from_page_to_page_by_buttons() {
    let Some(browser) = Browser::find() else {
        return;
    };
    let site = Site::new();
    site.add_user("ada", &[]);
    let server = site.start(&[]);
    let story = browser.story(&[server.address()]).without_scripts();
    let seen = logs_in(story, &server, PASSWORD)
        .click("text=List Sessions")
        .see("\"is_current\"")
        .click("text=User Logout")
        .click(SEND)
        .see("Logout successful")
        .click("text=List Sessions")
        .see("401 Unauthorized")
        .play();
    seen.assert_clean_but_for_statuses();
}

#[test]
fn without_scripts_somebody_registers_and_lives_through_all_of_it_by_forms() {
    let Some(browser) = Browser::find() else {
        return;
    };
    let site = Site::new();
    let server = site.start(&[]);
    let story = browser.story(&[server.address()]).without_scripts();
    let seen = logs_in(registers(story, &server), &server, PASSWORD)
        .read("#token-help")
        .click("text=Check Authentication Status")
        .see("\"ada@example.org\"")
        .click("text=User Logout")
        .click(SEND)
        .see("Logout successful")
        .open(&page(&server, "token/"))
        .fill(&field("username"), "ada")
        .fill(&field("password"), PASSWORD)
        .click(SEND)
        .see("200 OK")
        .open(&page(&server, "request-reset/"))
        .fill(&field("email"), "ada@example.org")
        .click(SEND)
        .see("Password reset email sent")
        .play();
    seen.assert_clean_but_for_statuses();

    let refresh = server.login("ada@example.org").text("refresh_token");
    let new = "An0ther@Pass2";
    let story = browser.story(&[server.address()]).without_scripts();
    let story = story
        .open(&page(&server, "token/refresh/"))
        .fill(&field("refresh"), &refresh)
        .click(SEND)
        .see("200 OK")
        .see("\"access_token\"")
        .open(&mailed_link(&site, "password-reset"))
        .fill("[name=newPassword]", new)
        .click("button")
        .see("Password changed");
    let seen = logs_in(story, &server, new).play();
    seen.assert_clean_but_for_statuses();
}

#[test]
fn the_pages_are_looked_at_wide_and_narrow_light_and_dark() {
    let Some(browser) = Browser::find() else {
        return;
    };
    let site = Site::new();
    site.add_user("ada", &[]);
    let server = site.start(&[]);
    let home = format!("http://{}/", server.address());
    let ask = serde_json::json!({"email": "ada@example.org"});
    assert_eq!(server.post("request-reset", &ask).status, 200);
    let reset = mailed_link(&site, "password-reset");
    for (width, dark) in [(1280, false), (1280, true), (390, false), (390, true)] {
        let story = browser.story(&[server.address()]).on_width(width);
        let story = if dark { story.in_the_dark() } else { story };
        let name = |page: &str| format!("{page}-{width}-{}", if dark { "dark" } else { "light" });
        let story = story
            .open(&home)
            .see("The service is well.")
            .look(&name("front"))
            .open(&page(&server, "user/update/"))
            .see("Update User")
            .look(&name("endpoint"))
            .open(&format!("{home}nowhere"))
            .see("There is nothing")
            .look(&name("not-found"))
            .open(&reset)
            .see("Choose a new password")
            .look(&name("reset"))
            .open(&page(&server, "verify-password-reset/eA/x/"))
            .see("This link does not work")
            .fill("[name=email]", "ada@example")
            .click("button")
            .see("Enter a valid email address.")
            .look(&name("reset-again"))
            .open(&format!("{home}docs/"))
            .see("User Login")
            .glance(&name("swagger"))
            .open(&format!("{home}docs/reference/"))
            .see("User Login")
            .glance(&name("reference"));
        let seen = logs_in(story, &server, PASSWORD)
            .look(&name("login"))
            .play();
        seen.assert_clean_but_for_statuses();
    }
}

/// The guides show them, in fewer colours: `docs/login-page.png`, `docs/reset-page.png`.
#[test]
fn the_pictures_of_the_guides_are_of_the_pages_of_today_and_small() {
    let Some(browser) = Browser::find() else {
        return;
    };
    let site = Site::new();
    site.add_user("ada", &[]);
    let server = site.start(&[]);
    let story = browser.story(&[server.address()]).on_width(1280);
    let seen = story
        .open(&page(&server, "login/"))
        .fill(&field("email"), "ada@example.org")
        .fill(&field("password"), PASSWORD)
        .press("Control+Home")
        .glance("login-page")
        .click(SEND)
        .see("200 OK")
        .play();
    seen.assert_clean_but_for_statuses();
    let ask = serde_json::json!({"email": "ada@example.org"});
    assert_eq!(server.post("request-reset", &ask).status, 200);
    let story = browser.story(&[server.address()]).on_width(480);
    let seen = story
        .open(&mailed_link(&site, "password-reset"))
        .see("Show password")
        .look_at("body", "reset-page")
        .play();
    seen.assert_clean();
    for name in ["login-page", "reset-page"] {
        let shown = format!("{}/docs/{name}.png", env!("CARGO_MANIFEST_DIR"));
        assert!(std::fs::metadata(shown).expect("the picture").len() < 40_000);
    }
}
