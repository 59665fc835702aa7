//! What a registration carries besides: passwords of every kind, and fields that mean nothing here.

use serde_json::json;

use minisass_auth::domain::{AdditionalFields, Profile, ProfileChange};
use minisass_auth::store::users::UserChange;

use crate::app::{App, PASSWORD, operator};
use crate::register::{changed, form};

#[test]
fn a_password_is_refused_with_the_reason() {
    let app = App::new();
    let all = [
        ("short77".to_owned(), "too short"),
        ("😀".repeat(7), "too short"),
        ("password1".to_owned(), "too common"),
        ("minisass2026".to_owned(), "too similar"),
        ("Rivermouth".to_owned(), "too similar"),
        ("rivermouth@example.org".to_owned(), "too similar"),
        ("kartoza2024".to_owned(), "too similar"),
        ("x".repeat(129), "no more than 128"),
    ];
    for (password, reason) in all {
        let mut form = changed("rivermouth", "password", json!(password));
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
    let user = app.wait(app.operator.user("ana")).expect("an account");
    let profile = app
        .wait(app.operator.accounts.profile(user.id))
        .expect("a profile");
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
    let user = app.wait(app.operator.user("bob")).expect("an account");
    let profile = app
        .wait(app.operator.accounts.profile(user.id))
        .expect("a profile");
    assert!(profile.is_complete());
}

#[test]
fn of_two_who_change_a_profile_at_once_neither_undoes_what_the_other_did() {
    let app = App::new().with_user("ana");
    let user = app.wait(app.operator.user("ana")).expect("an account");
    let read = app.wait(app.operator.accounts.profile(user.id));
    let before = read.expect("a profile");
    // Both have read the same, and each changes something else.
    let set = |change: &dyn Fn(&mut Profile)| {
        let mut after = before.clone();
        change(&mut after);
        let profile = ProfileChange {
            before: before.clone(),
            after,
        };
        let change = UserChange {
            profile: Some(profile),
            ..UserChange::default()
        };
        let by = operator();
        let set = app.operator.update_user(&user, change, &by);
        app.wait(set).expect("a change").1
    };
    let fields = |text: &str| AdditionalFields::stored(text);
    set(&|it| it.is_expert = true);
    set(&|it| it.country = "PT".to_owned());
    set(&|it| it.additional_fields = fields(r#"{"river": "Umgeni"}"#));
    let stored = set(&|it| it.additional_fields = fields(r#"{"sites": 3}"#));
    assert!(stored.is_expert);
    assert_eq!(stored.country, "PT");
    let both = fields(r#"{"river": "Umgeni", "sites": 3}"#);
    assert_eq!(stored.additional_fields, both);
    let read = app.wait(app.operator.accounts.profile(user.id));
    assert_eq!(read.expect("a profile"), stored);
}
