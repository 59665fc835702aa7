//! The pages of the endpoints, in a real browser, as a developer uses them.

use super::browser::{Browser, Seen, Story};
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

/// A status of 400 or more is told on the console by the browser itself.
#[track_caller]
fn assert_clean(seen: &Seen) {
    assert_eq!(seen.failed(), None, "{}\n{}", seen.url(), seen.text());
    let complaints = seen.complaints();
    let ours = complaints
        .iter()
        .filter(|it| !it.contains("the server responded with a status"));
    assert_eq!(ours.count(), 0, "{complaints:?}");
    assert!(seen.violations().is_empty(), "{:?}", seen.violations());
    assert!(seen.foreign().is_empty(), "{:?}", seen.foreign());
}

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
    assert_clean(&seen);
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
    assert_clean(&seen);
}

#[test]
fn the_pages_are_looked_at_wide_and_narrow_light_and_dark() {
    let Some(browser) = Browser::find() else {
        return;
    };
    let site = Site::new();
    let server = site.start(&[]);
    let home = format!("http://{}/", server.address());
    for (width, dark) in [(1280, false), (1280, true), (390, false), (390, true)] {
        let story = browser.story(&[server.address()]).on_width(width);
        let story = if dark { story.in_the_dark() } else { story };
        let name = |page: &str| format!("{page}-{width}-{}", if dark { "dark" } else { "light" });
        let seen = story
            .open(&home)
            .see("The service is well.")
            .look(&name("front"))
            .open(&page(&server, "user/update/"))
            .see("Update User")
            .look(&name("endpoint"))
            .open(&format!("{home}nowhere"))
            .see("There is nothing")
            .look(&name("not-found"))
            .play();
        assert_clean(&seen);
    }
}

/// The README shows it, in fewer colours: `docs/login-page.png`.
#[test]
fn the_page_of_the_readme_is_that_of_a_login() {
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
        .glance("readme")
        .click(SEND)
        .see("200 OK")
        .play();
    assert_clean(&seen);
    let shown = std::fs::metadata(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/login-page.png"));
    assert!(shown.expect("the picture").len() < 80_000);
}
