//! The examples below the help text of each command. `tests/it/cli_examples.rs` runs every line.

use clap::builder::Styles;

/// A command, and lines that show what it is good for.
const EXAMPLES: &[(&str, &[&str])] = &[
    (
        "serve",
        &[
            "minisass-auth serve",
            "minisass-auth serve --config settings.toml",
            "minisass-auth serve --public-url https://auth.example.org --backup-every 1d",
        ],
    ),
    (
        "user create",
        &[
            "minisass-auth user create --username di --email di@example.org --no-password",
            "minisass-auth user create --email di@example.org --staff --no-password --print-link",
            "minisass-auth user create --email di@example.org --password-stdin < password.txt",
        ],
    ),
    (
        "user list",
        &[
            "minisass-auth user list --search example.org --limit 0",
            "minisass-auth user list --inactive --format csv > inactive.csv",
        ],
    ),
    (
        "user show",
        &[
            "minisass-auth user show ada bo@example.org",
            "minisass-auth user show 1 --format json",
        ],
    ),
    (
        "user update",
        &[
            "minisass-auth user update ada --email ada@example.com",
            "minisass-auth user update ada --staff true --country ZA --expert true",
        ],
    ),
    (
        "user set-password",
        &["minisass-auth user set-password ada --password-stdin < password.txt"],
    ),
    (
        "user activate",
        &[
            "minisass-auth user activate cy",
            "cut -d, -f1 inactive.csv | sed 1d | minisass-auth user activate -",
        ],
    ),
    (
        "user deactivate",
        &[
            "minisass-auth user deactivate bo@example.org",
            "minisass-auth user deactivate - < leavers.txt",
        ],
    ),
    (
        "user delete",
        &[
            "minisass-auth user delete bo --dry-run",
            "minisass-auth user delete bo cy --yes",
        ],
    ),
    (
        "user export",
        &[
            "minisass-auth user export --with-hashes users.jsonl",
            "minisass-auth user export --as csv > users.csv",
        ],
    ),
    (
        "user import",
        &[
            "minisass-auth user import newcomers.jsonl --dry-run",
            "minisass-auth user import newcomers.csv --from csv --on-error skip",
            "minisass-auth user import dump.json --from django",
        ],
    ),
    (
        "profile show",
        &[
            "minisass-auth profile show ada",
            "minisass-auth profile show ada bo --format csv",
        ],
    ),
    (
        "profile set",
        &[
            "minisass-auth profile set ada --organisation-type NGO --country ZA",
            "minisass-auth profile set ada --field river=Umgeni --field sites=3 --dry-run",
        ],
    ),
    (
        "token issue",
        &[
            "minisass-auth token issue ada --ttl 12h",
            "minisass-auth token issue ada --kind pair --format json",
        ],
    ),
    (
        "token inspect",
        &[
            "minisass-auth token inspect < token.txt",
            "minisass-auth token issue ada | minisass-auth token inspect --format json",
        ],
    ),
    ("token revoke", &["minisass-auth token revoke < token.txt"]),
    (
        "reset send",
        &["minisass-auth reset send ada bo@example.org"],
    ),
    (
        "reset link",
        &["minisass-auth reset link ada --public-url https://auth.example.org"],
    ),
    (
        "policy publish",
        &["minisass-auth policy publish 2026-11 https://www.example.org/privacy"],
    ),
    ("policy list", &["minisass-auth policy list"]),
    (
        "session list",
        &[
            "minisass-auth session list ada",
            "minisass-auth session list --all --format csv > sessions.csv",
        ],
    ),
    (
        "session revoke",
        &[
            "minisass-auth session revoke 6923b5c08f1e4d2ab7605c9d3e814f72",
            "minisass-auth session revoke --user ada --user bo --dry-run",
            "minisass-auth session revoke --all --yes",
        ],
    ),
    (
        "audit list",
        &[
            "minisass-auth audit list --user ada",
            "minisass-auth audit list --action user.create --limit 0 --format csv",
        ],
    ),
    ("audit verify", &["minisass-auth audit verify"]),
    ("db status", &["minisass-auth db status"]),
    ("db check", &["minisass-auth db check"]),
    ("db migrate", &["minisass-auth db migrate"]),
    (
        "db backup",
        &["minisass-auth db backup \"backup-$(date +%F).db\""],
    ),
    (
        "db restore",
        &["minisass-auth db restore backup.db --data-dir restored"],
    ),
    ("key list", &["minisass-auth key list"]),
    ("key rotate", &["minisass-auth key rotate"]),
    ("key import", &["minisass-auth key import secret-key"]),
    (
        "key retire",
        &["minisass-auth key retire 20260101T000000Z-7c0f3a91 --yes"],
    ),
    (
        "mail list",
        &["minisass-auth mail list --state failed --limit 0"],
    ),
    ("mail show", &["minisass-auth mail show 7"]),
    (
        "mail retry",
        &[
            "minisass-auth mail retry 7",
            "minisass-auth mail retry --failed",
        ],
    ),
    ("mail test", &["minisass-auth mail test ada@example.org"]),
    (
        "config show",
        &[
            "minisass-auth config show --config settings.toml",
            "minisass-auth config show --format json > settings.json",
        ],
    ),
    (
        "config check",
        &["minisass-auth config check --config settings.toml"],
    ),
    (
        "doctor",
        &[
            "minisass-auth doctor",
            "minisass-auth doctor --format json > findings.json",
            "minisass-auth doctor --calibrate --target 100ms",
        ],
    ),
    ("openapi", &["minisass-auth openapi > openapi.json"]),
    (
        "completions",
        &[
            "source <(minisass-auth completions bash)",
            "minisass-auth completions fish > ~/.config/fish/completions/minisass-auth.fish",
        ],
    ),
    (
        "man",
        &[
            "minisass-auth man > minisass-auth.1",
            "mkdir -p man/man1 && minisass-auth man --dir man/man1",
        ],
    ),
];

/// Shows each command's examples at the end of its `--help` and of its manual page.
pub(crate) fn add(command: clap::Command) -> clap::Command {
    add_below(command, "")
}

fn add_below(command: clap::Command, path: &str) -> clap::Command {
    let command = match EXAMPLES.iter().find(|it| it.0 == path) {
        Some((_, lines)) => command.after_long_help(section(lines)),
        None => command,
    };
    command.mut_subcommands(|below| {
        let path = format!("{path} {}", below.get_name());
        add_below(below, path.trim_start())
    })
}

fn section(lines: &[&str]) -> String {
    // As clap writes its own headings.
    let heading = *Styles::styled().get_header();
    let lines: String = lines.iter().map(|it| format!("\n  {it}")).collect();
    format!("{heading}Examples:{heading:#}{lines}")
}
