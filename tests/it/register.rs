//! Registration: whole or not at all.

use serde_json::{Value, json};

use crate::app::{App, PASSWORD};
use crate::client::Request;

/// Everything that the form of the web client sends, filled in well.
pub fn form(name: &str) -> Value {
    json!({
        "username": name, "email": format!("{name}@example.org"), "password": PASSWORD,
        "confirmPassword": PASSWORD, "name": "Nomsa", "surname": "Dlamini",
        "organizationType": "NGO", "organizationName": "Kartoza", "country": "ZA", "agree": true,
    })
}

/// The form with one field changed.
fn changed(name: &str, field: &str, value: Value) -> Value {
    let mut form = form(name);
    form[field] = value;
    form
}

fn without(name: &str, field: &str) -> Value {
    let mut form = form(name);
    form.as_object_mut().expect("an object").remove(field);
    form
}

#[test]
fn a_registered_person_can_log_in() {
    let app = App::new();
    let created = app.post("register/", &form("nomsa")).expect(201).json();
    let id = created["id"].as_i64().expect("a number");
    assert_eq!(
        created,
        json!({"id": id, "username": "nomsa", "email": "nomsa@example.org",
               "first_name": "Nomsa", "last_name": "Dlamini"})
    );
    let session = app
        .try_login("nomsa@example.org", PASSWORD)
        .expect(200)
        .json();
    assert_eq!(session["user_id"], id);
    assert_eq!(session["is_admin"], false);
    assert_eq!(session["is_profile_updated"], true);
}

#[test]
fn the_payload_of_the_specification_registers() {
    let app = App::new();
    let payload = json!({
        "username": "test_user", "email": "test@example.org", "password": "test_password",
        "first_name": "test_name", "last_name": "test_lastname", "organizationType": "NGO",
        "organizationName": "test", "country": "South Africa", "additional_fields": "anything",
    });
    app.post("register/", &payload).expect(201);
    app.try_login("test@example.org", "test_password")
        .expect(200);
}

#[test]
fn a_blank_user_name_becomes_the_address() {
    let app = App::new();
    let blanks = [json!(""), Value::Null, json!("   ")];
    for (place, blank) in blanks.into_iter().enumerate() {
        let form = changed(&format!("n{place}"), "username", blank);
        let created = app.post("register/", &form).expect(201);
        assert_eq!(created.get("username"), format!("n{place}@example.org"));
    }
    let created = app
        .post("register/", &without("absent", "username"))
        .expect(201);
    assert_eq!(created.get("username"), "absent@example.org");
}

#[test]
fn each_missing_mandatory_field_leaves_nothing_behind() {
    let app = App::new();
    let fields = [
        "email",
        "password",
        "organizationType",
        "organizationName",
        "country",
    ];
    for field in fields {
        let name = format!("no-{}", field.to_lowercase());
        for bad in [
            without(&name, field),
            changed(&name, field, json!("")),
            changed(&name, field, Value::Null),
        ] {
            let answer = app.post("register/", &bad).expect(400).json();
            assert!(answer[field].is_array(), "{answer}");
            assert!(answer["error"].is_string(), "{answer}");
            if !["email", "password"].contains(&field) {
                let sentence = "Missing required fields for User Profile creation. country ,organisation name, organisation type";
                assert_eq!(answer["error"], sentence);
            }
        }
        assert_eq!(app.count("SELECT count(*) FROM users"), 0);
        assert_eq!(app.count("SELECT count(*) FROM profiles"), 0);
        app.try_login(&format!("{name}@example.org"), PASSWORD)
            .expect(401);
        app.post("register/", &form(&name)).expect(201);
        app.login(&name);
        app.database()
            .execute("DELETE FROM users", [])
            .expect("an empty table");
    }
}

#[test]
fn all_field_errors_come_at_once() {
    let app = App::new();
    let broken = app.post(
        "register/",
        &json!({"username": "a b", "email": 5, "password": []}),
    );
    let broken = broken.expect(400).json();
    for (field, sentence) in [
        ("email", "Not a valid string."),
        ("password", "Not a valid string."),
        ("organizationType", "This field is required."),
        ("organizationName", "This field is required."),
        ("country", "This field is required."),
    ] {
        assert_eq!(broken[field], json!([sentence]), "{broken}");
    }
}

#[test]
fn each_rule_has_its_sentence() {
    let app = App::new().with_user("taken");
    let all = [
        ("email", json!("no-address"), "Enter a valid email address."),
        (
            "email",
            json!(format!("{}@example.org", "a".repeat(250))),
            "Ensure this field has no more than 254 characters.",
        ),
        (
            "username",
            json!("a b"),
            "Enter a valid username. It may contain letters, digits and @ . + - _, and no spaces.",
        ),
        (
            "username",
            json!("taken"),
            "A user with that username already exists.",
        ),
        (
            "username",
            json!("TAKEN"),
            "A user with that username already exists.",
        ),
        (
            "username",
            json!("admin"),
            "This username is reserved. Choose another one.",
        ),
        (
            "username",
            json!("a".repeat(151)),
            "Ensure this field has no more than 150 characters.",
        ),
        (
            "username",
            json!("somebody@else.org"),
            "A username that is an email address must be the account's own.",
        ),
        (
            "first_name",
            json!("a".repeat(151)),
            "Ensure this field has no more than 150 characters.",
        ),
        (
            "country",
            json!("a".repeat(256)),
            "Ensure this field has no more than 255 characters.",
        ),
        ("agree", json!("perhaps"), "Must be a valid boolean."),
        (
            "confirmPassword",
            json!("Different1"),
            "The two passwords are not the same.",
        ),
    ];
    for (field, value, sentence) in all {
        let answer = app
            .post("register/", &changed("ana", field, value))
            .expect(400)
            .json();
        assert_eq!(answer[field], json!([sentence]));
        assert!(
            answer["error"]
                .as_str()
                .is_some_and(|it| it.contains(sentence))
        );
    }
    let taken = app
        .post(
            "register/",
            &changed("ana", "email", json!("TAKEN@Example.ORG")),
        )
        .expect(400);
    assert_eq!(
        taken.json(),
        json!({"error": "This email is already registered."})
    );
    assert_eq!(app.count("SELECT count(*) FROM users"), 1);
}

#[test]
fn a_password_is_refused_with_the_reason() {
    let app = App::new();
    let all = [
        ("short77".to_owned(), "too short"),
        ("😀".repeat(7), "too short"),
        ("password1".to_owned(), "too common"),
        ("minisass2026".to_owned(), "too similar"),
        ("Somebody".to_owned(), "too similar"),
        ("somebody@example.org".to_owned(), "too similar"),
        ("kartoza2024".to_owned(), "too similar"),
        ("x".repeat(129), "no more than 128"),
    ];
    for (password, reason) in all {
        let mut form = changed("somebody", "password", json!(password));
        form["confirmPassword"] = json!(password);
        let answer = app.post("register/", &form).expect(400).json();
        let sentence = answer["password"][0].as_str().unwrap_or_default();
        assert!(sentence.contains(reason), "{password}: {answer}");
        assert!(
            answer["error"]
                .as_str()
                .is_some_and(|it| it.contains(reason))
        );
    }
}

#[test]
fn a_password_of_any_script_and_length_is_whole_when_it_is_checked() {
    let app = App::new();
    let long = "0aB-".repeat(32);
    let all = [
        " Sp4ce@Pad ",
        "e\u{301}tudes99",
        "😀😁😂🤣😃😄😅😆",
        "tab\tand\nline",
        &long,
    ];
    for (place, password) in all.into_iter().enumerate() {
        let name = format!("user{place}x");
        let mut form = changed(&name, "password", json!(password));
        form["confirmPassword"] = json!(password);
        app.post("register/", &form).expect(201);
        let email = format!("{name}@example.org");
        app.try_login(&email, password).expect(200);
        for wrong in [
            password.trim_end(),
            &password.to_uppercase(),
            &format!("{password}x"),
        ] {
            if wrong != password {
                app.try_login(&email, wrong).expect(401);
            }
        }
    }
    for cut in [8, 55, 72, 127] {
        app.try_login("user4x@example.org", &long[..cut])
            .expect(401);
    }
}

#[test]
fn other_fields_are_kept_and_mean_nothing() {
    let app = App::new();
    let mut form = form("ana");
    for (name, value) in [
        ("is_admin", json!(true)),
        ("is_staff", json!(true)),
        ("is_superuser", json!(true)),
        ("is_active", json!(false)),
        ("id", json!(999)),
        ("user_id", json!(999)),
        ("password_hash", json!("$scrypt$x")),
        ("newPassword", json!("kept?")),
        ("PASSWORD2", json!("kept?")),
        ("rivers", json!({"name": ["Umgeni", 3, null, true]})),
    ] {
        form[name] = value;
    }
    app.post("register/", &form).expect(201);
    let session = app.login("ana").json();
    assert_eq!(session["is_admin"], false);
    assert_ne!(session["user_id"], 999);
    let user = app.wait(app.accounts.user("ana")).expect("an account");
    let profile = app.wait(app.accounts.profile(user.id)).expect("a profile");
    let kept = profile.additional_fields.as_map();
    assert_eq!(kept["rivers"], json!({"name": ["Umgeni", 3, null, true]}));
    assert!(
        kept.keys()
            .all(|name| !name.to_lowercase().contains("password")),
        "{kept:?}"
    );
}

#[test]
fn additional_fields_have_limits() {
    let app = App::new();
    let mut form = form("ana");
    for place in 0..32 {
        form[format!("field{place}")] = json!(place);
    }
    let mut too_many = form.clone();
    too_many["field32"] = json!(32);
    let mut too_large = self::form("ana");
    too_large["essay"] = json!("x".repeat(4096));
    for bad in [too_many, too_large] {
        let answer = app.post("register/", &bad).expect(400).json();
        assert!(
            answer["additional_fields"].is_array() && answer["error"].is_string(),
            "{answer}"
        );
    }
    app.post("register/", &form).expect(201);
}

#[test]
fn our_name_of_a_field_wins_over_theirs() {
    let app = App::new();
    let mut form = form("ana");
    form["first_name"] = json!("First");
    let created = app.post("register/", &form).expect(201);
    assert_eq!(created.get("first_name"), "First");
    let theirs = json!({
        "username": "bob", "email": "bob@example.org", "password": PASSWORD,
        "organisation_type": "NGO", "organisation_name": "Kartoza", "country": "ZA",
    });
    app.post("register/", &theirs).expect(201);
    let user = app.wait(app.accounts.user("bob")).expect("an account");
    let profile = app.wait(app.accounts.profile(user.id)).expect("a profile");
    assert!(profile.is_complete());
}

#[test]
fn registering_logs_nobody_in() {
    let app = App::new();
    let answer = app
        .send(Request::new("POST", "register/").json(&form("ana")))
        .expect(201);
    assert!(answer.header("set-cookie").is_none());
    assert_eq!(app.count("SELECT count(*) FROM sessions"), 0);
    assert!(!answer.text().contains("password"));
}
