//! User names that could be taken for something else: an address, a number.

use serde_json::{Value, json};

use crate::app::{App, PASSWORD};
use crate::client::{Answer, Request};
use crate::corpora;
use crate::life::register;
use crate::own::send;
use crate::server::{PASSWORD as TYPED, Site, words};

fn update(app: &App, access: &str, username: &str, email: &str) -> Answer {
    let change = json!({
        "username": username, "email": email, "name": "Ana", "surname": "Li", "upload_preference": "wifi",
    });
    send(app, "POST", "user/update/", access, Some(&change))
}

fn own(app: &App, access: &str) -> Value {
    send(app, "GET", "user/update/", access, None)
        .expect(200)
        .json()
}

#[test]
fn nobody_takes_an_address_for_a_name_before_it_is_confirmed() {
    let app = App::new().with_user("ana");
    let access = app.login("ana").get("access_token");
    for name in [
        "boss@example.org",
        "BOSS@example.org",
        "ｂoss@example.org",
        "boss@x",
    ] {
        let answer = update(&app, &access, name, "boss@example.org").expect(400);
        assert!(answer.json()["username"].is_array(), "{name}");
    }
    assert_eq!(own(&app, &access)["username"], "ana");
    assert!(app.mails().is_empty(), "nothing of it was done");
    app.try_login("boss@example.org", PASSWORD).expect(401);
    register(
        &app,
        "boss@example.org",
        &json!({"email": "boss@example.org"}),
    )
    .expect(201);
    // One's own is in order.
    update(&app, &access, "ana@example.org", "ana@example.org").expect(200);
    assert_eq!(own(&app, &access)["username"], "ana@example.org");
}

#[test]
fn a_name_that_is_the_address_follows_when_another_one_is_confirmed() {
    let app = App::new();
    register(&app, "", &json!({"email": "ana@example.org"})).expect(201);
    let session = app.try_login("ana@example.org", PASSWORD).expect(200);
    let access = session.get("access_token");
    for typed in ["new@example.net", "ana@example.org"] {
        update(&app, &access, typed, "new@example.net").expect(200);
        let before = own(&app, &access);
        assert_eq!(before["username"], "ana@example.org", "not confirmed yet");
        assert_eq!(before["email"], "ana@example.org");
    }
    let link = newest_link_to(&app, "new@example.net");
    let press = Request::new("POST", &link).header("accept", "text/html");
    app.send(press).expect(200);
    let after = own(&app, &access);
    assert_eq!(after["username"], "new@example.net");
    assert_eq!(after["email"], "new@example.net");
    // The old one is free for whoever has it.
    register(
        &app,
        "ana@example.org",
        &json!({"email": "ana@example.org"}),
    )
    .expect(201);
    let first = app.try_login("new@example.net", PASSWORD).expect(200);
    let second = app.try_login("ana@example.org", PASSWORD).expect(200);
    assert_ne!(first.json()["user_id"], second.json()["user_id"]);
}

/// A link of the newest mail to that address, below the API.
fn newest_link_to(app: &App, email: &str) -> String {
    let mails = app.mails();
    let to = format!("To: {email}");
    let mail = mails.iter().rev().find(|mail| mail.contains(&to));
    let link = crate::reset::links(mail.expect("a mail")).remove(0);
    let (_, path) = link.split_once(crate::app::API).expect("our own link");
    path.to_owned()
}

#[test]
fn an_account_whose_name_is_somebody_elses_address_is_not_found_by_it() {
    let app = App::new().with_user("eve");
    app.database().change(
        "UPDATE users SET username = 'boss@example.org', username_key = 'boss@example.org'",
    );
    for typed in ["boss@example.org", "BOSS@example.org", "ｂoss@example.org"] {
        app.try_login(typed, PASSWORD).expect(401);
        let asked = json!({"username": typed, "password": PASSWORD});
        app.post("token/", &asked).expect(401);
        assert!(app.wait(app.operator.user(typed)).is_err(), "{typed}");
    }
    app.try_login("eve@example.org", PASSWORD).expect(200);
}

#[test]
fn operators_keep_to_it_too() {
    let site = Site::new();
    let create = words("user create --email ada@example.org --password-stdin");
    site.run_with(&create, TYPED).ok();
    let shown = |who: &str| site.run(&["user", "show", who, "--format", "json"]).json();
    for refused in [
        &["user", "update", "1", "--username", "boss@example.org"][..],
        &[
            "user",
            "update",
            "1",
            "--username",
            "ada@example.org",
            "--email",
            "x@example.net",
        ],
        &["user", "update", "1", "--username", "12"],
        &[
            "user",
            "create",
            "--username",
            "12",
            "--email",
            "bo@example.org",
            "--no-password",
        ],
        &[
            "user",
            "create",
            "--username",
            "x@y.org",
            "--email",
            "bo@example.org",
            "--no-password",
        ],
    ] {
        let said = site.run(refused).refusal();
        assert!(said.contains("username"), "{refused:?}: {said}");
    }
    site.run(&["user", "update", "1", "--email", "x@example.net"])
        .ok();
    assert_eq!(shown("x@example.net")["username"], "x@example.net");
    let both = ["--username", "y@example.net", "--email", "y@example.net"];
    site.run(&[&["user", "update", "1"][..], &both].concat())
        .ok();
    assert_eq!(shown("1")["username"], "y@example.net");
    site.run(&["user", "update", "1", "--username", "ada"]).ok();
    site.run(&["user", "update", "1", "--email", "z@example.net"])
        .ok();
    assert_eq!(shown("1")["username"], "ada", "it is no address");
}

#[test]
fn an_imported_name_that_is_somebody_elses_address_becomes_the_users_own() {
    let site = Site::new();
    let line = |name: &str, email: &str| json!({"username": name, "email": email}).to_string();
    let lines = [
        line("boss@example.org", "eve@example.org"),
        line("ada@example.org", "ADA@example.org"),
        line("bo@home", "bo@example.org"),
        line("cy", "cy@example.org"),
        line("4711", "number@example.org"),
        line("-", "dash@example.org"),
        line("٣", "three@example.org"),
    ];
    let import = ["--format", "json", "user", "import", "-"];
    let said = site.run_with(&import, &lines.join("\n"));
    let reported = said.err.clone();
    assert!(
        reported.contains("boss@example.org is not this user's address"),
        "{reported}"
    );
    assert!(reported.contains("it is eve@example.org now"), "{reported}");
    assert!(!reported.contains("ada@"), "{reported}");
    let number = "the user name is digits alone";
    assert_eq!(reported.matches(number).count(), 1, "{reported}");
    assert!(
        reported.contains("(user 4711, number@example.org)"),
        "{reported}"
    );
    let dash = "the user name is -, which the command line takes for standard input";
    assert!(reported.contains(dash), "{reported}");
    assert_eq!(said.json()["added"], 7);
    let said = site.run_with(&import, &lines.join("\n"));
    assert_eq!(said.err, "");
    assert_eq!(said.json()["present"], 7);
    let users = site.run(&["user", "list", "--format", "json"]).json();
    let names: Vec<_> = (0..7).map(|it| users[it]["username"].clone()).collect();
    let expected = [
        "eve@example.org",
        "ada@example.org",
        "bo@example.org",
        "cy",
        "4711",
        "-",
        "٣",
    ];
    assert_eq!(names, expected);
    // The command line takes no digits of other scripts for a number.
    site.run(&["user", "show", "٣"]).ok();
}

#[test]
fn digits_on_the_command_line_are_a_number_and_nothing_else() {
    let site = Site::new();
    site.add_user("ada", &[]);
    site.add_user("bo", &[]);
    site.database()
        .change("UPDATE users SET username = '1', username_key = '1' WHERE id = 2");
    site.run(&["user", "delete", "1", "--yes"]).ok();
    let said = site.run(&["user", "delete", "1", "--yes"]).refusal();
    assert!(said.contains("there is no user"), "{said}");
    for typed in ["1", "01", "99999999999999999999"] {
        site.run(&["user", "show", typed]).refusal();
    }
    let bo = site.run(&["user", "show", "bo@example.org", "--format", "json"]);
    assert_eq!(bo.json()["username"], "1");
    // Whoever has such a name still logs in with it.
    let server = site.start(&[]);
    let typed = json!({"username": "1", "password": TYPED});
    assert_eq!(server.post("token", &typed).status, 200);
}

#[test]
fn no_reserved_name_is_given_away_by_a_registration() {
    let Some(names) = corpora::lines("usernames/reserved-usernames.txt") else {
        return;
    };
    let app = App::new();
    let more = [
        "Admin1",
        "ad-min",
        "SUPPORT_2",
        "no.reply",
        "mini-SASS",
        "Ａdmins",
        "post_master",
        // As django-registration has them.
        "autoconfig",
        "autodiscover",
        "broadcasthost",
        "isatap",
        "localdomain",
        "wpad",
        "nobody",
        "robots.txt",
        "favicon.ico",
        "crossdomain.xml",
        ".well-known",
        "oauth2",
        "sso",
        // Numbered, and in other languages.
        "no_reply_2",
        "postmaster1",
        "sysop",
        "webadmin",
        "administrateur",
        "Administradör2",
        "jean.administrateur",
    ];
    // Words that claim nothing: people and programs are called so.
    let harmless = ["first", "m"];
    let names = names.iter().map(String::as_str);
    let names = names.filter(|it| !harmless.contains(it));
    for name in names.chain(more) {
        let answer = register(&app, name, &json!({"email": "ana@example.org"}));
        assert_eq!(answer.status, 400, "{name}: {}", answer.text());
        assert!(answer.json()["username"].is_array(), "{name}");
    }
    // What people are called.
    for (number, name) in [
        "Nandi",
        "Sysha",
        "user1977",
        "photo-ann",
        "Iris",
        "Will",
        "Mo",
        "Art",
        "first",
        "m",
    ]
    .into_iter()
    .enumerate()
    {
        let email = format!("ana{number}@example.org");
        register(&app, name, &json!({ "email": email })).expect(201);
    }
}

#[test]
fn no_name_that_looks_like_the_operators_is_given_away() {
    let app = App::new();
    for name in [
        // Cyrillic а, і and о, Greek α, accents, full width.
        "аdmin",
        "admіn",
        "suppоrt",
        "administrαtor",
        "ádmin",
        "ａdmіn",
        "ＲΟΟＴ",
        // Digits and letters that are read as others.
        "r00t",
        "adm1n",
        "4dmin",
        "5upp0rt",
        "adrnin",
        "rnoderator",
        "Suρρort1",
        // Words beside others, and two in one.
        "minisass-admin",
        "support-team",
        "minisass_support",
        "minisass.org",
        "the.real.minisass",
        "miniSASS2",
        "rninisass",
        "min1sass-help",
        "john-admin",
        "admin.john",
        "supportteam",
        "teamsupport",
        "official_account",
    ] {
        let answer = register(&app, name, &json!({"email": "ana@example.org"}));
        assert_eq!(answer.status, 400, "{name}: {}", answer.text());
        assert!(answer.json()["username"].is_array(), "{name}");
    }
    // What people are called, or call themselves.
    for (number, name) in [
        "ali",
        "Ali1",
        "аня",
        "Олег",
        "Αλέξανδρος",
        "José",
        "Devi",
        "Barney",
        "anna5",
        "testing-the-water",
        "protest",
        "River.Watch",
        "badminton",
        "Rootes",
        "mini.me",
        "sassy",
        "my-river",
        "stafford",
        "helpful_hannah",
        "r2d2",
        "Müller",
    ]
    .into_iter()
    .enumerate()
    {
        let email = format!("ana{number}@example.org");
        let answer = register(&app, name, &json!({ "email": email }));
        assert_eq!(answer.status, 201, "{name}: {}", answer.text());
    }
    // An address is its owner's, whatever stands in it.
    register(&app, "", &json!({"email": "support@admin.example.org"})).expect(201);
}

#[test]
fn a_mail_to_an_address_that_nobody_confirmed_shows_nothing_of_whoever_registered() {
    let app = App::new();
    let name = "www.evil.example-free-money";
    let more = json!({
        "email": "stranger@example.org", "first_name": "free-money", "last_name": "free-money",
        "organizationName": "free-money",
    });
    register(&app, name, &more).expect(201);
    crate::reset::request(&app, "stranger@example.org");
    let session = app.try_login("stranger@example.org", PASSWORD).expect(200);
    let access = session.get("access_token");
    update(&app, &access, name, "else@example.net").expect(200);
    let mails = app.mails();
    assert_eq!(mails.len(), 4);
    for mail in mails {
        assert!(!mail.contains("free-money"), "{mail}");
        assert!(!mail.contains("evil"), "{mail}");
    }
    // Once it is confirmed the name is shown.
    let to_new = newest_link_to(&app, "else@example.net");
    let press = Request::new("POST", &to_new).header("accept", "text/html");
    app.send(press).expect(200);
    crate::reset::request(&app, "else@example.net");
    let mail = app.mails().pop().expect("a mail");
    assert!(mail.contains("Hello www.evil.example"), "{mail}");
}
