//! axe-core looks at every page, light and dark: nothing on it keeps people out who see, hear or
//! type in another way than most.

use serde_json::json;

use super::browser::{Browser, Story};
use super::browser_links::change_address;
use super::browser_pages::mailed_link;
use crate::document::paths;
use crate::server::{PASSWORD, Server, Site};

/// A story in each colour scheme on one server, one on a desk and one on a phone.
fn stories<'a>(browser: &'a Browser, server: &Server) -> [Story<'a>; 2] {
    let story = || browser.story(&[server.address()]);
    [story().on_width(1280), story().on_width(390).in_the_dark()]
}

fn open<'a>(story: Story<'a>, server: &Server, path: &str) -> Story<'a> {
    story.open(&format!("http://{}{path}", server.address()))
}

#[test]
fn every_page_of_an_endpoint_is_for_everybody() {
    let Some(browser) = Browser::find() else {
        return;
    };
    let site = Site::new();
    site.add_user("ada", &[]);
    let server = site.start(&[]);
    for mut story in stories(&browser, &server) {
        for path in ["/", "/nowhere"]
            .into_iter()
            .chain(paths().keys().map(|it| &**it))
        {
            let path = path.replace('{', "%7B").replace('}', "%7D");
            story = open(story, &server, &path).judge();
        }
        // Every part of a page, and the answer to a form.
        let seen = open(story, &server, "/authentication/api/login/")
            .click("summary")
            .fill("[name=\"POST.email\"]", "ada@example.org")
            .fill("[name=\"POST.password\"]", PASSWORD)
            .click("text=Show password")
            .judge()
            .click("button[value=POST]")
            .see("200 OK")
            .judge()
            .click("button[value=OPTIONS]")
            .see("User Login")
            .judge()
            .play();
        seen.assert_clean_but_for_statuses().assert_accessible();
    }
}

#[test]
fn every_page_of_a_mailed_link_is_for_everybody() {
    let Some(browser) = Browser::find() else {
        return;
    };
    for dark in [false, true] {
        let site = Site::new();
        let server = site.start(&[]);
        assert_eq!(server.register("ada"), 201);
        let activation = mailed_link(&site, "activation");
        let story = || {
            let story = browser.story(&[server.address()]);
            if dark {
                story.on_width(390).in_the_dark()
            } else {
                story
            }
        };
        let seen = confirms_twice(story(), &activation, "Account", "Account already confirmed")
            .open(&false_one(&activation))
            // An address for the browser, and none for us.
            .fill("[name=email]", "ada@example")
            .judge()
            .click("button")
            .find("#refusal + [name=email]:focus")
            .judge()
            .fill("[name=email]", "ada@example.org")
            .click("button")
            .see("Look into your mail")
            .judge()
            .play();
        seen.assert_clean_but_for_statuses().assert_accessible();

        change_address(&server);
        let address = mailed_link(&site, "address-change");
        let seen = confirms_twice(story(), &address, "Address", "Address already confirmed")
            .open(&false_one(&address))
            .see("This link does not work")
            .judge()
            .play();
        seen.assert_clean_but_for_statuses().assert_accessible();

        let ask = json!({"email": "new@example.org"});
        assert_eq!(server.post("request-reset", &ask).status, 200);
        let reset = mailed_link(&site, "password-reset");
        let seen = story()
            .open(&reset)
            .judge()
            .fill("[name=newPassword]", "password123")
            .click("text=Show password")
            .judge()
            .click("text=Set the password")
            .find("#refusal + [name=newPassword]:focus")
            .judge()
            .fill("[name=newPassword]", "An0ther@Pass2")
            .press("Enter")
            .see("Password changed")
            .judge()
            .open(&reset)
            .see("This link does not work")
            .judge()
            // An address for the browser, and none for us.
            .fill("[name=email]", "ada@example")
            .click("button")
            .find("#refusal + [name=email]:focus")
            .judge()
            .fill("[name=email]", "new@example.org")
            .click("button")
            .see("Look into your mail")
            .judge()
            .play();
        seen.assert_clean_but_for_statuses().assert_accessible();
    }
}

/// A link of the same account that nobody was given.
fn false_one(link: &str) -> String {
    let (before, _) = link
        .trim_end_matches('/')
        .rsplit_once('/')
        .expect("a token");
    format!("{before}/{}/", "A".repeat(43))
}

/// Presses the button of a link, and follows it once more.
fn confirms_twice<'a>(story: Story<'a>, link: &str, first: &str, second: &str) -> Story<'a> {
    story
        .open(link)
        .judge()
        .click("button")
        .see(first)
        .judge()
        .open(link)
        .see(second)
        .judge()
}

#[test]
fn swagger_ui_and_the_reference_are_for_everybody() {
    let Some(browser) = Browser::find() else {
        return;
    };
    let site = Site::new();
    site.add_user("ada", &[]);
    let server = site.start(&[]);
    for story in stories(&browser, &server) {
        let story = open(story, &server, "/docs/")
            .see("User Login")
            .judge()
            .fill("[name=email]", "ada")
            .fill("[name=password]", PASSWORD)
            .click("#log-in button")
            .see("Logged in as ada")
            .click(".opblock-post >> text=/^User Login$/")
            .click("button.execute")
            .find(".live-responses-table tbody .response-col_status")
            .judge();
        let seen = open(story, &server, "/docs/reference/")
            .see("User Login")
            .judge()
            .play();
        seen.assert_clean_but_for_statuses().assert_accessible();
    }
}
