//! README.md and docs/ say what is so: their commands work, in their order, each guide on a fresh
//! folder; what they show is what is printed; what they name is there.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use crate::examples::shell;
use crate::move_dump::dump;
use crate::server::{Server, Site, run};

/// What the guides tell the reader to type where a password is asked for.
const PASSWORD: &str = "three unrelated words";

/// What builds the program, and what runs this test: the only commands that are not run here.
const OF_THE_REPOSITORY: [&str; 2] = ["cargo install --locked --path .", "tests/run"];

/// Needs a server of its own: guides_postgres.rs follows it.
pub const OF_POSTGRESQL: &str = "docs/postgresql.md";

/// The languages of blocks, and who runs them.
const LANGUAGES: [(&str, &str); 11] = [
    ("sh", "this file"),
    ("console", "this file, and what is shown is compared"),
    ("toml", "this file"),
    ("sql", "guides_postgres.rs"),
    ("bash", "tests/packaging/inside, in a Debian of its own"),
    ("nginx", "world/guides.rs"),
    ("caddyfile", "world/guides.rs"),
    ("python", "world/guides.rs"),
    ("js", "world/guides.rs"),
    ("rust", "world/guides.rs"),
    ("text", "nobody: nothing to run"),
];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The README and everything in `docs/`: name and text.
pub fn guides() -> Vec<(String, String)> {
    let docs = fs::read_dir(root().join("docs")).expect("the guides");
    let docs = docs.map(|it| it.expect("a guide").path());
    let mut paths: Vec<PathBuf> = docs
        .filter(|it| it.extension().is_some_and(|it| it == "md"))
        .collect();
    paths.push(root().join("README.md"));
    paths.sort();
    let named = |path: PathBuf| {
        let name = path.strip_prefix(root()).expect("a guide").display();
        (name.to_string(), fs::read_to_string(&path).expect("a text"))
    };
    paths.into_iter().map(named).collect()
}

/// Language and text of each block.
pub fn blocks(text: &str) -> Vec<(&str, &str)> {
    let parts = text.split("\n```").skip(1).step_by(2);
    parts
        .map(|it| it.split_once('\n').expect("a line for the language"))
        .collect()
}

/// The blocks of one language in one guide.
pub fn blocks_of(guide: &str, language: &str) -> Vec<String> {
    let guides = guides();
    let text = &guides.iter().find(|it| it.0 == guide).expect("a guide").1;
    let blocks = blocks(text).into_iter().filter(|it| it.0 == language);
    blocks.map(|it| it.1.to_owned()).collect()
}

/// A command, and the lines that are shown below it.
#[derive(Default)]
struct Step {
    command: String,
    shown: Vec<String>,
}

/// The commands of a block. A backslash at the end of a line goes on in the next.
fn steps(language: &str, block: &str) -> Vec<Step> {
    let mut steps: Vec<Step> = Vec::new();
    let block = block.replace("\\\n", "");
    for line in block.lines().filter(|it| !it.is_empty()) {
        match (language, line.strip_prefix("$ "), steps.last_mut()) {
            ("console", None, Some(step)) => step.shown.push(line.to_owned()),
            (_, typed, _) => steps.push(Step {
                command: typed.unwrap_or(line).to_owned(),
                shown: Vec::new(),
            }),
        }
    }
    // The server runs already.
    let is_done = |it: &str| it == "minisass-auth serve" || OF_THE_REPOSITORY.contains(&it);
    steps.retain(|it| !is_done(&it.command));
    steps
}

/// What a step is for bash, where nobody sits at a terminal.
fn typed(step: &Step, server: &Server) -> String {
    let command = step.command.replace("127.0.0.1:8000", server.address());
    let asks = [
        "minisass-auth user create",
        "minisass-auth user set-password",
    ]
    .iter()
    .any(|it| command.starts_with(it));
    if asks && !command.contains("password") {
        format!("{command} --password-stdin <<< '{PASSWORD}'")
    } else {
        command
    }
}

/// Compares line by line; `…` at the end of a line stands for anything.
#[track_caller]
fn assert_shown(guide: &str, step: &Step, printed: &str) {
    let mut printed = printed.lines();
    for shown in &step.shown {
        let line = printed.next().unwrap_or_default();
        let is_it = match shown.strip_suffix('…') {
            Some(start) => line.starts_with(start),
            None => line == shown,
        };
        let command = &step.command;
        assert!(
            is_it,
            "{guide}: {command}\nshown:   {shown}\nprinted: {line}"
        );
    }
}

/// Runs all of a guide in one shell, as its reader does.
fn follow(guide: &str, text: &str) -> Vec<(String, String)> {
    let site = Site::new();
    let mut serve = shell(&site, "exec minisass-auth serve --listen 127.0.0.1:0");
    // Everything is where a reader has it, in ./minisass-data.
    serve.env_remove("MINISASS_AUTH_DATA_DIR");
    let server = Server::start(serve, &site.path("log"));
    // What the old server left.
    let dump = dump(&[("cy", "cy@example.org", "!")]);
    fs::write(site.path("dump.json"), dump).expect("a dump");
    let secret = "7w$+x0(q2^n!c=#r8@k5%z&h3*m_b1)v9-pf4jd6sgty";
    fs::write(site.path("secret-key"), secret).expect("a secret");

    let steps: Vec<Step> = blocks(text)
        .into_iter()
        .filter(|it| it.0 == "sh" || it.0 == "console")
        .flat_map(|it| steps(it.0, it.1))
        .collect();
    // A client that is refused has failed.
    let mut script = "curl() { command curl --fail-with-body \"$@\"; }\n".to_owned();
    if !text.contains("user create") {
        // Whom the reader has made in the quick start, and in the README.
        for name in ["ada", "bo"] {
            let create =
                format!("minisass-auth user create --username {name} --email {name}@example.org");
            script += &format!("{create} --password-stdin <<< '{PASSWORD}' > /dev/null\n");
        }
    }
    for step in &steps {
        script += &format!("{}\nprintf '\\x1e'\n", typed(step, &server));
    }
    let mut script = shell(&site, &script);
    let outcome = run(script.env_remove("MINISASS_AUTH_DATA_DIR"), "");
    let printed: Vec<&str> = outcome.out.split('\x1e').collect();
    let failed = steps.get(printed.len() - 1).map(|it| &it.command);
    assert_eq!(failed, None, "{guide}: {}\n{}", outcome.out, outcome.err);
    for (step, printed) in steps.iter().zip(&printed) {
        assert_shown(guide, step, printed);
    }
    let commands = steps.into_iter().map(|it| it.command);
    commands
        .zip(printed.into_iter().map(str::to_owned))
        .collect()
}

#[test]
fn every_command_of_every_guide_works_and_prints_what_is_shown() {
    let mut outputs = Vec::new();
    for (guide, text) in guides().into_iter().filter(|it| it.0 != OF_POSTGRESQL) {
        outputs.extend(follow(&guide, &text));
    }
    let output = |part: &str| {
        let found = outputs.iter().find(|it| it.0.contains(part));
        let found = found.unwrap_or_else(|| panic!("no guide has {part}"));
        found.1.as_str()
    };
    assert!(output("user create").contains("ada@example.org"));
    assert!(output("/login/").contains("access_token"));
    assert!(output("reset send").contains("queued to ada@example.org"));
    assert!(output("doctor").contains("integrity"));
    assert!(output("db backup").contains("backup.db"));
    assert!(output("user import bo.jsonl").contains("present"));
}

#[test]
fn the_settings_that_the_guides_show_are_right() {
    let site = Site::with_database();
    let data = site.data().display().to_string();
    let file = site.path("settings.toml");
    let mut count = 0;
    for (guide, text) in guides().into_iter().filter(|it| it.0 != OF_POSTGRESQL) {
        for (_, shown) in blocks(&text).into_iter().filter(|it| it.0 == "toml") {
            let settings = shown.replace("/var/lib/minisass-auth", &data);
            // That file is private, and not on this machine.
            let settings = settings
                .lines()
                .filter(|it| !it.starts_with("smtp_url_file"));
            fs::write(&file, settings.collect::<Vec<_>>().join("\n")).expect("settings");
            let mut list = site.bare();
            list.env("MINISASS_AUTH_DATA_DIR", site.data());
            list.env("MINISASS_AUTH_DATABASE", site.data().join("auth.db"));
            let master = site.data().join("keys/master.key");
            list.env("MINISASS_AUTH_MASTER_KEY_FILE", master);
            list.arg("--config").arg(&file).args(["user", "list"]);
            let outcome = run(&mut list, "");
            assert_eq!(outcome.code, Some(0), "{guide}: {}", outcome.err);
            count += 1;
        }
    }
    assert!(count > 0, "no guide shows settings");
}

#[test]
fn every_block_of_a_guide_is_of_a_kind_that_somebody_runs() {
    for (guide, text) in guides() {
        for (language, block) in blocks(&text) {
            let is_known = LANGUAGES.iter().any(|it| it.0 == language);
            assert!(is_known, "{guide} has a block of {language:?}: {block}");
        }
    }
}

/// What stands in `](…)`, without what leads to a heading or into the web.
fn links(text: &str) -> impl Iterator<Item = &str> {
    let links = text
        .split("](")
        .skip(1)
        .filter_map(|it| it.split(')').next());
    let files = links.map(|it| it.split('#').next().unwrap_or_default());
    files.filter(|it| !it.is_empty() && !it.starts_with("http"))
}

#[test]
fn every_link_of_a_guide_leads_somewhere_and_every_guide_is_linked() {
    let mut linked = BTreeSet::new();
    for (guide, text) in guides() {
        let file = root().join(&guide);
        let folder = file.parent().expect("a folder");
        for link in links(&text) {
            let target = folder.join(link).canonicalize();
            let target = target.unwrap_or_else(|err| panic!("{guide} links {link}: {err}"));
            linked.insert((guide.clone(), target));
        }
    }
    for (guide, _) in guides().iter().filter(|it| it.0 != "README.md") {
        let target = root().join(guide).canonicalize().expect("a guide");
        let from = ("README.md".to_owned(), target);
        assert!(linked.contains(&from), "the README does not link {guide}");
    }
}

/// The reference of settings, as `help settings` has it.
fn settings_reference() -> String {
    let help = run(Site::new().bare().args(["help", "settings"]), "").ok();
    let (_, list) = help.split_once("\n\n").expect("an introduction");
    let (_, list) = list.split_once("\n\n").expect("an example");
    let mut text = include_str!("guides/settings.md").to_owned();
    let lines: Vec<&str> = list.lines().collect();
    for setting in lines.chunks(3) {
        let (head, meaning, ways) = (setting[0], setting[1].trim(), setting[2].trim());
        let key = head.split(' ').next().expect("a key");
        let default = |text: &str| Some(text.split_once(" [default: ")?.1.replace(']', ""));
        // A value, or in words what it follows from.
        let default = match (default(head), default(meaning)) {
            (Some(value), _) => format!("`{value}`"),
            (None, words) => words.unwrap_or_default().replace('<', "\\<"),
        };
        let meaning = meaning.split(" [default: ").next().unwrap_or_default();
        let (_, example) = ways.split_once("such as ").expect("an example");
        let example = example.trim_matches('"').replace("\\\"", "\"");
        let meaning = meaning.replace('<', "\\<").replace('_', "\\_");
        text += &format!("| `{key}` | {default} | {meaning} | `{example}` |\n");
    }
    text
}

#[test]
fn the_reference_of_settings_is_current() {
    let path = root().join("docs/settings.md");
    let current = settings_reference();
    if std::env::var_os("UPDATE_DOCS").is_some() {
        fs::write(&path, &current).expect("the reference");
    }
    let committed = fs::read_to_string(&path).unwrap_or_default();
    assert!(
        committed == current,
        "the settings have changed: run `UPDATE_DOCS=1 cargo test guides`, read the difference, commit it"
    );
}
