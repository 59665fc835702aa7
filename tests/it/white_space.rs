//! White space around addresses, user names and names is no part of them, wherever they come from. It is
//! part of a password.

use minisass_auth::domain::{Email, UserRef, Username, spelling};
use serde_json::{Value, json};

use crate::app::{App, PASSWORD};
use crate::client::Request;
use crate::life::{change_address, newest_link, press, session};
use crate::server::{self, Site};

/// Of several kinds; the last two are a no-break space and an ideographic one.
const AROUND: [&str; 5] = [" ", "\t", "\r\n", "\u{a0}", "\u{3000}"];

fn wrapped(text: &str) -> impl Iterator<Item = String> {
    AROUND.iter().map(move |it| format!("{it}{text}{it}"))
}

#[test]
fn values_are_read_without_it() {
    for typed in wrapped("Eve@Example.org") {
        let email = Email::parse(&typed).expect("an address");
        assert_eq!(email.as_str(), "Eve@Example.org", "{typed:?}");
        assert_eq!(spelling(&typed), "eve@example.org", "{typed:?}");
        let meant = UserRef::candidates(&typed, true);
        assert_eq!(meant, [UserRef::Email(email)], "{typed:?}");
    }
    for typed in wrapped("eve") {
        let (chosen, given) = (Username::parse(&typed), Username::parse_given(&typed));
        assert_eq!(
            chosen.as_ref().map(Username::as_str),
            Ok("eve"),
            "{typed:?}"
        );
        assert_eq!(given, chosen, "{typed:?}");
    }
    assert!(Email::parse("e ve@example.org").is_err());
    assert!(Username::parse("e ve").is_err());
    // What cannot be seen but is no white space is refused all the same.
    assert!(Username::parse("\u{200b}eve").is_err());
}

#[test]
fn every_endpoint_cuts_it() {
    let app = App::with(|setup| {
        setup.rules.contact_to = Some(Email::parse("desk@example.org").expect("an address"));
    });
    for (number, around) in AROUND.iter().enumerate() {
        let wrap = |text: &str| format!("{around}{text}{around}");
        let name = format!("eve{number}");
        let email = format!("{name}@example.org");
        let newcomer = json!({
            "username": wrap(&name), "email": wrap(&email), "password": PASSWORD,
            "first_name": wrap("Eve"), "surname": wrap("Li"), "organizationType": wrap("NGO"),
            "organisation_name": wrap("Rivers"), "country": wrap("ZA"),
        });
        let made = app.post("register/", &newcomer).expect(201).json();
        let names = ["username", "email", "first_name", "last_name"].map(|it| made[it].clone());
        assert_eq!(
            names,
            [json!(name), json!(email), json!("Eve"), json!("Li")]
        );
        let opened = app.try_login(&wrap(&email), PASSWORD).expect(200);
        assert_eq!(opened.json()["is_profile_updated"], true);
        app.try_login(&wrap(&name), PASSWORD).expect(200);
        let retrieval = json!({"email": around, "usernameForEmailRetrieval": wrap(&name), "password": PASSWORD});
        app.post("login/", &retrieval).expect(200);
        for typed in [wrap(&name), wrap(&email)] {
            let asked = json!({"username": typed, "password": PASSWORD});
            app.post("token/", &asked).expect(200);
        }
        let refused = app.try_login(&email, &wrap(PASSWORD));
        refused.expect(401);
        for endpoint in ["request-reset/", "resend-activation/"] {
            let mails = || app.count("SELECT count(*) FROM outbox WHERE recipient <> ''");
            let before = mails();
            app.post(endpoint, &json!({"email": wrap(&email)}))
                .expect(200);
            assert_eq!(mails() - before, 1, "{endpoint}");
        }
        let letter = json!({"name": wrap("Eve"), "email": wrap(&email), "message": "Hi"});
        app.post("contact-us", &letter).expect(200);
        let letter = app.mails().pop().expect("a mail");
        assert!(
            letter.contains(&format!("Reply-To: {email}\r\n")),
            "{letter}"
        );
        check_own(&app, &name, &wrap);
    }
}

/// What somebody who is logged in changes and asks.
fn check_own(app: &App, name: &str, wrap: &dyn Fn(&str) -> String) {
    let access = session(app, name);
    let change = json!({
        "username": wrap(&format!("{name}b")), "email": wrap(&format!("{name}@example.org")),
        "name": wrap("Ana"), "surname": wrap("Bo"), "organisation_type": wrap("School"),
        "organisation_name": wrap("Streams"), "country": wrap("PT"), "upload_preference": "wifi",
    });
    let update = Request::new("POST", "user/update/").bearer(&access);
    let account = app.send(update.json(&change)).expect(200).json();
    let kept = [
        "username",
        "name",
        "surname",
        "organisation_type",
        "organisation_name",
        "country",
    ];
    let kept = kept.map(|it| account[it].as_str().expect("text").to_owned());
    let renamed = format!("{name}b");
    assert_eq!(kept, [&*renamed, "Ana", "Bo", "School", "Streams", "PT"]);
    assert!(
        account.get("new_email").is_none(),
        "it is the same address: {account}"
    );
    for path in [
        format!("check-registration-status/%20{name}@example.org%20/"),
        format!("retrieve-email-by-username/%C2%A0{renamed}%09/"),
    ] {
        app.send(Request::new("GET", &path).bearer(&access))
            .expect(200);
    }
    change_address(app, &access, &wrap(&format!("{name}@example.net"))).expect(200);
    app.mails();
}

#[test]
fn a_new_address_is_the_one_without_it() {
    let app = App::new().with_user("ana");
    let access = session(&app, "ana");
    let answer = change_address(&app, &access, " new@example.org\n").expect(200);
    assert_eq!(answer.json()["new_email"], "new@example.org");
    let mails = app.mails();
    let mail = mails
        .iter()
        .find(|it| it.contains("To: new@example.org\r\n"));
    let link = crate::reset::links(mail.expect("a mail")).remove(0);
    let path = link.split_once("/authentication/api/").expect("ours").1;
    press(&app, path).expect(200);
    app.try_login("new@example.org", PASSWORD).expect(200);
}

#[test]
fn wrong_guesses_at_a_name_with_and_without_it_are_counted_together() {
    let app = App::throttled().with_user("ana");
    for typed in [
        "nobody@example.org",
        " nobody@example.org",
        "\u{a0}NOBODY@example.org\t",
    ] {
        app.try_login(typed, "wrong").expect(401);
    }
    let counters = app.count("SELECT count(*) FROM login_attempts");
    assert_eq!(counters, 1);
}

#[test]
fn a_form_and_a_multipart_body_are_cut_like_json() {
    let app = App::new();
    let fields = |name: &str| {
        [
            ("username", format!(" {name} ")),
            ("email", format!(" {name}@example.org ")),
            ("password", PASSWORD.to_owned()),
            ("name", " Eve ".to_owned()),
            ("organizationType", "NGO".to_owned()),
            ("organizationName", "Rivers".to_owned()),
            ("country", " ZA ".to_owned()),
        ]
    };
    let form = fields("eve").map(|(name, value)| {
        let value = value.replace(' ', "+").replace('@', "%40");
        format!("{name}={value}")
    });
    let multipart = fields("bob").map(|(name, value)| {
        format!("--b\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n")
    });
    for (media_type, body, name) in [
        ("application/x-www-form-urlencoded", form.join("&"), "eve"),
        (
            "multipart/form-data; boundary=b",
            format!("{}--b--\r\n", multipart.concat()),
            "bob",
        ),
    ] {
        let made = app.send(Request::new("POST", "register/").body(media_type, body));
        let made = made.expect(201).json();
        assert_eq!(made["username"], name);
        assert_eq!(made["email"], format!("{name}@example.org"));
        assert_eq!(made["first_name"], "Eve");
        app.login(name);
    }
}

#[test]
fn a_length_is_that_of_what_is_kept_and_what_is_nothing_but_space_is_blank() {
    let app = App::new();
    let with = |field: &str, value: &str| {
        let mut newcomer = json!({
            "username": "eve", "email": "eve@example.org", "password": PASSWORD,
            "organizationType": "NGO", "organizationName": "Rivers", "country": "ZA",
        });
        newcomer[field] = json!(value);
        app.post("register/", &newcomer)
    };
    let blank = with("country", " \u{3000} ").expect(400).json();
    assert_eq!(blank["country"], json!(["This field may not be blank."]));
    let long = with("country", &"x".repeat(256)).expect(400).json();
    assert_eq!(
        long["country"],
        json!(["Ensure this field has no more than 255 characters."])
    );
    with("country", &format!("  {}  ", "x".repeat(255))).expect(201);
}

#[test]
fn a_password_is_kept_with_it() {
    let app = App::new();
    let spaced = format!(" {PASSWORD} ");
    let newcomer = json!({
        "username": "eve", "email": "eve@example.org", "password": spaced, "confirmPassword": spaced,
        "organizationType": "NGO", "organizationName": "Rivers", "country": "ZA",
    });
    app.post("register/", &newcomer).expect(201);
    app.try_login("eve", &spaced).expect(200);
    app.try_login("eve", PASSWORD).expect(401);
    newest_link(&app);
}

#[test]
fn commands_and_files_cut_it() {
    let site = Site::new();
    let create = [
        "user",
        "create",
        "--username",
        " bo\t",
        "--email",
        "\u{a0}bo@example.org ",
        "--first-name",
        " Bo ",
        "--last-name",
        " Li ",
        "--country",
        " ZA ",
        "--password-stdin",
    ];
    site.run_with(&create, server::PASSWORD).ok();
    let line = json!({"username": "cy ", "email": " cy@example.org", "first_name": " Cy ", "country": " ZA"});
    site.run_with(&["user", "import", "-"], &line.to_string())
        .ok();
    let csv = "username,email,first_name,country\n\" di\",di@example.org ,\tDi , ZA\n";
    site.run_with(&["user", "import", "--from", "csv", "-"], csv)
        .ok();
    let users = site.run(&["user", "list", "--format", "json"]).json();
    let column = |name: &str| -> Vec<Value> {
        users
            .as_array()
            .expect("users")
            .iter()
            .map(|it| it[name].clone())
            .collect()
    };
    assert_eq!(column("username"), ["bo", "cy", "di"]);
    let emails = ["bo", "cy", "di"].map(|it| format!("{it}@example.org"));
    assert_eq!(column("email"), emails);
    assert_eq!(column("first_name"), ["Bo", "Cy", "Di"]);
}

#[test]
fn so_does_a_change() {
    let site = Site::new();
    site.add_user("bo", &[]);
    let update = [
        "user",
        "update",
        " bo ",
        "--username",
        " bob ",
        "--email",
        " bob@example.org ",
    ];
    site.run(&[&update[..], &["--first-name", " Bob ", "--country", " PT "]].concat())
        .ok();
    site.run(&[
        "profile",
        "set",
        " bob@example.org ",
        "--organisation-name",
        " Rivers ",
    ])
    .ok();
    let bob = site
        .run(&["user", "show", " 1 ", "--format", "json"])
        .json();
    let kept = ["username", "email", "first_name"].map(|it| bob[it].as_str().expect("text"));
    assert_eq!(kept, ["bob", "bob@example.org", "Bob"]);
    let profile = site
        .run(&["profile", "show", "bob", "--format", "json"])
        .json();
    assert_eq!(
        [&profile["country"], &profile["organisation_name"]],
        ["PT", "Rivers"]
    );
}

#[test]
fn so_does_a_dump_of_django() {
    let site = Site::new();
    let fields = json!({
        "username": " ed ", "email": " ed@example.org ", "first_name": " Ed ", "password": "!",
    });
    let dump = json!([{"model": "auth.user", "pk": 77, "fields": fields}]);
    let file = site.path("dump.json");
    std::fs::write(&file, dump.to_string()).expect("a dump");
    let file = file.display().to_string();
    site.run(&["user", "import", "--from", "django", &file])
        .ok();
    let users = site.run(&["user", "list", "--format", "json"]).json();
    let kept = ["username", "email", "first_name"].map(|it| users[0][it].clone());
    assert_eq!(kept, [json!("ed"), json!("ed@example.org"), json!("Ed")]);
}
