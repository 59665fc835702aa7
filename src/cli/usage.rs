//! Wrong usage: one sentence that says what was meant, or what is missing, and where the help is.

use std::num::{IntErrorKind, ParseIntError};

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{Command, Error};

use crate::domain::{ALIKE, similarity};

/// What people type who know other programs.
const SYNONYMS: &[(&str, &[&str])] = &[
    (
        "create",
        &[
            "add",
            "new",
            "register",
            "createuser",
            "createsuperuser",
            "useradd",
            "adduser",
        ],
    ),
    (
        "delete",
        &[
            "remove", "rm", "del", "destroy", "erase", "userdel", "deluser",
        ],
    ),
    ("list", &["ls", "all", "show", "show-all"]),
    (
        "show",
        &["get", "info", "view", "cat", "details", "describe"],
    ),
    (
        "update",
        &["edit", "change", "modify", "rename", "usermod", "set"],
    ),
    ("set", &["edit", "change", "update"]),
    (
        "set-password",
        &[
            "passwd",
            "password",
            "changepassword",
            "change-password",
            "reset-password",
        ],
    ),
    ("activate", &["enable", "unlock", "unban"]),
    (
        "deactivate",
        &["disable", "lock", "ban", "suspend", "block"],
    ),
    ("import", &["load", "loaddata"]),
    ("export", &["dump", "dumpdata"]),
    (
        "issue",
        &["login", "create", "new", "add", "generate", "obtain"],
    ),
    ("inspect", &["decode", "verify", "check", "show"]),
    (
        "revoke",
        &[
            "logout",
            "end",
            "kill",
            "delete",
            "remove",
            "rm",
            "blacklist",
        ],
    ),
    ("send", &["mail", "forgot-password"]),
    ("retry", &["resend", "flush", "requeue"]),
    ("rotate", &["new", "create", "add", "renew", "generate"]),
    ("retire", &["delete", "remove", "rm", "revoke"]),
    ("publish", &["create", "add", "new"]),
    ("status", &["info", "stats", "size"]),
    ("backup", &["dump", "save", "snapshot"]),
    ("check", &["verify", "validate", "test", "integrity"]),
    ("verify", &["check", "validate"]),
    (
        "serve",
        &[
            "run",
            "start",
            "server",
            "runserver",
            "up",
            "listen",
            "daemon",
        ],
    ),
    ("doctor", &["diagnose", "status", "health", "check"]),
    ("db", &["database", "sqlite"]),
    ("audit", &["log", "logs", "history"]),
    ("config", &["settings", "setting", "configuration", "env"]),
    ("mail", &["outbox", "email", "emails"]),
    ("completions", &["completion", "complete", "autocomplete"]),
    ("reset", &["forgot"]),
];

/// What to say instead of a flag that people know from other programs, or look for here.
const FLAGS: &[(&[&str], &str)] = &[
    (
        &["--port", "--host", "--bind", "--addr", "--address"],
        "say --listen 127.0.0.1:PORT",
    ),
    (&["--json"], "say --format json"),
    (&["--csv"], "say --format csv"),
    (&["--output", "-o"], "say --format json, csv or table"),
    (
        &["--password"],
        "a password is asked for, or comes through standard input: see --password-stdin",
    ),
];

/// The sentence, and the hint below it.
pub(crate) fn explain(err: &Error, root: &Command, typed: &[String]) -> (String, String) {
    // The words after one that is no command lead nowhere.
    let unknown = text(err, ContextKind::InvalidSubcommand);
    let end = typed.iter().position(|it| unknown.contains(it));
    let (path, command) = reached(root, &typed[..end.unwrap_or(typed.len())]);
    let name = path.join(" ");
    let sentence = match err.kind() {
        ErrorKind::InvalidSubcommand => unknown_command(err, root, command, &path),
        ErrorKind::UnknownArgument => unknown_argument(err, command, &name),
        ErrorKind::InvalidValue => wrong_choice(err),
        ErrorKind::ValueValidation => wrong_value(err),
        ErrorKind::MissingRequiredArgument => missing(err, &name),
        ErrorKind::ArgumentConflict => conflict(err),
        _ => first_line(err),
    };
    let program = ["minisass-auth", &name].join(" ");
    let hint = format!("`{} --help` shows how it is used", program.trim_end());
    (sentence, hint)
}

/// The command that the words lead to, as far as they are known.
fn reached<'a>(root: &'a Command, typed: &'a [String]) -> (Vec<&'a str>, &'a Command) {
    let (mut path, mut command) = (Vec::new(), root);
    for word in typed {
        // What comes after it is the command that is asked about.
        if word == "help" && path.is_empty() {
            continue;
        }
        if let Some(below) = command.find_subcommand(word) {
            path.push(below.get_name());
            command = below;
        } else if !command.has_subcommands() {
            break;
        }
    }
    (path, command)
}

fn text(err: &Error, kind: ContextKind) -> Vec<String> {
    match err.get(kind) {
        Some(ContextValue::String(text)) => vec![text.clone()],
        Some(ContextValue::Strings(texts)) => texts.clone(),
        _ => Vec::new(),
    }
}

fn one(err: &Error, kind: ContextKind) -> String {
    text(err, kind).into_iter().next().unwrap_or_default()
}

fn first_line(err: &Error) -> String {
    let whole = err.render().to_string();
    let line = whole.lines().next().unwrap_or_default();
    line.strip_prefix("error: ").unwrap_or(line).to_owned()
}

fn unknown_command(err: &Error, root: &Command, at: &Command, path: &[&str]) -> String {
    let word = one(err, ContextKind::InvalidSubcommand);
    let mut meant = Vec::new();
    if path.is_empty() {
        everywhere(&|name| name == word, root, &mut Vec::new(), &mut meant);
    }
    meant.extend(near(&word, at, path));
    if path.is_empty() && similarity(&word.to_lowercase(), "settings") > ALIKE {
        meant.insert(0, "help settings".to_owned());
    }
    if path.is_empty() && similarity(&word.to_lowercase(), "version") > ALIKE {
        meant = vec!["--version".to_owned()];
    }
    if path.is_empty() && meant.is_empty() {
        everywhere(
            &|name| is_meant(&word, name),
            root,
            &mut Vec::new(),
            &mut meant,
        );
    }
    let typed = [path, &[word.as_str()]].concat().join(" ");
    meant.truncate(3);
    let sentence = format!("there is no command `{typed}`");
    match meant.as_slice() {
        [] if path.is_empty() => sentence,
        [] => {
            let own = at.get_subcommands().map(Command::get_name);
            let own: Vec<&str> = own.filter(|it| *it != "help").collect();
            format!("{sentence}; `{}` has {}", path.join(" "), own.join(", "))
        }
        some => format!("{sentence}; did you mean `{}`?", some.join("` or `")),
    }
}

/// Whether somebody who typed `word` may have meant the command of this name.
fn is_meant(word: &str, name: &str) -> bool {
    let word = word.to_lowercase();
    let synonyms = SYNONYMS
        .iter()
        .find(|it| it.0 == name)
        .map_or(&[][..], |it| it.1);
    synonyms.contains(&word.as_str())
        || similarity(&word, name) > ALIKE
        || word.strip_suffix('s') == Some(name)
}

fn near(word: &str, at: &Command, path: &[&str]) -> Vec<String> {
    let names = at.get_subcommands().map(Command::get_name);
    let near = names.filter(|name| *name != "help" && is_meant(word, name));
    near.map(|name| [path, &[name]].concat().join(" "))
        .collect()
}

/// Commands of any noun whose name is one that is looked for.
fn everywhere<'a>(
    is_sought: &impl Fn(&str) -> bool,
    at: &'a Command,
    path: &mut Vec<&'a str>,
    found: &mut Vec<String>,
) {
    for below in at.get_subcommands().filter(|it| it.get_name() != "help") {
        path.push(below.get_name());
        if is_sought(below.get_name()) {
            found.push(path.join(" "));
        }
        everywhere(is_sought, below, path, found);
        path.pop();
    }
}

fn unknown_argument(err: &Error, command: &Command, name: &str) -> String {
    let word = one(err, ContextKind::InvalidArg);
    if !word.starts_with('-') {
        return format!("`{name}` takes no further word; {word:?} is one too many");
    }
    if word[1..].starts_with(|it: char| it.is_ascii_digit()) {
        return format!("there is no flag {word}, and no number here is below zero");
    }
    let suggested = one(err, ContextKind::SuggestedArg);
    let known = FLAGS.iter().find(|it| it.0.contains(&word.as_str()));
    // A flag of this very command is what was meant.
    let is_own = |it: &clap::Arg| {
        let suggested = suggested.strip_prefix("--");
        !it.is_hide_set() && suggested.is_some_and(|name| it.get_long() == Some(name))
    };
    let instead = known.filter(|_| !command.get_arguments().any(is_own));
    if let Some((_, instead)) = instead {
        return format!("there is no flag {word}; {instead}");
    }
    if !suggested.is_empty() {
        return format!("there is no flag {word}; did you mean {suggested}?");
    }
    let own = command.get_arguments().filter(|it| !it.is_hide_set());
    let own = own.filter(|it| it.get_help_heading().is_none() && !it.is_global_set());
    let flags: Vec<String> = own
        .filter_map(|it| it.get_long())
        .map(|it| format!("--{it}"))
        .collect();
    if flags.is_empty() {
        format!("there is no flag {word}")
    } else {
        format!("there is no flag {word}; `{name}` has {}", flags.join(", "))
    }
}

fn wrong_choice(err: &Error) -> String {
    let (flag, value) = (
        one(err, ContextKind::InvalidArg),
        one(err, ContextKind::InvalidValue),
    );
    let choices = text(err, ContextKind::ValidValue);
    if value.is_empty() && choices.is_empty() {
        return format!("{flag} needs a value");
    }
    if value.is_empty() {
        return format!("{flag} needs a value: {}", choices.join(", "));
    }
    format!(
        "{value:?} is no value of {flag}; these are: {}",
        choices.join(", ")
    )
}

fn wrong_value(err: &Error) -> String {
    let (flag, value) = (
        one(err, ContextKind::InvalidArg),
        one(err, ContextKind::InvalidValue),
    );
    let source = std::error::Error::source(err);
    let why = match source.and_then(|it| it.downcast_ref::<ParseIntError>()) {
        Some(number) if matches!(number.kind(), IntErrorKind::PosOverflow) => {
            "it is too large".to_owned()
        }
        Some(_) => "it is no number".to_owned(),
        None => source.map(ToString::to_string).unwrap_or_default(),
    };
    // Only standard input is right there; what was typed may be a secret.
    if flag == "[-]" {
        return why;
    }
    format!("{value:?} is no value of {flag}: {why}")
}

fn missing(err: &Error, name: &str) -> String {
    let missing = text(err, ContextKind::InvalidArg);
    let shown: Vec<String> = missing.iter().map(|it| alternatives(it)).collect();
    format!("`{name}` needs {}", shown.join(" and "))
}

/// A group is `<--username <USERNAME>|--email <EMAIL>|…>`: its first flags are enough.
fn alternatives(required: &str) -> String {
    let group = required
        .strip_prefix('<')
        .and_then(|it| it.strip_suffix('>'));
    let Some(group) = group.filter(|it| it.contains('|')) else {
        return required.to_owned();
    };
    let all: Vec<&str> = group.split('|').collect();
    let names = all
        .iter()
        .take(4)
        .map(|it| it.split(' ').next().unwrap_or(it));
    let shown = names.collect::<Vec<_>>().join(", ");
    let more = if all.len() > 4 { ", …" } else { "" };
    format!("one of {shown}{more}")
}

fn conflict(err: &Error) -> String {
    let flag = one(err, ContextKind::InvalidArg);
    let other = text(err, ContextKind::PriorArg).join(", ");
    if other.is_empty() || other == flag {
        format!("{flag} may be given once")
    } else {
        format!("{flag} and {other} exclude each other; give one of them")
    }
}
