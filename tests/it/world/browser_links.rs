//! Mailed links in a real browser: on to a front end of another origin, twice, and too late.

use serde_json::json;

use super::browser::Browser;
use super::browser_pages::mailed_link;
use super::front_end::FrontEnd;
use crate::server::{Server, Site};
use crate::wire::{bearer, exchange};

/// Asks for a new address of `ada`, whose mail is on its way then.
pub fn change_address(server: &Server) {
    let access = server.login("ada@example.org").text("access_token");
    let change = json!({"email": "new@example.org", "name": "A", "surname": "B",
                        "username": "ada", "upload_preference": "wifi"});
    let headers = format!("{}Content-Type: application/json\r\n", bearer(&access));
    let path = "/authentication/api/user/update/";
    let body = change.to_string();
    let answer = exchange(server.connect(), "POST", path, &headers, &body);
    assert_eq!(answer.status, 200, "{answer:?}");
}

#[test]
fn the_button_of_an_activation_leads_on_to_the_front_end_and_so_does_it_the_second_time() {
    let Some(browser) = Browser::find() else {
        return;
    };
    let front_end = FrontEnd::start();
    let site = Site::new();
    let server = site.start(&["--frontend-url", &front_end.url()]);
    assert_eq!(server.register("ada"), 201);
    let link = mailed_link(&site, "activation");
    let seen = browser
        .story(&[server.address(), &front_end.host()])
        .open(&link)
        .click("button")
        .arrive(&format!("{}/?activation_complete=true", front_end.url()))
        .see(FrontEnd::WELCOME)
        .open(&link)
        .see("already confirmed")
        .look("activated-already-front-end")
        .click("text=Go on to miniSASS")
        .arrive(&format!("{}/?activation_complete=true", front_end.url()))
        .see(FrontEnd::WELCOME)
        .play();
    seen.assert_clean();
}

#[test]
fn so_does_the_button_of_a_new_address() {
    let Some(browser) = Browser::find() else {
        return;
    };
    let front_end = FrontEnd::start();
    let site = Site::new();
    site.add_user("ada", &[]);
    let server = site.start(&["--frontend-url", &front_end.url()]);
    change_address(&server);
    let seen = browser
        .story(&[server.address(), &front_end.host()])
        .open(&mailed_link(&site, "address-change"))
        .click("button")
        .arrive(&format!("{}/?address_confirmed=true", front_end.url()))
        .see(FrontEnd::WELCOME)
        .play();
    seen.assert_clean();
}

#[test]
fn links_that_were_used_say_that_it_is_done() {
    let Some(browser) = Browser::find() else {
        return;
    };
    let site = Site::new();
    let server = site.start(&[]);
    assert_eq!(server.register("ada"), 201);
    let activation = mailed_link(&site, "activation");
    change_address(&server);
    let address = mailed_link(&site, "address-change");
    let seen = browser
        .story(&[server.address()])
        .open(&activation)
        .click("button")
        .see("Account confirmed")
        .open(&activation)
        .see("Account already confirmed")
        .look("activated-already")
        .open(&address)
        .click("button")
        .see("Address changed")
        .open(&address)
        .see("Address already confirmed")
        .play();
    seen.assert_clean();
}

#[test]
fn the_page_of_a_false_link_sends_another_one() {
    let Some(browser) = Browser::find() else {
        return;
    };
    let site = Site::new();
    let server = site.start(&["--require-verified-email", "true"]);
    assert_eq!(server.register("ada"), 201);
    let link = mailed_link(&site, "activation");
    let parts: Vec<&str> = link.trim_end_matches('/').rsplitn(2, '/').collect();
    let wrong = format!("{}/{}/", parts[1], "A".repeat(43));
    let seen = browser
        .story(&[server.address()])
        .open(&wrong)
        .see("This link does not work")
        .look("activation-false")
        .fill("[name=email]", "ada@example.org")
        .click("button")
        .see("Look into your mail")
        .look("activation-sent-again")
        .play();
    seen.assert_clean_but_for_statuses();
    let mails = "SELECT count(*) FROM outbox WHERE kind = 'activation' AND user_id = 1";
    assert_eq!(site.database().get::<i64>(mails), 2);
}

#[test]
fn the_page_of_a_used_reset_link_sends_another_one_with_a_script_and_without() {
    let Some(browser) = Browser::find() else {
        return;
    };
    let ask = json!({"email": "ada@example.org"});
    for is_plain in [false, true] {
        let site = Site::new();
        let server = site.start(&[]);
        assert_eq!(server.register("ada"), 201);
        assert_eq!(server.post("request-reset", &ask).status, 200);
        let link = mailed_link(&site, "password-reset");
        let story = browser.story(&[server.address()]);
        let story = if is_plain {
            story.without_scripts()
        } else {
            story
        };
        let seen = story
            .open(&link)
            .fill("[name=newPassword]", "An0ther@Pass2")
            .press("Enter")
            .see("Password changed")
            .open(&link)
            .see("This link does not work")
            .look("reset-used")
            .fill("[name=email]", "ada@example.org")
            .click("button")
            .see("Look into your mail")
            .look("reset-sent-again")
            .play();
        seen.assert_clean_but_for_statuses();
        let mails = "SELECT count(*) FROM outbox WHERE kind = 'password-reset' AND user_id = 1";
        let mails: i64 = site.database().get(mails);
        assert_eq!(mails, 2);
    }
}
