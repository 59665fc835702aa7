//! Settings: flag, then environment, then TOML file, then default. The list here is the reference:
//! flags, variables and TOML keys all follow from it.

pub(crate) mod list;
pub(crate) mod mail;
pub(crate) mod sources;
pub(crate) mod values;

use std::path::PathBuf;
use std::time::Duration;

use clap::{Arg, ArgMatches};
use ipnet::IpNet;

use crate::crypto::Cost;
use crate::domain::{Email, WebUrl};
use crate::settings::list::{SETTINGS, Setting};
pub(crate) use crate::settings::mail::MailSettings;
pub(crate) use crate::settings::sources::Values;
pub(crate) use crate::settings::values::Listen;

/// What every variable of ours starts with.
const PREFIX: &str = "MINISASS_AUTH_";

/// All settings, read and checked.
pub(crate) struct Settings {
    pub(crate) data_dir: PathBuf,
    pub(crate) database: PathBuf,
    pub(crate) backup_every: Option<Duration>,
    pub(crate) backup_keep: usize,
    pub(crate) listen: Listen,
    pub(crate) public_url: Option<WebUrl>,
    pub(crate) frontend_url: Option<WebUrl>,
    pub(crate) scrypt: Cost,
    pub(crate) hash_threads: usize,
    pub(crate) hash_queue: usize,
    pub(crate) password_min_length: usize,
    pub(crate) access_ttl: Duration,
    pub(crate) session_ttl: Duration,
    pub(crate) mobile_session_ttl: Duration,
    pub(crate) token_session_ttl: Duration,
    pub(crate) reset_ttl: Duration,
    pub(crate) activation_ttl: Duration,
    pub(crate) require_verified_email: bool,
    pub(crate) password_history: usize,
    pub(crate) contact_to: Option<Email>,
    pub(crate) rotate_refresh: bool,
    pub(crate) throttle: bool,
    pub(crate) trusted_proxies: Vec<IpNet>,
    pub(crate) cors_origins: Vec<String>,
    pub(crate) mail_from: String,
    pub(crate) mail: MailSettings,
    pub(crate) json_log: bool,
}

/// Adds a global flag for each setting, and `--config`.
pub(crate) fn add_flags(command: clap::Command) -> clap::Command {
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
    pub(crate) fn load(matches: &ArgMatches) -> anyhow::Result<Self> {
        Self::parse(&Values::read(matches))
    }

    /// Understands what was read.
    ///
    /// # Errors
    /// As [`Settings::load`].
    pub(crate) fn parse(values: &Values) -> anyhow::Result<Self> {
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
