//! Tokens: what they say, and that no other than ours are taken.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use serde_json::{Value, json};

use crate::app::{App, DAY, HOUR, PUBLIC_URL, START, operator};
use crate::client::Request;

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
pub fn key(app: &App) -> (String, Vec<u8>) {
    let exported = app.wait(app.operator.export_key(None, &operator()));
    let (kid, text) = exported.expect("a key");
    (kid, text.as_bytes().to_vec())
}

pub fn header(app: &App) -> Header {
    let kid = Some(key(app).0);
    Header {
        kid,
        ..Header::new(Algorithm::HS256)
    }
}

pub fn sign(app: &App, header: &Header, claims: &Value) -> String {
    encode(header, claims, &EncodingKey::from_secret(&key(app).1)).expect("a token")
}

/// Nothing that wants an access token or a refresh token takes it.
#[track_caller]
pub fn refused_everywhere(app: &App, token: &str) {
    for answer in [app.status(token), app.logout(token), app.refresh(token)] {
        let shown = token.chars().take(300).collect::<String>();
        assert_eq!(answer.status, 401, "{shown}: {}", answer.text());
        assert_eq!(
            answer.header("www-authenticate"),
            Some("Bearer realm=\"api\"")
        );
    }
}

pub fn session(app: &App) -> (String, String) {
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
        assert_eq!(claims["iss"], PUBLIC_URL);
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
    app.status(&access).expect(200);
}
