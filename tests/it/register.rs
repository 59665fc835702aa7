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
pub fn changed(name: &str, field: &str, value: Value) -> Value {
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
        app.database().change("DELETE FROM users");
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
fn what_only_the_database_knows_is_told_with_the_rest() {
    let app = App::new().with_user("taken");
    let form = json!({"username": "taken", "email": "new@example.org", "password": "password"});
    let broken = app.post("register/", &form).expect(400).json();
    for (field, says) in [
        ("username", "already exists"),
        ("password", "too common"),
        ("country", "required"),
        ("organizationName", "required"),
        ("organizationType", "required"),
    ] {
        assert!(
            broken[field].to_string().contains(says),
            "{field}: {broken}"
        );
    }
    let form = changed("ana", "email", json!("taken@example.org"));
    let mut form = form.as_object().expect("a form").clone();
    form.insert("password".to_owned(), json!("password"));
    form.insert("username".to_owned(), json!("taken"));
    let broken = app.post("register/", &json!(form)).expect(400).json();
    assert_eq!(broken["error"], "This email is already registered.");
    assert!(
        broken["password"].to_string().contains("too common"),
        "{broken}"
    );
    assert!(
        broken["username"].to_string().contains("already exists"),
        "{broken}"
    );
    // Nothing is said twice, nor of what could not be read.
    let unreadable = json!({"email": "taken@example.org", "username": 5, "confirmPassword": "x"});
    let broken = app.post("register/", &unreadable).expect(400).json();
    assert_eq!(broken["username"], json!(["Not a valid string."]));
    assert_eq!(broken["password"], json!(["This field is required."]));
    assert!(broken.get("confirmPassword").is_none(), "{broken}");
    assert_eq!(app.count("SELECT count(*) FROM users"), 1);
}

#[test]
fn a_name_is_made_of_what_its_rule_says_and_not_of_signs_alone() {
    let app = App::new();
    for name in [
        "x/y", "a'b", "a|b", "$x", "a!", "#a", "a*", "{a}", "~a", "a`b", "a=b", "a?b", "a^b",
        "a%b", "a&b",
    ] {
        let broken = app.post("register/", &changed("n", "username", json!(name)));
        assert_eq!(
            broken.expect(400).json()["username"],
            json!([NO_USERNAME]),
            "{name}"
        );
    }
    for name in [
        "-", "--", "_", "...", "+", "._.", "+1", "-1", "1.", "__12__", "+२",
    ] {
        let broken = app.post("register/", &changed("n", "username", json!(name)));
        assert_eq!(
            broken.expect(400).json()["username"],
            json!([DIGITS]),
            "{name}"
        );
    }
    for (place, name) in ["a.b", "x+y", "a-b_c", "-ana-", "082-555-1234", "ana7"]
        .iter()
        .enumerate()
    {
        let form = changed(&format!("good{place}"), "username", json!(name));
        app.post("register/", &form).expect(201);
    }
    // An address may hold more, and is its owner's name.
    let form = without("n", "username");
    let mut form = form.as_object().expect("a form").clone();
    form.insert("email".to_owned(), json!("o'hara/x@example.org"));
    let created = app.post("register/", &json!(form)).expect(201);
    assert_eq!(created.get("username"), "o'hara/x@example.org");
}

const NO_USERNAME: &str =
    "Enter a valid username. It may contain letters, digits and @ . + - _, and no spaces.";
const FOREIGN: &str = "A username with an @ must be the account's own email address.";
const DIGITS: &str = "A username needs a letter, so that it is not taken for a number or a sign.";

/// A field, a value that breaks a rule, and how people are told.
fn rules() -> [(&'static str, Value, &'static str); 19] {
    let no_more_than_150 = "Ensure this field has no more than 150 characters.";
    let taken = "A user with that username already exists.";
    let long = |length: usize| json!("a".repeat(length));
    [
        ("email", json!("no-address"), "Enter a valid email address."),
        (
            "email",
            long(255),
            "Ensure this field has no more than 254 characters.",
        ),
        ("username", json!("a b"), NO_USERNAME),
        ("username", json!("taken"), taken),
        ("username", json!("TAKEN"), taken),
        (
            "username",
            json!("admin"),
            "This username is reserved. Choose another one.",
        ),
        ("username", long(151), no_more_than_150),
        ("username", json!("somebody@else.org"), FOREIGN),
        ("username", json!("ana@home"), FOREIGN),
        ("username", json!("ana＠example.com"), NO_USERNAME),
        ("username", json!("4711"), DIGITS),
        ("username", json!("４７١١"), DIGITS),
        ("username", json!(5), "Not a valid string."),
        ("first_name", long(151), no_more_than_150),
        ("last_name", json!(["x"]), "Not a valid string."),
        (
            "country",
            long(256),
            "Ensure this field has no more than 255 characters.",
        ),
        ("agree", json!("perhaps"), "Must be a valid boolean."),
        ("password", json!(""), "This field may not be blank."),
        (
            "confirmPassword",
            json!("Different1"),
            "The two passwords are not the same.",
        ),
    ]
}

#[test]
fn each_rule_has_its_sentence() {
    let app = App::new().with_user("taken");
    for (field, value, sentence) in rules() {
        let answer = app
            .post("register/", &changed("ana", field, value))
            .expect(400)
            .json();
        assert_eq!(answer[field], json!([sentence]));
        assert!(
            answer["error"]
                .as_str()
                .is_some_and(|it| it.contains(sentence)),
            "{answer}"
        );
    }
    let taken = changed("ana", "email", json!("TAKEN@Example.ORG"));
    let answer = app.post("register/", &taken).expect(400).json();
    assert_eq!(
        answer,
        json!({"error": "This email is already registered."})
    );
    assert_eq!(app.count("SELECT count(*) FROM users"), 1);
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
