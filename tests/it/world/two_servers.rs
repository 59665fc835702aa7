//! Two servers on one PostgreSQL behind nginx, as packaging/compose-postgres.yaml has them.

use std::path::Path;

use super::port::Port;
use super::proxy::Proxy;
use crate::old_keys::{self, OTHER_MASTER};
use crate::postgres;
use crate::server::{PASSWORD, Server, Site};

/// One of them, on a port that nginx knows.
fn serve(port: &Port, settings: &[&str]) -> (Site, Server) {
    let site = Site::new();
    let listen = format!("127.0.0.1:{}", port.number);
    let serve = ["serve", "--listen", &listen];
    let command = site.command(&[&serve, settings].concat());
    let server = Server::start(command, &site.path("log"));
    (site, server)
}

#[test]
fn nginx_takes_the_configuration_for_two_servers_and_goes_on_with_one() {
    let (Some(mut proxy), Some(database)) = (Proxy::reserve(), postgres::empty_database()) else {
        return;
    };
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("packaging/nginx-postgres.conf");
    let mut shipped = std::fs::read_to_string(file).expect("a configuration");
    let ports = [Port::reserve(), Port::reserve()];
    for (name, port) in ["one", "two"].iter().zip(&ports) {
        let ours = format!("127.0.0.1:{}", port.number);
        shipped = shipped.replace(&format!("{name}:8000"), &ours);
    }
    proxy = proxy.of_the_guide(&shipped);
    let keys = Site::new();
    old_keys::put(&keys, &[("master", OTHER_MASTER)]);
    let (url, public) = (database.url(), proxy.url());
    let master = keys.data().join("keys/master").display().to_string();
    let settings = [
        ["--database", &url],
        ["--master-key-file", &master],
        ["--public-url", &public],
        ["--trusted-proxies", "127.0.0.1"],
    ];
    let [(_site, mut first), _second] = ports.each_ref().map(|it| serve(it, &settings.concat()));
    proxy.start_before("unused");

    let client = proxy.client("127.0.0.1");
    let body = crate::server::registration("ada");
    assert_eq!(client.post("register", &body).status, 201);
    let login = serde_json::json!({"email": "ada@example.org", "password": PASSWORD});
    let token = client.post("login", &login).text("access_token");
    let bearer = format!("Authorization: Bearer {token}");
    let status = |count| {
        let path = "/authentication/api/check-auth-status/";
        client.statuses(count, path, &["--header", &bearer])
    };
    assert_eq!(status(20), [200; 20]);
    let logout = "/authentication/api/logout/";
    let ended = client.ask(logout, &["--request", "POST", "--header", &bearer]);
    assert_eq!(ended.status, 200, "{ended:?}");
    assert_eq!(status(20), [401; 20]);
    assert_eq!(first.stop(), Some(0));
    for _ in 0..5 {
        assert_eq!(client.post("login", &login).status, 200);
    }
}
