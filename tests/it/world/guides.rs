//! What the guides show for other people's software, run by that software as it really is.

use std::os::unix::fs::symlink;
use std::process::Command;

use serde_json::json;

use super::browser::install;
use super::proxy::{Proxy, header};
use super::{part, program, python};
use crate::guides::blocks_of;
use crate::server::{PASSWORD, Site, run};

/// Where the guide has another service keep the key.
const KEY: &str = "/etc/your-service/minisass.key";

/// A service with the key, as the guide says, and a token that was made here.
struct Service {
    site: Site,
    key: String,
    token: String,
}

impl Service {
    fn new() -> Self {
        let site = Site::new();
        site.add_user("ada", &[]);
        let key = site.path("minisass.key");
        std::fs::write(&key, site.run(&["key", "export"]).ok()).expect("a key");
        let token = site.run(&["token", "issue", "ada"]).ok().trim().to_owned();
        let key = key.display().to_string();
        Self { site, key, token }
    }

    /// The block of the guide, with the key where it really is.
    fn block(&self, language: &str, index: usize) -> String {
        blocks_of("docs/tokens.md", language)[index].replace(KEY, &self.key)
    }

    /// A token of the other kind, which is no proof of who asks.
    fn refresh(&self) -> String {
        let issue = ["token", "issue", "ada", "--kind", "refresh"];
        self.site.run(&issue).ok().trim().to_owned()
    }
}

/// Settings and view of the guide in a project, asked once with each of the tokens.
const PROJECT: &str = r#"
import sys
import django
from django.conf import settings

names = {}
exec(open("settings_of_guide.py").read(), names)
settings.configure(
    SECRET_KEY="of that project alone",
    INSTALLED_APPS=["django.contrib.auth", "django.contrib.contenttypes", "rest_framework"],
    **{name: value for name, value in names.items() if name.isupper()},
)
django.setup()
exec(open("view_of_guide.py").read())

from rest_framework.test import APIRequestFactory

for token in sys.argv[1:]:
    request = APIRequestFactory().get("/", HTTP_AUTHORIZATION=f"Bearer {token}")
    answer = who(request)
    print(answer.status_code, answer.data.get("user_id"))
"#;

#[test]
fn a_django_project_verifies_tokens_as_the_guide_says() {
    let Some(python) = python() else {
        return;
    };
    let service = Service::new();
    for (index, name) in ["settings_of_guide.py", "view_of_guide.py"]
        .iter()
        .enumerate()
    {
        std::fs::write(service.site.path(name), service.block("python", index)).expect("a file");
    }
    let mut project = Command::new(python);
    project.args(["-c", PROJECT, &service.token, &service.refresh(), "x.y.z"]);
    let said = run(project.current_dir(service.site.path("")), "").ok();
    assert_eq!(said, "200 1\n401 None\n401 None\n");
}

/// Says whose each token is, or why it is none.
const ASK: &str = "
import sys

for token in sys.argv[1:]:
    try:
        print(user_of(token))
    except jwt.InvalidTokenError as err:
        print(err)
";

#[test]
fn a_program_of_python_verifies_tokens_as_the_guide_says() {
    let Some(python) = python() else {
        return;
    };
    let service = Service::new();
    let mut verify = Command::new(python);
    verify.args(["-c", &(service.block("python", 2) + ASK)]);
    verify.args([&*service.token, &service.refresh(), "x.y"]);
    let said = run(&mut verify, "").ok();
    assert_eq!(said, "1\nthis is no access token\nNot enough segments\n");
}

#[test]
fn a_program_of_node_verifies_tokens_as_the_guide_says() {
    let found = program("node").and_then(|node| Ok((node, install()?)));
    let Some((node, modules)) = part(found) else {
        return;
    };
    let service = Service::new();
    let site = &service.site;
    symlink(modules.join("node_modules"), site.path("node_modules")).expect("a link");
    let ask = "for (const token of process.argv.slice(2))\n  \
               console.log(await userOf(token).catch((error) => error.message));\n";
    let script = service.block("js", 0) + ask;
    std::fs::write(site.path("verify.mjs"), script).expect("a script");
    let mut verify = Command::new(node);
    verify.args(["verify.mjs", &service.token, &service.refresh()]);
    let said = run(verify.current_dir(site.path("")), "").ok();
    assert_eq!(said, "1\nthis is no access token\n");
}

#[test]
fn a_program_of_rust_verifies_tokens_as_the_guide_says() {
    let shown = &blocks_of("docs/tokens.md", "rust")[0];
    let ours = include_str!("guide_token.rs");
    let (_, ours) = ours.split_once("\n\n").expect("a line that says what for");
    assert_eq!(shown.trim(), ours.trim());
    let service = Service::new();
    let key = std::fs::read_to_string(&service.key).expect("the key");
    let user_of = super::guide_token::user_of;
    assert_eq!(user_of(&service.token, &key), Some(1));
    assert_eq!(user_of(&service.refresh(), &key), None);
    assert_eq!(user_of(&service.token, "another key"), None);
}

#[test]
fn nginx_takes_the_configuration_of_the_guide_and_tells_clients_apart() {
    if let Some(proxy) = Proxy::reserve() {
        let servers = &blocks_of("docs/proxy.md", "nginx")[0];
        assert_a_good_proxy(proxy.of_the_guide(servers));
    }
}

#[test]
fn caddy_takes_the_configuration_of_the_guide_and_tells_clients_apart() {
    let Some(caddy) = part(program("caddy")) else {
        return;
    };
    if let Some(proxy) = Proxy::reserve() {
        let sites = &blocks_of("docs/proxy.md", "caddyfile")[0];
        assert_a_good_proxy(proxy.by_caddy(caddy, sites));
    }
}

/// Cookies are for TLS only, and limits meet the client.
fn assert_a_good_proxy(mut proxy: Proxy) {
    let site = Site::new();
    site.add_user("ada", &[]);
    let _server = proxy.start(&site, &[]);
    let login = json!({"email": "ada@example.org", "password": PASSWORD});
    let answer = proxy.client("127.0.0.1").post("login", &login);
    assert_eq!(answer.status, 200, "{answer:?}");
    let cookie = header(&answer, "set-cookie").expect("a cookie");
    assert!(cookie.contains("; Secure"), "{cookie}");
    let path = "/authentication/api/request-reset/";
    let body = ["--json", r#"{"email": "nobody@example.org"}"#];
    let statuses = proxy.client("127.0.0.2").statuses(200, path, &body);
    assert_eq!((statuses[0], statuses[199]), (200, 429), "{statuses:?}");
    assert_eq!(proxy.client("127.0.0.3").ask(path, &body).status, 200);
}
