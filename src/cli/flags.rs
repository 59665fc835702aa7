//! The global flags: one for each setting, and `--config`. All commands take them all, and the help
//! of each shows those that it uses.

use clap::parser::ValueSource;
use clap::{Arg, ArgMatches, Command, ValueHint};

use crate::cli::columns;
use crate::cli::terminal::output::document_format;
use crate::settings::{SETTINGS, Setting, USUAL_FILE, Values};

/// What everything that works with the database uses.
const DATA: &[&str] = &["config", "data_dir", "database"];

/// Which settings the help of a command shows, if not those of [`DATA`].
const SHOWN: &[(&str, &[&str])] = &[
    (
        "serve",
        &[
            "config",
            "data_dir",
            "listen",
            "public_url",
            "frontend_url",
            "trusted_proxies",
            "cors_origins",
            "mail_from",
            "smtp_url_file",
            "backup_every",
            "audit_keep",
            "mail_keep",
            "log_format",
        ],
    ),
    ("user create", &["config", "data_dir", "public_url"]),
    ("user import", &["config", "data_dir"]),
    ("reset link", &["config", "data_dir", "public_url"]),
    (
        "mail test",
        &["config", "data_dir", "mail_from", "smtp_url_file"],
    ),
    ("config", &["config", "data_dir"]),
    ("doctor", &["config", "data_dir", "smtp_url_file"]),
    ("healthcheck", &["config", "listen"]),
    ("openapi", &[]),
    ("completions", &[]),
    ("man", &[]),
    ("help", &[]),
];

/// The commands that print no result, or only one that has a format of its own.
const WITHOUT_RESULT: &[&str] = &["serve", "completions", "man", "help", "user export"];

/// Adds a flag for every setting. A command that shows a setting in its help has a flag of its own
/// for that; the values come together all the same.
pub(crate) fn add(root: Command) -> Command {
    let how: Vec<Arg> = root.get_arguments().cloned().collect();
    let hidden = flags(|_| true).map(|it| it.hide(true));
    let root = root.args(hidden);
    root.mut_subcommands(|it| {
        let name = it.get_name().to_owned();
        show(it, &name, &how)
    })
}

/// `how` are the flags that say how results are printed.
fn show(command: Command, path: &str, how: &[Arg]) -> Command {
    if command.has_subcommands() {
        return command.mut_subcommands(|it| {
            let path = format!("{path} {}", it.get_name());
            show(it, &path, how)
        });
    }
    let columns = columns::of(path);
    let how = how.iter().filter_map(|it| {
        let it = it.clone().hide(false);
        match (it.get_id().as_str(), &columns) {
            ("format", _) if path == "openapi" => {
                Some(it.value_parser(document_format()).default_value("json"))
            }
            ("format", _) => Some(it).filter(|_| !WITHOUT_RESULT.contains(&path)),
            ("columns", Some(columns)) => {
                let columns = columns.join(", ");
                Some(it.help(format!("Only these, in this order, of: {columns}")))
            }
            (_, columns) => Some(it).filter(|_| columns.is_some()),
        }
    });
    let command = command.args(how);
    let is_of = |of: &str| path == of || path.split(' ').next() == Some(of);
    let row = SHOWN.iter().find(|(of, _)| is_of(of));
    let shown = row.map_or(DATA, |it| it.1);
    command.args(flags(|key| shown.contains(&key)))
}

/// `--config`, and a flag for each setting, as far as they are wanted.
fn flags(is_wanted: impl Fn(&str) -> bool) -> impl Iterator<Item = Arg> {
    let config = is_wanted("config").then(config);
    let settings = SETTINGS.iter().filter(move |it| is_wanted(it.key));
    config
        .into_iter()
        .chain(settings.map(flag))
        .map(|it| it.global(true).help_heading("Settings"))
}

fn config() -> Arg {
    Arg::new("config")
        .long("config")
        .value_name("FILE")
        .value_hint(ValueHint::FilePath)
        .help(format!("A TOML file with settings [default: {USUAL_FILE}]"))
}

fn flag(setting: &'static Setting) -> Arg {
    let help = format!("{}{}", setting.help, setting.default_in_help());
    let hint = match setting.key {
        "data_dir" | "mail_templates" => ValueHint::DirPath,
        "database" => ValueHint::FilePath,
        key if key.ends_with("_file") => ValueHint::FilePath,
        _ => ValueHint::Unknown,
    };
    Arg::new(setting.key)
        .long(setting.flag())
        .value_name("VALUE")
        .value_hint(hint)
        .help(help)
}

/// The format that somebody asked for, if anybody did.
pub(crate) fn format(matches: &ArgMatches) -> Option<String> {
    let is_typed = matches.value_source("format") == Some(ValueSource::CommandLine);
    let mut raw = matches.get_raw("format")?;
    raw.next().filter(|_| is_typed)?.to_str().map(str::to_owned)
}

/// What the flags, the environment, the file and the defaults say.
pub(crate) fn values(matches: &ArgMatches) -> Values {
    Values::read(|key| matches.get_one::<String>(key).cloned())
}
