//! User names that Django allowed and nobody may choose here: they are found like any other.

use serde_json::json;

use crate::move_dump::{HASH, dump, import};
use crate::server::{PASSWORD, Site};

#[test]
fn a_name_that_may_not_be_chosen_is_found_wherever_names_are_taken() {
    let names = [
        "John Smith",
        "user\u{b2}",
        "a,b",
        "(bob)",
        "zero\u{200b}width",
        "wave\u{1f30a}",
        "left\u{202e}right",
        "tab\u{2003}em",
        "-rf",
    ];
    let emails: Vec<String> = (0..names.len())
        .map(|it| format!("user{it}@example.org"))
        .collect();
    let users = names.iter().zip(&emails);
    let users: Vec<_> = users.map(|(name, email)| (*name, &**email, HASH)).collect();
    let site = Site::new();
    import(&site, dump(&users), &[]).ok();
    let server = site.start(&[]);
    site.add_user("root9", &["--staff"]);
    let staff = server.login("root9@example.org").text("access_token");
    for (name, email) in names.iter().zip(&emails) {
        let body = json!({"username": name, "password": PASSWORD});
        assert_eq!(server.post("token", &body).status, 200, "{name:?}");
        let body = json!({"usernameForEmailRetrieval": name, "password": PASSWORD});
        assert_eq!(server.post("login", &body).status, 200, "{name:?}");
        let body = json!({"email": name.to_uppercase(), "password": PASSWORD});
        assert_eq!(server.post("login", &body).status, 200, "{name:?}");
        let wrong = json!({"username": name, "password": "wrong"});
        assert_eq!(server.post("token", &wrong).status, 401, "{name:?}");
        let path: String = name.bytes().map(|it| format!("%{it:02X}")).collect();
        let path = format!("/authentication/api/retrieve-email-by-username/{path}/");
        let found = server.get(&path, &staff);
        assert_eq!((found.status, &found.text("email")), (200, email));

        let shown = site
            .run(&["user", "show", "--format", "json", "--", name])
            .json();
        assert_eq!(shown["email"], **email, "{name:?}");
        let read = site.run_with(&["user", "deactivate", "-"], &format!("{name}\n"));
        read.ok();
        let body = json!({"username": name, "password": PASSWORD});
        assert_eq!(server.post("token", &body).status, 401, "{name:?}");
    }
}

#[test]
fn such_a_name_may_be_kept_and_still_not_be_chosen() {
    let site = Site::new();
    import(
        &site,
        dump(&[("John Smith", "john@example.org", HASH)]),
        &[],
    )
    .ok();
    let server = site.start(&[]);
    let body = json!({"username": "Jane Smith", "email": "jane@example.org", "password": PASSWORD,
        "first_name": "A", "last_name": "B", "organizationType": "NGO",
        "organizationName": "Rivers", "country": "ZA"});
    let refused = server.post("register", &body);
    assert!(refused.json()["username"].is_array(), "{refused:?}");
    let said = site.run(&["user", "update", "101", "--username", "Jon Smith"]);
    assert_eq!(said.code, Some(1), "{said:?}");
    let list = site.run(&["user", "list", "--search", "john smith", "--format", "json"]);
    assert_eq!(list.json()[0]["username"], "John Smith");
    let said = site.run(&["user", "show", "Jon Smith"]).refusal();
    assert!(said.contains("did you mean john smith?"), "{said}");
}
