//! This program behind nginx, which speaks TLS for it, below a path that is not its own.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;

use serde_json::{Value, json};

use super::browser::Browser;
use super::browser_pages::mailed_link;
use super::proxy::{Proxy, header};
use super::{part, program};
use crate::server::{PASSWORD, Server, Site};
use crate::smtp::ask;

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

/// The program at a Unix socket, behind this proxy.
fn behind_a_socket(proxy: &mut Proxy, more: &[&str]) -> (Site, Server) {
    let site = Site::new();
    // Whoever may open the socket has to get there.
    fs::set_permissions(site.path(""), Permissions::from_mode(0o755)).expect("a mode");
    let listen = format!("unix:{}", site.path("http.sock").display());
    let url = proxy.url();
    let serve = ["serve", "--listen", &listen, "--public-url", &url];
    let serve = site.command(&[&serve[..], more].concat());
    let server = Server::start(serve, &site.path("log"));
    proxy.start_before(&listen);
    (site, server)
}

#[test]
fn limits_meet_the_clients_of_a_proxy_that_comes_by_a_unix_socket() {
    let Some(mut proxy) = Proxy::reserve() else {
        return;
    };
    let (_site, server) = behind_a_socket(&mut proxy, &[]);
    let path = "/authentication/api/request-reset/";
    let body = ["--json", r#"{"email": "nobody@example.org"}"#];
    let statuses = proxy.client("127.0.0.2").statuses(200, path, &body);
    assert_eq!((statuses[0], statuses[199]), (200, 429), "{statuses:?}");
    assert_eq!(proxy.client("127.0.0.3").ask(path, &body).status, 200);
    // What a client writes into the header itself stands before the proxy's word.
    let forged = [&body[..], &["--header", "X-Forwarded-For: 127.0.0.9"]].concat();
    // On a slow machine one more may have been allowed meanwhile; a stranger could send several.
    let statuses = proxy.client("127.0.0.2").statuses(3, path, &forged);
    assert!(statuses.contains(&429), "{statuses:?}");
    let log = server.log_with("127.0.0.3");
    assert!(!log.contains("client_unknown"), "{log}");
}

#[test]
fn mode_and_group_of_a_unix_socket_say_which_proxy_gets_through() {
    let found = program("setpriv").and_then(|_| {
        let is_root = rustix::process::geteuid().is_root();
        let needed = "only root can run nginx as somebody else".to_owned();
        is_root.then_some(()).ok_or(needed)
    });
    if part(found).is_none() {
        return;
    }
    for (more, status) in [
        (&[][..], 502),
        (&["--listen-group", "65533"], 200),
        (&["--listen-group", "65533", "--listen-mode", "0600"], 502),
        (&["--listen-mode", "0606"], 200),
    ] {
        let Some(proxy) = Proxy::reserve() else {
            return;
        };
        let mut proxy = proxy.run_by("65534", "65533");
        let (_site, _server) = behind_a_socket(&mut proxy, more);
        let answer = proxy.client("127.0.0.1").ask("/healthz", &[]);
        assert_eq!(answer.status, status, "{more:?}: {answer:?}");
    }
}

#[test]
fn the_button_and_the_form_of_mailed_pages_work_below_a_path() {
    let (Some(browser), Some(mut proxy)) = (Browser::find(), Proxy::reserve()) else {
        return;
    };
    let site = Site::new();
    let server = proxy.start(&site, &["--require-verified-email", "true"]);
    assert_eq!(server.register("ada"), 201);
    let link = mailed_link(&site, "activation");
    assert!(link.starts_with(&proxy.url()), "{link}");
    let host = proxy.host();
    let seen = browser
        .story(&[&host])
        .open(&link)
        .click("button")
        .see("Account confirmed")
        .play();
    seen.assert_clean();
    ask(&server, "ada");
    let seen = browser
        .story(&[&host])
        .open(&mailed_link(&site, "password-reset"))
        .fill("[name=newPassword]", "An0ther@Pass2")
        .click("text=Set the password")
        .see("Password changed")
        .play();
    seen.assert_clean();
}

#[test]
fn swagger_logs_in_below_a_path() {
    let (Some(browser), Some(mut proxy)) = (Browser::find(), Proxy::reserve()) else {
        return;
    };
    let (_site, _server) = behind(&mut proxy);
    let login = json!({"email": "ada@example.org", "password": PASSWORD});
    let seen = browser
        .story(&[&proxy.host()])
        .open(&format!("{}/docs/", proxy.url()))
        .click(".opblock-post >> text=/^User Login$/")
        .fill("textarea.body-param__text", &login.to_string())
        .click("button.execute")
        .read(".live-responses-table tbody .response-col_status")
        .play();
    assert_eq!(seen.failed(), None, "{}", seen.text());
    assert!(seen.read()[0].starts_with("200"), "{:?}", seen.read());
    let client = proxy.client("127.0.0.1");
    let answer = client.post("login", &login);
    let cookie = header(&answer, "set-cookie").expect("a cookie");
    assert!(cookie.contains("; Path=/auth;"), "{cookie}");
    let document: Value = client.ask("/openapi.json", &[]).json();
    assert_eq!(document["servers"][0]["url"], "/auth");
}
