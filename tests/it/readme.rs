//! Every command of the README does what the README says, in its order, on one fresh folder.

use crate::examples::shell;
use crate::move_dump::dump;
use crate::server::{Server, Site, run};

const README: &str = include_str!("../../README.md");

/// What stands between "```<language>" and "```".
fn blocks(language: &str) -> impl Iterator<Item = &str> {
    let fence = format!("```{language}\n");
    let parts: Vec<_> = README.split(&fence).skip(1).collect();
    parts
        .into_iter()
        .map(|part| part.split("```").next().expect("an end"))
}

fn commands() -> impl Iterator<Item = &'static str> {
    blocks("sh")
        .flat_map(str::lines)
        .filter(|it| !it.is_empty())
}

#[test]
fn every_command_works() {
    let site = Site::new();
    let serve = shell(&site, "exec minisass-auth serve --listen 127.0.0.1:0");
    let server = Server::start(serve, &site.path("log"));
    // What the old server left.
    let dump = dump(&[("cy", "cy@example.org", "!")]);
    std::fs::write(site.path("dump.json"), dump).expect("a dump");
    let secret = "7w$+x0(q2^n!c=#r8@k5%z&h3*m_b1)v9-pf4jd6sgty";
    std::fs::write(site.path("secret-key"), secret).expect("a secret");

    let mut outputs = Vec::new();
    for line in commands().filter(|it| !it.ends_with(" serve") && *it != "tests/run") {
        let line = line
            .replace("cargo run --release --", "minisass-auth")
            .replace("127.0.0.1:8000", server.address());
        let mut shell = shell(&site, &line);
        outputs.push((run(&mut shell, "").ok(), line));
    }
    let output = |part: &str| {
        let found = outputs.iter().find(|(_, line)| line.contains(part));
        &found
            .unwrap_or_else(|| panic!("the README has no {part}"))
            .0
    };
    assert!(output("user create").contains("ada@example.org"));
    assert!(output("/login/").contains("access_token"));
    assert!(output("user list").contains("│ ada@example.org"));
    assert_eq!(output("token issue").matches('.').count(), 2);
    assert!(output("reset send").contains("queued to ada@example.org"));
    assert!(output("doctor").contains("integrity"));
}

#[test]
fn the_settings_it_shows_are_right() {
    let site = Site::with_database();
    let shown: String = blocks("toml").collect();
    let data = site.data().display().to_string();
    let file = site.path("settings.toml");
    std::fs::write(&file, shown.replace("/var/lib/minisass-auth", &data)).expect("settings");
    let mut list = site.bare();
    list.arg("--config").arg(&file).args(["user", "list"]);
    run(&mut list, "").ok();
}
