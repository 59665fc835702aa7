//! Tokens that are not ours, or not as we made them.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use serde_json::{Value, json};

use crate::app::{App, DAY, START};
use crate::client::Answer;
use crate::tokens::{claims, header, key, refused_everywhere, session, sign};

/// Signs any header and any bytes, which the library would not.
fn sign_raw(app: &App, header: &str, claims: &[u8]) -> String {
    let text = format!(
        "{}.{}",
        URL_SAFE_NO_PAD.encode(header),
        URL_SAFE_NO_PAD.encode(claims)
    );
    let key = EncodingKey::from_secret(&key(app).1);
    let signature = jsonwebtoken::crypto::sign(text.as_bytes(), &key, Algorithm::HS256);
    format!("{text}.{}", signature.expect("a signature"))
}

/// Claims that are wrong one at a time.
fn wrong_claims() -> Vec<(&'static str, Value)> {
    let mut wrong = vec![
        ("exp", json!(-1)),
        ("exp", json!(START)),
        ("iat", json!(START + 3)),
        ("iat", json!(START + 365 * DAY)),
        ("iat", json!(i64::MAX)),
        ("nbf", json!(START + 1)),
        ("user_id", json!(-1)),
        ("user_id", json!(99)),
        ("jti", json!(1)),
        ("sid", json!("0".repeat(32))),
        ("token_type", json!("Access")),
        ("token_type", json!(["access"])),
    ];
    let numbers = json!([
        "1900000000",
        1.9e9,
        [1_900_000_000],
        {},
        true,
        1e300,
        u64::MAX
    ]);
    wrong.extend(each(["exp", "iat", "user_id", "nbf"], &numbers));
    let texts = json!([
        "",
        "MINISASS-AUTH",
        "minisass-auth2",
        "http://127.0.0.1",
        ["minisass-auth"],
        1
    ]);
    wrong.extend(each(["iss", "sid"], &texts));
    // No `nbf` is in order.
    let names = ["exp", "iat", "iss", "sid", "jti", "user_id", "token_type"];
    wrong.extend(each(names, &json!([null])));
    wrong
}

/// Each name with each value.
fn each<const N: usize>(names: [&'static str; N], values: &Value) -> Vec<(&'static str, Value)> {
    let values = values.as_array().expect("a list");
    let with_values = |name| values.iter().map(move |it| (name, it.clone()));
    names.into_iter().flat_map(with_values).collect()
}

#[test]
fn a_signed_token_with_one_wrong_claim_is_refused() {
    let app = App::new().with_user("ana");
    let (access, refresh) = session(&app);
    for token in [&access, &refresh] {
        let good = claims(token);
        for (name, value) in wrong_claims() {
            let mut claims = good.clone();
            claims[name] = value;
            refused_everywhere(&app, &sign(&app, &header(&app), &claims));
        }
        for name in ["exp", "iat", "iss", "sid", "jti", "user_id", "token_type"] {
            let mut claims = good.clone();
            claims.as_object_mut().expect("an object").remove(name);
            refused_everywhere(&app, &sign(&app, &header(&app), &claims));
        }
    }
    // What was wrong above was the claims.
    let again = |token: &str| sign(&app, &header(&app), &claims(token));
    app.status(&again(&access)).expect(200);
    app.refresh(&again(&refresh)).expect(200);
}

#[test]
fn a_fault_of_a_refresh_token_is_named() {
    let app = App::new().with_user("ana");
    let good = claims(&session(&app).1);
    let all = [
        ("token_type", "Token has no type"),
        ("jti", "Token has no id"),
    ];
    for (name, sentence) in all {
        let mut claims = good.clone();
        claims.as_object_mut().expect("an object").remove(name);
        let answer = app.refresh(&sign(&app, &header(&app), &claims)).expect(401);
        assert_eq!(answer.get("detail"), sentence);
    }
}

/// Headers under which not even our own signature counts; `KID` stands for the right one.
const WRONG_HEADERS: [&str; 21] = [
    r#"{"typ":"JWT","alg":"HS256"}"#,
    r#"{"alg":"HS256","kid":""}"#,
    r#"{"alg":"HS256","kid":"../../dev/null"}"#,
    r#"{"alg":"HS256","kid":"' OR 1=1 --"}"#,
    r#"{"alg":"HS256","kid":null}"#,
    r#"{"alg":"HS256","kid":["KID"]}"#,
    r#"{"kid":"KID"}"#,
    r#"{"alg":null,"kid":"KID"}"#,
    r#"{"alg":["HS256"],"kid":"KID"}"#,
    r#"{"alg":1,"kid":"KID"}"#,
    r#"{"alg":"HS256","kid":"KID","crit":["b64"],"b64":false}"#,
    r#"{"alg":"HS256","kid":"KID","b64":false}"#,
    r#"{"alg":"HS256","kid":"KID","b64":true}"#,
    r#"{"alg":"HS256","kid":"KID","crit":["exp"]}"#,
    r#"{"alg":"HS256","kid":"KID","crit":[]}"#,
    r#"{"alg":"HS256","kid":"KID","zip":"DEF"}"#,
    r#"{"alg":"HS256","kid":"KID","enc":"A128GCM"}"#,
    "[]",
    "null",
    "x",
    "",
];

#[test]
fn a_token_of_another_algorithm_is_refused() {
    let app = App::new().with_user("ana");
    let (access, refresh) = session(&app);
    let kid = key(&app).0;
    let names = [
        "none", "None", "NONE", "nOnE", "HS384", "HS512", "RS256", "ES256", "EdDSA", "hs256", "",
    ];
    for token in [access, refresh] {
        let payload = token.split('.').nth(1).expect("claims");
        let text = URL_SAFE_NO_PAD.decode(payload).expect("base64url");
        for algorithm in names {
            let header = format!(r#"{{"typ":"JWT","alg":"{algorithm}","kid":"{kid}"}}"#);
            refused_everywhere(&app, &sign_raw(&app, &header, &text));
            refused_everywhere(
                &app,
                &format!("{}.{payload}.", URL_SAFE_NO_PAD.encode(header)),
            );
        }
        for algorithm in [Algorithm::HS384, Algorithm::HS512] {
            let kid = Some(kid.clone());
            let header = Header {
                kid,
                ..Header::new(algorithm)
            };
            refused_everywhere(&app, &sign(&app, &header, &claims(&token)));
        }
    }
}

#[test]
fn a_token_with_an_odd_header_or_another_key_is_refused() {
    let app = App::new().with_user("ana");
    let (access, refresh) = session(&app);
    let kid = key(&app).0;
    for token in [access, refresh] {
        let text = claims(&token).to_string();
        let plain = format!(r#"{{"alg":"HS256","kid":"{kid}"}}"#);
        let taken = sign_raw(&app, &plain, text.as_bytes());
        let is_taken = |answer: Answer| answer.status == 200;
        assert!(is_taken(app.status(&taken)) || is_taken(app.refresh(&taken)));
        for header in WRONG_HEADERS {
            let header = header.replace("KID", &kid);
            refused_everywhere(&app, &sign_raw(&app, &header, text.as_bytes()));
        }
        for other in [b"".as_slice(), b"\0", b"secret", &[0; 32]] {
            let other = EncodingKey::from_secret(other);
            let forged = encode(&header(&app), &claims(&token), &other).expect("a token");
            refused_everywhere(&app, &forged);
        }
    }
}

/// A token with something more, less or else in it.
fn disfigured(token: &str) -> Vec<String> {
    let parts: Vec<_> = token.split('.').collect();
    let [head, claims, signature] = parts[..] else {
        panic!("three parts");
    };
    let mut odd = vec![
        format!("{token}="),
        format!("{token}=="),
        format!("{token}A"),
        format!("{token}."),
        format!(".{token}"),
        format!("{token}.{token}"),
        token.replace('.', ".."),
        token.replace('.', ""),
        format!("{head}.{claims}."),
        format!("{head}..{signature}"),
        format!("\"{token}\""),
        format!("{token}%20"),
        "..".to_owned(),
        ".".repeat(3000),
        "{}".to_owned(),
        "A".repeat(6000),
        format!("{head}.{claims}.{}", "A".repeat(5000)),
    ];
    odd.extend(
        (0..token.len())
            .step_by(7)
            .map(|length| token[..length].to_owned()),
    );
    odd.push(token[..token.len() - 1].to_owned());
    odd
}

#[test]
fn a_token_that_was_touched_is_refused() {
    let app = App::new().with_user("ana");
    let (access, refresh) = session(&app);
    for token in [&access, &refresh] {
        let bytes = token.as_bytes();
        for place in 0..bytes.len() {
            let mut touched = bytes.to_vec();
            touched[place] = if bytes[place] == b'A' { b'B' } else { b'A' };
            refused_once(
                &app,
                std::str::from_utf8(&touched).expect("ASCII"),
                token == &refresh,
            );
        }
        for odd in disfigured(token) {
            refused_once(&app, &odd, token == &refresh);
        }
        // Base64 has several spellings of the last bits (RFC 4648, section 3.5); one is ours.
        let alphabet = (b'A'..=b'Z')
            .chain(b'a'..=b'z')
            .chain(b'0'..=b'9')
            .chain(*b"-_");
        for last in alphabet.map(char::from) {
            let other = format!("{}{last}", &token[..token.len() - 1]);
            if other != *token {
                refused_once(&app, &other, token == &refresh);
            }
        }
    }
    // White space around a field is no part of it; within, it is.
    app.refresh(&format!(" {refresh}\n")).expect(200);
    app.refresh(&refresh.replace('.', ". ")).expect(401);
    app.status(&access).expect(200);
}

#[track_caller]
fn refused_once(app: &App, token: &str, as_refresh: bool) {
    // A blank is a field error; nothing is behind "Bearer " then.
    let answer: Answer = if as_refresh {
        app.refresh(token)
    } else {
        app.status(token)
    };
    let is_refused = answer.status == 401 || as_refresh && token.is_empty() && answer.status == 400;
    assert!(is_refused, "{token}: {}", answer.text());
}

#[test]
fn a_json_serialisation_and_five_parts_are_no_token() {
    let app = App::new().with_user("ana");
    let (access, _) = session(&app);
    let parts: Vec<_> = access.split('.').collect();
    let general = json!({"protected": parts[0], "payload": parts[1], "signature": parts[2]});
    app.refresh(&general.to_string()).expect(401);
    let jwe = format!("{access}.{}.{}", parts[1], parts[2]);
    refused_everywhere(&app, &jwe);
    app.post("refresh/", &json!({"refresh": general}))
        .expect(400);
}
