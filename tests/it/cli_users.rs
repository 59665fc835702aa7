//! `user create | show | activate | deactivate` and `profile show`, beside a running server.

use serde_json::{Value, json};

use crate::server::{PASSWORD, Site, words};

#[test]
fn a_user_who_was_made_here_logs_in_there() {
    let site = Site::new();
    let server = site.start(&[]);
    let made = site.add_user(
        "ada",
        &["--first-name", "Ada", "--staff", "--country", "ZA"],
    );
    assert_eq!(made["username"], "ada");
    assert_eq!(made["first_name"], "Ada");
    assert_eq!(made["is_active"], true);
    assert_eq!(made["last_login_at"], Value::Null);

    let answer = server.login("ADA@example.org");
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_eq!(answer.json()["is_admin"], true);
    assert_eq!(answer.json()["user_id"], made["id"]);
    let shown = site
        .run(&["user", "show", "ada", "--format", "json"])
        .json();
    let last = shown["last_login_at"].as_str().expect("a time");
    assert!(
        last.ends_with('Z') && last.parse::<jiff::Timestamp>().is_ok(),
        "{last}"
    );
}

#[test]
fn an_address_alone_is_enough() {
    let site = Site::new();
    let create = words("user create --email ada@example.org --password-stdin");
    let out = site
        .run_with(&create, &format!("{PASSWORD}\r\nnot this\n"))
        .ok();
    assert!(out.contains("ada@example.org"), "{out}");
    let server = site.start(&[]);
    assert_eq!(
        server.login("ada@example.org").status,
        200,
        "one line was read"
    );
}

#[test]
fn an_inactive_user_waits_for_activation() {
    let site = Site::new();
    let server = site.start(&[]);
    site.add_user("ada", &["--inactive"]);
    assert_eq!(server.login("ada@example.org").status, 401);
    site.run(&["user", "activate", "ada"]).ok();
    assert_eq!(server.login("ada@example.org").status, 200);
}

#[test]
fn deactivation_ends_tokens_in_the_same_second() {
    let site = Site::new();
    let server = site.start(&[]);
    site.add_user("ada", &[]);
    site.add_user("bo", &[]);
    let (ada, bo) = (
        server.login("ada@example.org"),
        server.login("bo@example.org"),
    );
    let token = ada.text("access_token");
    assert_eq!(server.status_of(&token), 200);
    let said = site.run(&["user", "deactivate", "ada"]).ok();
    assert!(
        said.contains("ada (ada@example.org) is logged out"),
        "{said}"
    );
    assert_eq!(server.status_of(&token), 401);
    let refresh = json!({"refresh": ada.text("refresh_token")});
    assert_eq!(server.post("refresh", &refresh).status, 401);
    assert_eq!(server.login("ada@example.org").status, 401);
    assert_eq!(server.status_of(&bo.text("access_token")), 200);

    site.run(&["user", "activate", "ada"]).ok();
    assert_eq!(server.status_of(&token), 401, "what has ended stays so");
    assert_eq!(server.login("ada@example.org").status, 200);
}

#[test]
fn what_cannot_be_created_is_refused_with_the_reason() {
    let site = Site::new();
    site.add_user("ada", &[]);
    let create = |more: &[&str], password: &str| {
        let command = [&["user", "create", "--password-stdin"], more].concat();
        site.run_with(&command, password).refusal()
    };
    let taken = create(&["--email", "Ada@EXAMPLE.org"], PASSWORD);
    assert!(taken.contains("already registered"), "{taken}");
    let taken = create(&["--email", "b@example.org", "--username", "ADA"], PASSWORD);
    assert!(
        taken.contains("username: A user with that username"),
        "{taken}"
    );
    let email = ["--email", "b@example.org"];
    for (password, reason) in [
        ("", "may not be blank"),
        ("shrt7", "8"),
        ("password1", "common"),
        ("b@example.org", "password:"),
    ] {
        let said = create(&email, password);
        assert!(said.contains(reason), "{password}: {said}");
        assert!(password.is_empty() || password.contains('@') || !said.contains(password));
    }
    let both = create(&["--email", "nobody", "--username", "a b"], "shrt7");
    for field in ["email:", "username:", "password:"] {
        assert!(both.contains(field), "all at once: {both}");
    }
    let count = site.run(&["user", "list", "--format", "json"]).json();
    assert_eq!(count.as_array().map(Vec::len), Some(1), "nothing was made");
}

#[test]
fn without_a_terminal_the_way_out_is_told() {
    let site = Site::new();
    let said = site
        .run(&["user", "create", "--email", "ada@example.org"])
        .refusal();
    assert!(said.contains("--password-stdin"), "{said}");
}

#[test]
fn a_user_is_named_by_number_name_or_address() {
    let site = Site::new();
    let made = site.add_user("ada", &[]);
    let id = made["id"].to_string();
    for named in [
        id.as_str(),
        "ada",
        "ADA",
        "ada@example.org",
        "Ada@Example.ORG",
    ] {
        let shown = site
            .run(&["user", "show", named, "--format", "json"])
            .json();
        assert_eq!(shown, made, "{named}");
    }
    let said = site.run(&["user", "show", "999"]).refusal();
    assert!(
        said.contains("no user") && said.contains("user list --search"),
        "{said}"
    );
}

#[test]
fn several_users_are_named_at_once_or_come_from_standard_input() {
    let site = Site::new();
    for name in ["ada", "bo", "cy"] {
        site.add_user(name, &[]);
    }
    let names = |rows: &Value| {
        let rows = rows.as_array().expect("an array");
        rows.iter()
            .map(|it| it["username"].to_string())
            .collect::<String>()
    };
    let several = site
        .run(&["user", "show", "cy", "ada", "--format", "json"])
        .json();
    assert_eq!(names(&several), "\"cy\"\"ada\"");
    let piped = ["user", "deactivate", "-", "--format", "json"];
    let several = site.run_with(&piped, "bo\r\n\n  cy@example.org \n").json();
    assert_eq!(names(&several), "\"bo\"\"cy\"");
    assert!(
        several
            .as_array()
            .expect("rows")
            .iter()
            .all(|it| it["is_active"] == false)
    );

    let twice = [
        "user",
        "show",
        "2",
        "bo",
        "bo@example.org",
        "--format",
        "json",
    ];
    assert_eq!(site.run(&twice).json()["username"], "bo", "one user, once");
    let said = site.run(&["user", "show", ""]).refusal();
    assert!(said.contains("no user \"\""), "{said}");

    // One that is unknown, and nothing is done.
    site.run(&["user", "activate", "bo", "nobody", "cy"])
        .refusal();
    let bo = site.run(&["user", "show", "bo", "--format", "json"]).json();
    assert_eq!(bo["is_active"], false);
}

#[test]
fn the_profile_is_shown_with_what_the_client_added() {
    let site = Site::new();
    let server = site.start(&[]);
    let fields = json!({
        "username": "ada", "email": "ada@example.org", "password": PASSWORD,
        "first_name": "A", "last_name": "B", "organizationType": "NGO",
        "organizationName": "Rivers", "country": "ZA", "river": "Umgeni", "is_staff": true,
    });
    assert_eq!(server.post("register", &fields).status, 201);
    let profile = site
        .run(&["profile", "show", "ada", "--format", "json"])
        .json();
    assert_eq!(profile["organisation_name"], "Rivers");
    assert_eq!(profile["is_complete"], true);
    assert_eq!(profile["additional_fields"]["river"], "Umgeni");
    let table = site.run(&["profile", "show", "ada"]).ok();
    assert!(table.contains("Umgeni"), "{table}");
    let user = site
        .run(&["user", "show", "ada", "--format", "json"])
        .json();
    assert_eq!(user["is_staff"], false, "a client makes nobody staff");
}

#[test]
fn every_change_is_in_the_audit_trail() {
    let site = Site::new();
    site.add_user("ada", &[]);
    site.run(&["user", "deactivate", "ada"]).ok();
    site.run(&["user", "activate", "ada"]).ok();
    site.run(&["token", "issue", "ada"]).ok();
    site.run(&["reset", "send", "ada"]).ok();
    let database = site.database();
    let rows: Vec<String> = database.rows("SELECT action || ' ' || actor FROM audit ORDER BY id");
    let uid = rustix::process::getuid().as_raw();
    let by = |action: &str| format!("{action} cli:uid={uid}");
    let actions = [
        "user.create",
        "user.deactivate",
        "user.activate",
        "session.open",
        "mail.queue",
    ];
    assert_eq!(rows, actions.map(by));
}
