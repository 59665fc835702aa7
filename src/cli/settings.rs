//! Settings: flag, then environment, then TOML file, then default. The list here is the reference:
//! flags, variables and TOML keys all follow from it.

mod list;
mod mail;
mod parse;
mod values;

use std::path::PathBuf;
use std::time::Duration;

use clap::{Arg, ArgMatches};
use ipnet::IpNet;

use self::list::{SETTINGS, Setting};
pub(super) use self::mail::{MailSettings, private_files};
pub(super) use self::parse::Listen;
pub(super) use self::values::Values;
use crate::crypto::Cost;
use crate::domain::Email;

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
    pub(super) json_log: bool,
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
        Self::parse(&Values::read(matches))
    }

    /// Understands what was read.
    ///
    /// # Errors
    /// As [`Settings::load`].
    pub(super) fn parse(values: &Values) -> anyhow::Result<Self> {
        values.check_sources()?;
        values.unsupported()?;
        Ok(Self {
            data_dir: PathBuf::from(values.text("data_dir")?),
            database: values.database(),
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
            json_log: values.json_log()?,
        })
    }
}
