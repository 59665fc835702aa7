//! This program behind nginx, which speaks TLS for it, below a path that is not its own.

use serde_json::json;

use super::proxy::{Proxy, header};
use crate::server::{PASSWORD, Server, Site};

/// Ada's site behind a proxy, with the limits on.
fn behind(proxy: &mut Proxy) -> (Site, Server) {
    let site = Site::new();
    site.add_user("ada", &[]);
    let server = proxy.start(&site, &[]);
    (site, server)
}

#[test]
fn a_login_through_a_proxy_gets_a_cookie_for_tls_only_and_ends_by_it() {
    let Some(mut proxy) = Proxy::reserve() else {
        return;
    };
    let (_site, _server) = behind(&mut proxy);
    let client = proxy.client("127.0.0.1");
    let login = client.post(
        "login",
        &json!({"email": "ada@example.org", "password": PASSWORD}),
    );
    assert_eq!(login.status, 200, "{login:?}");
    let transport = header(&login, "strict-transport-security").expect("HSTS");
    assert!(transport.contains("max-age="), "{transport}");
    let cookie = header(&login, "set-cookie").expect("a cookie");
    assert!(cookie.contains("; Secure"), "{cookie}");
    let cookie = cookie.split(';').next().expect("its value");

    let status = || {
        let path = "/authentication/api/check-auth-status/";
        client.ask(path, &["--cookie", cookie]).status
    };
    assert_eq!(status(), 200);
    let logout = |origin: &str| {
        let origin = format!("Origin: {origin}");
        let how = ["--request", "POST", "--header", &origin, "--cookie", cookie];
        client.ask("/authentication/api/logout/", &how).status
    };
    assert_eq!(logout("https://evil.example"), 401);
    assert_eq!(logout(&format!("https://{}", proxy.host())), 200);
    assert_eq!(status(), 401);
}

#[test]
fn limits_meet_the_client_and_not_the_proxy() {
    for forwarded in ["$proxy_add_x_forwarded_for", "$remote_addr"] {
        let Some(proxy) = Proxy::reserve() else {
            return;
        };
        let mut proxy = proxy.forwarding(forwarded);
        let (_site, _server) = behind(&mut proxy);
        let path = "/authentication/api/request-reset/";
        let body = ["--json", r#"{"email": "nobody@example.org"}"#];
        let statuses = proxy.client("127.0.0.2").statuses(200, path, &body);
        assert_eq!(statuses.len(), 200);
        assert_eq!((statuses[0], statuses[199]), (200, 429), "{statuses:?}");
        assert_eq!(proxy.client("127.0.0.3").ask(path, &body).status, 200);
    }
}
