//! Settings: flag, then environment, then TOML file, then default. The list here is the reference:
//! flags, variables and TOML keys all follow from it.

mod list;
mod mail;
mod parse;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, anyhow, bail};
use clap::{Arg, ArgMatches};
use ipnet::IpNet;

use self::list::{SETTINGS, Setting};
pub(super) use self::mail::MailSettings;
pub(super) use self::parse::Listen;
use crate::crypto::Cost;
use crate::domain::{ALIKE, Email, likeness};

/// What every variable of ours starts with.
const PREFIX: &str = "MINISASS_AUTH_";

/// All settings, read and checked.
pub(super) struct Settings {
    pub(super) data_dir: PathBuf,
    pub(super) database: PathBuf,
    pub(super) backup_every: Option<Duration>,
    pub(super) backup_keep: usize,
    pub(super) listen: Listen,
    pub(super) public_url: Option<String>,
    pub(super) frontend_url: Option<String>,
    pub(super) scrypt: Cost,
    pub(super) hash_threads: usize,
    pub(super) hash_queue: usize,
    pub(super) password_min_length: usize,
    pub(super) access_ttl: Duration,
    pub(super) session_ttl: Duration,
    pub(super) mobile_session_ttl: Duration,
    pub(super) token_session_ttl: Duration,
    pub(super) reset_ttl: Duration,
    pub(super) activation_ttl: Duration,
    pub(super) require_verified_email: bool,
    pub(super) password_history: usize,
    pub(super) contact_to: Option<Email>,
    pub(super) rotate_refresh: bool,
    pub(super) throttle: bool,
    pub(super) trusted_proxies: Vec<IpNet>,
    pub(super) cors_origins: Vec<String>,
    pub(super) mail_from: String,
    pub(super) mail: MailSettings,
    pub(super) json_log: Option<bool>,
}

/// Adds a global flag for each setting, and `--config`.
pub(super) fn add_flags(command: clap::Command) -> clap::Command {
    let config = Arg::new("config")
        .long("config")
        .global(true)
        .value_name("FILE")
        .help_heading("Settings")
        .help("A TOML file with settings");
    SETTINGS
        .iter()
        .fold(command.arg(config), |command, setting| {
            let default = setting
                .default
                .filter(|it| !it.is_empty())
                .map_or_else(String::new, |it| format!(" [default: {it}]"));
            let help = format!("{}{default} [env: {}]", setting.help, setting.variable());
            command.arg(
                Arg::new(setting.key)
                    .long(setting.flag())
                    .global(true)
                    .value_name("VALUE")
                    .help_heading("Settings")
                    .hide_short_help(true)
                    .help(help.clone())
                    // A manual page has the long one only.
                    .long_help(help),
            )
        })
}

impl Setting {
    fn flag(&self) -> String {
        self.key.replace('_', "-")
    }

    fn variable(&self) -> String {
        format!("{PREFIX}{}", self.key.to_uppercase())
    }
}

impl Settings {
    /// Reads all sources.
    ///
    /// # Errors
    /// The first wrong or unknown key: its name, what is wrong, and a right example.
    pub(super) fn load(matches: &ArgMatches) -> anyhow::Result<Self> {
        let environment = environment()?;
        let file = matches
            .get_one::<String>("config")
            .or(environment.get("config"));
        let path = file.map(String::as_str);
        let file = path.map(toml_file).transpose()?.unwrap_or_default();
        let value = |key: &'static str| -> Option<String> {
            let setting = SETTINGS.iter().find(|it| it.key == key)?;
            let flag = matches.get_one::<String>(key).cloned();
            let default = setting.default.map(str::to_owned);
            flag.or_else(|| environment.get(key).cloned())
                .or_else(|| file.get(key).cloned())
                .or(default)
        };
        Self::parse(&parse::Values {
            value: &value,
            is_flag: &|key| matches.get_one::<String>(key).is_some(),
            is_variable: &|key| environment.contains_key(key),
            file: path,
        })
    }

    fn parse(values: &parse::Values<'_>) -> anyhow::Result<Self> {
        values.unsupported()?;
        let data_dir = PathBuf::from(values.text("data_dir")?);
        Ok(Self {
            database: values
                .optional("database")
                .map_or_else(|| data_dir.join("auth.db"), PathBuf::from),
            data_dir,
            backup_every: values
                .optional("backup_every")
                .map(|_| values.duration("backup_every"))
                .transpose()?,
            backup_keep: values.number("backup_keep", 1..=10_000)?,
            listen: values.parse("listen")?,
            public_url: values.url("public_url")?,
            frontend_url: values.url("frontend_url")?,
            scrypt: values.parse("scrypt")?,
            hash_threads: values.hash_threads()?,
            hash_queue: values.number("hash_queue", 1..=1_000_000)?,
            password_min_length: values.number("password_min_length", 8..=128)?,
            access_ttl: values.duration("access_ttl")?,
            session_ttl: values.duration("session_ttl")?,
            mobile_session_ttl: values.duration("mobile_session_ttl")?,
            token_session_ttl: values.duration("token_session_ttl")?,
            reset_ttl: values.duration("reset_ttl")?,
            activation_ttl: values.duration("activation_ttl")?,
            require_verified_email: values.parse("require_verified_email")?,
            password_history: values.number("password_history", 0..=24)?,
            contact_to: values.email("contact_to")?,
            rotate_refresh: values.parse("rotate_refresh")?,
            throttle: values.parse("throttle")?,
            trusted_proxies: values.networks("trusted_proxies")?,
            cors_origins: values.origins("cors_origins")?,
            mail_from: values.text("mail_from")?,
            mail: MailSettings::parse(values)?,
            json_log: values.log_format()?,
        })
    }
}

fn is_known(key: &str) -> bool {
    SETTINGS.iter().any(|it| it.key == key)
}

/// Our variables by key. A variable that names no setting is a mistake somebody wants to know of.
fn environment() -> anyhow::Result<BTreeMap<String, String>> {
    let mut found = BTreeMap::new();
    for (name, value) in std::env::vars_os() {
        let Some(key) = name.to_str().and_then(|it| it.strip_prefix(PREFIX)) else {
            continue;
        };
        let key = key.to_lowercase();
        if key != "config" && !is_known(&key) {
            bail!(
                "{PREFIX}{} is set, but there is no setting {key}{}",
                key.to_uppercase(),
                suggestion(&key)
            );
        }
        let value = value
            .into_string()
            .ok()
            .with_context(|| format!("{key} is not valid UTF-8"))?;
        found.insert(key, value);
    }
    Ok(found)
}

fn toml_file(path: &str) -> anyhow::Result<BTreeMap<String, String>> {
    let text = std::fs::read_to_string(path)
        .with_context(|| format!("cannot read the settings file {path}"))?;
    let table: toml::Table = text.parse().map_err(|err: toml::de::Error| {
        let before = err.span().and_then(|it| text.get(..it.start));
        let line = before.map_or(1, |it| 1 + it.matches('\n').count());
        anyhow!(
            "{path} is not valid TOML in line {line}: {}",
            err.message().replace('\n', ", ")
        )
    })?;
    let mut found = BTreeMap::new();
    for (key, value) in table {
        if !is_known(&key) {
            bail!("{path}: there is no setting {key}{}", suggestion(&key));
        }
        let text = match value {
            toml::Value::String(text) => text,
            toml::Value::Array(items) => items
                .into_iter()
                .map(|item| match item {
                    toml::Value::String(text) => text,
                    other => other.to_string(),
                })
                .collect::<Vec<_>>()
                .join(","),
            other => other.to_string(),
        };
        found.insert(key, text);
    }
    Ok(found)
}

/// The setting whose name looks most like what was written, or those that share a word with it.
fn suggestion(key: &str) -> String {
    let words: Vec<&str> = key.split('_').filter(|word| word.len() > 2).collect();
    let names = || SETTINGS.iter().map(|it| it.key);
    let alike = names()
        .filter(|name| likeness(name, key) > ALIKE)
        .max_by(|one, other| likeness(one, key).total_cmp(&likeness(other, key)));
    let near: Vec<&str> = match alike {
        Some(name) => vec![name],
        None => names()
            .filter(|name| words.iter().any(|word| name.contains(word)))
            .collect(),
    };
    if near.is_empty() {
        "; `minisass-auth serve --help` lists them all".to_owned()
    } else {
        format!("; did you mean {}?", near.join(" or "))
    }
}
