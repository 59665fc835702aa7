//! Tokens: what they say, and that no other than ours are taken.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use serde_json::{Value, json};

use crate::app::{App, DAY, HOUR, START};
use crate::client::{Answer, Request};

/// What a token says, whoever signed it.
pub fn claims(token: &str) -> Value {
    part(token, 1)
}

fn part(token: &str, place: usize) -> Value {
    let part = token.split('.').nth(place).expect("three parts");
    let bytes = URL_SAFE_NO_PAD.decode(part).expect("base64url");
    serde_json::from_slice(&bytes).expect("JSON")
}

/// The `kid` and the key, which a thief of tokens does not have.
fn key(app: &App) -> (String, Vec<u8>) {
    let entries = std::fs::read_dir(app.path("keys")).expect("keys");
    let mut paths = entries.map(|it| it.expect("a key").path());
    let path = paths
        .find(|it| it.to_string_lossy().contains("signing-"))
        .expect("a signing key");
    let name = path
        .file_stem()
        .expect("a name")
        .to_string_lossy()
        .into_owned();
    let kid = name.trim_start_matches("signing-").to_owned();
    let text = std::fs::read_to_string(path).expect("a key");
    (kid, text.trim().as_bytes().to_vec())
}

fn header(app: &App) -> Header {
    let kid = Some(key(app).0);
    Header {
        kid,
        ..Header::new(Algorithm::HS256)
    }
}

fn sign(app: &App, header: &Header, claims: &Value) -> String {
    encode(header, claims, &EncodingKey::from_secret(&key(app).1)).expect("a token")
}

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

/// Nothing that wants an access token or a refresh token takes it.
#[track_caller]
fn refused_everywhere(app: &App, token: &str) {
    for answer in [app.status(token), app.logout(token), app.refresh(token)] {
        let shown = token.chars().take(300).collect::<String>();
        assert_eq!(answer.status, 401, "{shown}: {}", answer.text());
        assert_eq!(
            answer.header("www-authenticate"),
            Some("Bearer realm=\"api\"")
        );
    }
}

fn session(app: &App) -> (String, String) {
    let opened = app.login("ana");
    (opened.get("access_token"), opened.get("refresh_token"))
}

#[test]
fn tokens_say_what_simplejwt_says_and_name_their_session() {
    let app = App::new();
    let ana = app.add_user("ana");
    let (access, refresh) = session(&app);
    let [access_claims, refresh_claims] = [&access, &refresh].map(|it| claims(it));
    assert_eq!(
        part(&access, 0),
        json!({"typ": "JWT", "alg": "HS256", "kid": key(&app).0})
    );
    for (claims, kind, lasts) in [
        (&access_claims, "access", HOUR),
        (&refresh_claims, "refresh", 30 * DAY),
    ] {
        let jti = claims["jti"].as_str().expect("a jti");
        assert!(jti.len() == 32 && jti.bytes().all(|b| b.is_ascii_hexdigit()));
        assert_eq!(claims["token_type"], kind);
        assert_eq!(claims["iat"], START);
        assert_eq!(claims["exp"], START + lasts);
        assert_eq!(claims["user_id"], ana.id.0);
        assert_eq!(claims["iss"], "minisass-auth");
        assert_eq!(claims.as_object().expect("an object").len(), 7, "{claims}");
    }
    assert_eq!(access_claims["sid"], refresh_claims["sid"]);
    assert_ne!(access_claims["jti"], refresh_claims["jti"]);
    assert_ne!(claims(&session(&app).0)["sid"], access_claims["sid"]);
}

#[test]
fn neither_kind_is_taken_for_the_other() {
    let app = App::new().with_user("ana");
    let (access, refresh) = session(&app);
    let wrong = app.refresh(&access).expect(401).json();
    assert_eq!(
        wrong,
        json!({"detail": "Token has wrong type", "code": "token_not_valid"})
    );
    app.status(&refresh).expect(401);
    let wrong = app.logout(&refresh).expect(401).json();
    assert_eq!(wrong["messages"][0]["message"], "Token has wrong type");
    assert_eq!(wrong["code"], "token_not_valid");
    app.status(&access).expect(200);
    app.refresh(&refresh).expect(200);
}

#[test]
fn a_mailed_link_is_no_token_and_a_token_is_no_link() {
    let app = App::new().with_user("ana");
    let (access, refresh) = session(&app);
    let (uid, token) = crate::reset::link(&app, "ana@example.org");
    refused_everywhere(&app, &token);
    for token in [&access, &refresh] {
        let answer = app.post(
            &format!("update-password-reset/{uid}/{token}/"),
            &json!({"newPassword": "Another1Pass"}),
        );
        answer.expect(401);
    }
}

#[test]
fn an_access_token_ends_to_the_second() {
    let app = App::new().with_user("ana");
    let (access, refresh) = session(&app);
    app.clock.advance(HOUR - 1);
    app.status(&access).expect(200);
    app.clock.advance(1);
    app.status(&access).expect(401);
    let answer = app.logout(&access).expect(401).json();
    assert_eq!(
        answer["messages"][0]["message"],
        "Token is invalid or expired"
    );
    app.refresh(&refresh).expect(200);
}

#[test]
fn a_signed_token_with_claims_of_the_wrong_type_is_refused() {
    let app = App::new().with_user("ana");
    let (access, refresh) = session(&app);
    for token in [&access, &refresh] {
        let good = claims(token);
        let resigned = sign(&app, &header(&app), &good);
        let taken = if *token == access {
            app.status(&resigned)
        } else {
            app.refresh(&resigned)
        };
        taken.expect(200);
        let wrong_number = [
            json!(null),
            json!("1900000000"),
            json!(1.9e9),
            json!(-1),
            json!([1_900_000_000]),
            json!({}),
            json!(true),
            json!(1e300),
            json!(""),
        ];
        let later = json!(START + 1);
        let mut bad: Vec<(&str, Value)> = Vec::new();
        for name in ["exp", "iat", "user_id"] {
            bad.extend(
                wrong_number
                    .iter()
                    .filter(|it| name != "iat" || **it != -1)
                    .map(|it| (name, it.clone())),
            );
        }
        bad.extend(
            wrong_number[1..]
                .iter()
                .filter(|it| **it != -1)
                .map(|it| ("nbf", it.clone())),
        );
        bad.extend([
            ("iat", later.clone()),
            ("nbf", later),
            ("exp", json!(START)),
            ("user_id", json!(99)),
        ]);
        let texts = [
            json!(null),
            json!(""),
            json!("minisass-auth2"),
            json!(["minisass-auth"]),
            json!("MINISASS-AUTH"),
            json!(1),
        ];
        bad.extend(texts.iter().map(|it| ("iss", it.clone())));
        bad.extend(
            texts
                .iter()
                .chain(&[json!("0".repeat(32)), json!("A".repeat(32))])
                .map(|it| ("sid", it.clone())),
        );
        bad.extend([
            ("jti", json!(null)),
            ("jti", json!(1)),
            ("token_type", json!(null)),
            ("token_type", json!("Access")),
            ("token_type", json!(["access"])),
        ]);
        for (name, value) in bad {
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

#[test]
fn a_token_of_another_algorithm_or_key_is_refused() {
    let app = App::new().with_user("ana");
    let (access, refresh) = session(&app);
    let kid = key(&app).0;
    for token in [access, refresh] {
        let payload = token.split('.').nth(1).expect("claims");
        let text = URL_SAFE_NO_PAD.decode(payload).expect("base64url");
        for algorithm in [
            "none", "None", "NONE", "nOnE", "HS384", "HS512", "RS256", "ES256", "EdDSA", "hs256",
            "",
        ] {
            let header = format!(r#"{{"typ":"JWT","alg":"{algorithm}","kid":"{kid}"}}"#);
            refused_everywhere(&app, &sign_raw(&app, &header, &text));
            refused_everywhere(
                &app,
                &format!("{}.{payload}.", URL_SAFE_NO_PAD.encode(header)),
            );
        }
        let kid_less = [
            r#"{"typ":"JWT","alg":"HS256"}"#.to_owned(),
            r#"{"alg":"HS256","kid":""}"#.to_owned(),
            r#"{"alg":"HS256","kid":"../../dev/null"}"#.to_owned(),
            r#"{"alg":"HS256","kid":"' OR 1=1 --"}"#.to_owned(),
            r#"{"alg":"HS256","kid":null}"#.to_owned(),
            r#"{"alg":"HS256","kid":["a"]}"#.to_owned(),
            format!(r#"{{"kid":"{kid}"}}"#),
            format!(r#"{{"alg":null,"kid":"{kid}"}}"#),
            format!(r#"{{"alg":["HS256"],"kid":"{kid}"}}"#),
            format!(r#"{{"alg":1,"kid":"{kid}"}}"#),
            format!(r#"{{"alg":"HS256","kid":"{kid}","crit":["b64"],"b64":false}}"#),
            format!(r#"{{"alg":"HS256","kid":"{kid}","crit":["exp"]}}"#),
            format!(r#"{{"alg":"HS256","kid":"{kid}","crit":[]}}"#),
            format!(r#"{{"alg":"HS256","kid":"{kid}","zip":"DEF"}}"#),
            format!(r#"{{"alg":"HS256","kid":"{kid}","enc":"A128GCM"}}"#),
            "[]".to_owned(),
            "null".to_owned(),
            "x".to_owned(),
            String::new(),
        ];
        for header in kid_less {
            refused_everywhere(&app, &sign_raw(&app, &header, &text));
        }
        for algorithm in [Algorithm::HS384, Algorithm::HS512] {
            let header = Header {
                kid: Some(kid.clone()),
                ..Header::new(algorithm)
            };
            refused_everywhere(&app, &sign(&app, &header, &claims(&token)));
        }
        for blank in [b"".as_slice(), b"\0", b"secret", &[0; 32]] {
            let key = EncodingKey::from_secret(blank);
            let forged = encode(&header(&app), &claims(&token), &key).expect("a token");
            refused_everywhere(&app, &forged);
        }
    }
}

#[test]
fn a_token_that_was_touched_is_refused() {
    let app = App::new().with_user("ana");
    let (access, refresh) = session(&app);
    for token in [&access, &refresh] {
        let bytes = token.as_bytes();
        for place in 0..bytes.len() {
            let mut touched = bytes.to_vec();
            // The lowest bit of base64's alphabet: even in the last character it counts.
            touched[place] = if bytes[place] == b'A' { b'B' } else { b'A' };
            refused_once(
                &app,
                std::str::from_utf8(&touched).expect("ASCII"),
                token == &refresh,
            );
        }
        for length in (0..token.len()).step_by(7).chain([token.len() - 1]) {
            refused_once(&app, &token[..length], token == &refresh);
        }
        let parts: Vec<_> = token.split('.').collect();
        for odd in [
            format!("{token}="),
            format!("{token}=="),
            format!("{token}A"),
            format!("{token}."),
            format!(".{token}"),
            format!("{token}.{token}"),
            token.replace('.', ".."),
            token.replace('.', ""),
            format!("{}.{}.", parts[0], parts[1]),
            format!("{}..{}", parts[0], parts[2]),
            format!("\"{token}\""),
            "..".to_owned(),
            ".".repeat(3000),
            "{}".to_owned(),
            format!("{token}%20"),
            "A".repeat(6000),
            format!("{}.{}.{}", parts[0], parts[1], "A".repeat(5000)),
        ] {
            refused_once(&app, &odd, token == &refresh);
        }
        // Base64 has several spellings of the last bits (RFC 4648, section 3.5); one is ours.
        for last in "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_".chars() {
            let other = format!("{}{last}", &token[..token.len() - 1]);
            if other != *token {
                refused_once(&app, &other, token == &refresh);
            }
        }
    }
    for spaced in [
        format!(" {refresh}"),
        format!("{refresh}\n"),
        format!("{refresh}\u{a0}"),
        refresh.replace('.', ". "),
    ] {
        app.refresh(&spaced).expect(401);
    }
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

#[test]
fn a_token_is_taken_from_the_authorization_header_only() {
    let app = App::new().with_user("ana");
    let (access, _) = session(&app);
    for name in ["access_token", "token", "access", "bearer"] {
        app.get(&format!("check-auth-status/?{name}={access}"))
            .expect(401);
        let cookie = format!("{name}={access}; minisass_session={access}");
        app.send(Request::new("GET", "check-auth-status/").header("Cookie", &cookie))
            .expect(401);
        app.post("logout/", &json!({ name: access })).expect(401);
    }
    for scheme in ["Bearer", "bearer", "BEARER", "Bearer "] {
        let request = Request::new("GET", "check-auth-status/");
        app.send(request.header("Authorization", &format!("{scheme} {access}")))
            .expect(200);
    }
}

#[test]
fn an_authorization_header_that_makes_no_sense_is_told_so_at_logout() {
    let app = App::new().with_user("ana");
    let (access, _) = session(&app);
    let bad = |request: Request| {
        let answer = app.send(request).expect(401).json();
        assert_eq!(answer["code"], "bad_authorization_header", "{answer}");
    };
    let logout = || Request::new("POST", "logout/");
    bad(logout().header("Authorization", "Bearer"));
    bad(logout().header("Authorization", &format!("Bearer {access} x")));
    bad(logout().bearer(&access).bearer(&access));
    bad(logout()
        .bearer(&access)
        .header("Authorization", "Basic YTpi"));
    for other in [
        "Basic YTpi",
        &access,
        "",
        "Token x",
        &format!("JWT {access}"),
    ] {
        let answer = app
            .send(logout().header("Authorization", other))
            .expect(401);
        assert_eq!(
            answer.get("detail"),
            "Authentication credentials were not provided."
        );
    }
    let status = Request::new("GET", "check-auth-status/")
        .bearer(&access)
        .bearer(&access);
    app.send(status).expect(401);
    app.status(&access).expect(200);
}
