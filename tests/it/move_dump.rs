//! Dumps of Django written by hand, for what a real project does not have.

use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::{Value, json};

use crate::server::{Outcome, Site};

/// Of [`crate::server::PASSWORD`], as cheap as can be.
pub const HASH: &str = "pbkdf2_sha256$1$salt$16ooqREHNgwAegV/oPCcDMhe3m7exij4DRHWVz0xtaI=";

/// A row of a user.
pub fn person(pk: i64, name: &str, email: &str, hash: &str) -> Value {
    let fields = json!({"username": name, "email": email, "password": hash, "is_active": true});
    json!({"model": "auth.user", "pk": pk, "fields": fields})
}

/// A dump with a user for each of these, from number 101 on: name, address, hash.
pub fn dump(users: &[(&str, &str, &str)]) -> String {
    let rows = users.iter().zip(101..);
    Value::from_iter(rows.map(|((name, email, hash), pk)| person(pk, name, email, hash)))
        .to_string()
}

/// Imports a file of that text.
pub fn import(site: &Site, text: impl AsRef<[u8]>, more: &[&str]) -> Outcome {
    let file = site.path("dump.json");
    std::fs::write(&file, text).expect("a dump");
    import_file(site, &file.display().to_string(), more)
}

pub fn import_file(site: &Site, file: &str, more: &[&str]) -> Outcome {
    let import = [
        "--format", "json", "user", "import", "--from", "django", file,
    ];
    site.run(&[&import[..], more].concat())
}

/// What an import said on standard output, however it ended.
pub fn summary(said: &Outcome) -> Value {
    serde_json::from_str(&said.out).unwrap_or_else(|_| panic!("no summary: {said:?}"))
}

/// Somebody may have written the dump by hand.
#[test]
fn the_name_of_a_model_is_known_in_any_case() {
    let mut ada = person(7, "ada", "ada@example.org", HASH);
    ada["model"] = "auth.User".into();
    let fields = json!({"user": 7, "country": "ZA"});
    let model = "minisass_authentication.UserProfile";
    let profile = json!({"model": model, "pk": 1, "fields": fields});
    let site = Site::new();
    import(&site, Value::from_iter([profile, ada]).to_string(), &[]).ok();
    let profile = site.run(&["profile", "show", "ada", "--format", "json"]);
    assert_eq!(profile.json()["country"], "ZA");
}

/// A rehearsal has found that all can come; somebody who registers after it takes nobody's number.
#[test]
fn whoever_registers_while_a_dump_moves_in_gets_a_number_behind_it() {
    move_in_beside_registrations([], &[], Some(0));
    // Somebody cannot come, and is left out.
    let nobody = person(1, "nobody", "no address", HASH);
    move_in_beside_registrations([nobody], &["--on-error", "skip"], Some(1));
}

fn move_in_beside_registrations<const N: usize>(
    others: [Value; N],
    how: &[&str],
    code: Option<i32>,
) {
    let site = Site::new();
    let server = site.start(&[]);
    let people = (0..20_000).map(|it| {
        let name = format!("person{it}");
        person(200_000 + it, &name, &format!("{name}@example.org"), HASH)
    });
    let people: Value = others.into_iter().chain(people).collect();
    let (server, moving) = (&server, &AtomicBool::new(true));
    std::thread::scope(|scope| {
        scope.spawn(move || {
            let mut count = 0;
            while moving.load(Ordering::Relaxed) {
                assert_eq!(server.register(&format!("new{count}")), 201);
                count += 1;
            }
        });
        let said = import(&site, people.to_string(), how);
        moving.store(false, Ordering::Relaxed);
        let done = summary(&said);
        assert_eq!(
            (&done["added"], &done["failed"], said.code),
            (&json!(20_000), &json!(N), code),
            "{}",
            said.err
        );
    });
    site.add_user("last", &[]);
    let last = site
        .run(&["user", "show", "last", "--format", "json"])
        .json();
    assert!(last["id"].as_i64() >= Some(220_000), "{last}");
}

/// A project may have no model of profiles: its users have the fields.
#[test]
fn users_that_have_the_fields_of_a_profile_bring_it() {
    let mut ada = person(7, "ada", "ada@example.org", HASH);
    ada["model"] = "accounts.member".into();
    ada["fields"]["country"] = "ZA".into();
    ada["fields"]["organization_name"] = "Kartoza".into();
    ada["fields"]["organization_type"] = "NGO".into();
    let models = ["--user-model", "accounts.Member", "--profile-model"];
    let dump = Value::from_iter([ada]).to_string();
    let said = import(&Site::new(), dump.clone(), &models[..2]);
    let note = "have organization_type, organization_name, country, which stay behind; add --profile-model";
    assert!(said.err.contains(note), "{}", said.err);
    let site = Site::new();
    import(&site, dump, &[&models[..], &["accounts.Member"]].concat()).ok();
    let profile = site.run(&["profile", "show", "ada", "--format", "json"]);
    let profile = profile.json();
    assert_eq!(profile["organisation_name"], "Kartoza");
    assert_eq!(
        (&profile["country"], &profile["is_complete"]),
        (&json!("ZA"), &json!(true))
    );
}

/// Whose profiles cannot be brought is told what they need.
#[test]
fn a_profile_that_names_nobody_is_counted_and_the_field_is_named() {
    let fields = json!({"owner": 101, "country": "ZA"});
    let profile = json!({"model": "people.profile", "pk": 1, "fields": fields});
    let dump = Value::from_iter([person(101, "ada", "ada@example.org", HASH), profile]);
    let site = Site::new();
    let said = import(
        &site,
        dump.to_string(),
        &["--profile-model", "people.profile"],
    );
    let note = "1 profile, history or consent belongs to nobody in the dump; their field `user`";
    assert!(said.err.contains(note), "{}", said.err);
    assert_eq!(said.json()["added"], 1);
}

#[test]
fn a_dump_whose_users_are_of_another_model_is_refused_though_it_has_a_blacklist() {
    let mut ada = person(7, "ada", "ada@example.org", HASH);
    ada["model"] = "accounts.member".into();
    let issued = json!({
        "model": "token_blacklist.outstandingtoken", "pk": 1,
        "fields": {"user": 7, "jti": "ab", "token": "x", "expires_at": "2099-01-01T00:00:00Z"},
    });
    let ended = json!({
        "model": "token_blacklist.blacklistedtoken", "pk": 1, "fields": {"token": 1},
    });
    let dump = Value::from_iter([ada, issued, ended]).to_string();
    let said = import(&Site::new(), dump, &[]);
    assert_eq!(said.code, Some(1));
    assert!(
        said.err.contains("add --user-model accounts.member"),
        "{}",
        said.err
    );
}
