//! Nobody can register a name or an address that reads like somebody else's.

use serde_json::{Value, json};

use crate::app::{App, PASSWORD};
use crate::corpora;
use crate::register::form;

/// As `victim`, so that every letter of it and every substitute has its turn.
const VICTIMS: [&str; 4] = ["bjdnfrquick", "zealotpwm", "ghxysv2026", "a.b_c-d+e"];

fn character(code: &Value) -> char {
    let code = u32::from_str_radix(code.as_str().expect("a code"), 16).expect("hexadecimal");
    char::from_u32(code).expect("a character")
}

/// (what is replaced, by what), of all groups that equal ASCII in some folding.
fn substitutes(corpus: &Value) -> Vec<(String, char)> {
    let mut all = Vec::new();
    for group in ["nfkc_casefold_equal", "simple_case_equal"] {
        for (ascii, codes) in corpus[group].as_object().expect("an object") {
            let codes = codes.as_array().expect("a list");
            all.extend(codes.iter().map(|code| (ascii.clone(), character(code))));
        }
    }
    for pair in corpus["expands_to_ascii"].as_array().expect("a list") {
        let ascii = pair[1].as_str().expect("a text");
        all.push((ascii.to_owned(), character(&pair[0])));
    }
    all
}

#[test]
fn no_substitute_of_a_character_makes_a_new_user_name() {
    let Some(corpus) = corpora::json("generated/unicode_identity.json") else {
        return;
    };
    let app = App::new();
    let mut tried = 0;
    for (ascii, other) in substitutes(&corpus) {
        for victim in VICTIMS.iter().filter(|it| it.contains(&ascii)) {
            refuse_like(
                &app,
                victim,
                &victim.replacen(&ascii, &other.to_string(), 1),
            );
            tried += 1;
        }
    }
    for group in ["default_ignorable", "whitespace"] {
        for code in corpus[group].as_array().expect("a list") {
            let other = character(code);
            refuse_like(&app, "victim", &format!("vic{other}tim"));
            refuse_like(&app, "victim", &format!("{other}victim"));
            refuse_like(&app, "victim", &format!("victim{other}"));
        }
    }
    assert!(tried > 1000, "{tried}");
}

/// Registers the victim, if need be, and then nobody under the other name.
fn refuse_like(app: &App, victim: &str, other: &str) {
    if app.wait(app.operator.user(victim)).is_err() {
        let mut honest = form("x");
        honest["username"] = json!(victim);
        honest["email"] = json!(format!("{}@victims.example", victim.replace('+', "-")));
        app.post("register/", &honest).expect(201);
    }
    let mut look_alike = form("attacker");
    look_alike["username"] = json!(other);
    let answer = app.post("register/", &look_alike);
    assert_eq!(
        answer.status,
        400,
        "{other:?} ({}) {}",
        other.escape_unicode(),
        answer.text()
    );
}

#[test]
fn no_substitute_of_a_character_makes_a_new_address_or_gets_a_mail() {
    let Some(corpus) = corpora::json("generated/unicode_identity.json") else {
        return;
    };
    let app = App::new().with_user("victim");
    for (ascii, other) in substitutes(&corpus) {
        for (place, part) in ["victim", "@example", ".org"].into_iter().enumerate() {
            if !part.contains(&ascii) {
                continue;
            }
            let mut parts = ["victim", "@example", ".org"].map(str::to_owned);
            parts[place] = part.replacen(&ascii, &other.to_string(), 1);
            let address = parts.concat();
            let mut look_alike = form("attacker");
            look_alike["email"] = json!(address);
            let answer = app.post("register/", &look_alike);
            assert_eq!(answer.status, 400, "{address:?} {}", other.escape_unicode());
            let asked = app.post("request-reset/", &json!({"email": address}));
            assert!([200, 400].contains(&asked.status));
        }
    }
    for mail in app.mails() {
        assert!(mail.contains("To: victim@example.org\r\n"), "{mail}");
    }
}

#[test]
fn the_case_of_an_address_is_nothing() {
    let app = App::new().with_user("victim");
    for email in [
        "VICTIM@example.org",
        "victim@EXAMPLE.ORG",
        "Victim@Example.Org",
    ] {
        let mut other = form("other");
        other["email"] = json!(email);
        let answer = app.post("register/", &other).expect(400);
        assert_eq!(answer.get("error"), "This email is already registered.");
        app.try_login(email, PASSWORD).expect(200);
    }
}

#[test]
fn a_user_name_is_not_somebody_elses_address() {
    let app = App::new().with_user("victim");
    for name in [
        "victim@example.org",
        "VICTIM@example.org",
        "ｖictim@example.org",
    ] {
        let mut attacker = form("attacker");
        attacker["username"] = json!(name);
        app.post("register/", &attacker).expect(400);
    }
    let session = app.try_login("victim@example.org", PASSWORD).expect(200);
    assert_eq!(session.get("username"), "victim");
}

const UNREACHABLE: &[&str] = &[
    "plain",
    "@example.org",
    "a@",
    "a@b",
    "a@b@c.org",
    "a b@example.org",
    ".a@example.org",
    "a.@example.org",
    "a..b@example.org",
    "\"a\"@example.org",
    "a@[127.0.0.1]",
    "a@127.0.0.1",
    "a@example..org",
    "a@-example.org",
    "a@example.org.",
    "a@exam_ple.org",
    "ä@example.org",
    "a@example.org,b@example.org",
    "A <a@example.org>",
    "a@example.org%0ab",
    "a@xn--a.example\u{0}",
    "a@example.1",
];

#[test]
fn an_address_that_mail_cannot_reach_is_none() {
    let app = App::new();
    for email in UNREACHABLE {
        let mut form = form("ana");
        form["email"] = json!(email);
        let answer = app.post("register/", &form);
        assert_eq!(answer.status, 400, "{email:?} {}", answer.text());
    }
    for email in [
        "a+b@example.org",
        "O'Neill_1-2@sub.example.co.za",
        "x@bücher.example",
        "y@xn--bcher-kva.example",
    ] {
        let mut form = form(&email.replace(|c: char| !c.is_ascii_alphanumeric(), "-"));
        form["email"] = json!(email);
        app.post("register/", &form).expect(201);
    }
}
