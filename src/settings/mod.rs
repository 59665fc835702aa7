//! Settings: flag, then environment, then TOML file, then default.

mod database;
mod list;
mod listen;
mod mail;
mod master_key;
mod secret;
mod service_variables;
mod shown;
mod sources;
mod values;

pub(crate) use crate::settings::database::{other_database, place};
pub(crate) use crate::settings::list::{SETTINGS, Setting};
pub(crate) use crate::settings::listen::{Listen, SocketAccess};
pub(crate) use crate::settings::mail::{Authorities, MailSettings, private_files};
pub(crate) use crate::settings::sources::{Source, USUAL_FILE, Values};
pub(crate) use crate::settings::values::duration;

use std::path::{Path, PathBuf};
use std::time::Duration;

use ipnet::IpNet;

use self::list::{Wrong, wrong};
use crate::accounts::Rules;
use crate::crypto::{Cost, IssuerName, MasterKey};
use crate::domain::{PasswordRules, WebUrl};
use crate::mail::Sender;
use crate::store::Location;

/// All settings, read and checked.
#[derive(Clone)]
pub(crate) struct Settings {
    /// Where the others were read from, if that is a file and not the usual one.
    pub(crate) file: Option<PathBuf>,
    pub(crate) data_dir: PathBuf,
    pub(crate) database: Location,
    /// Whether a settings file names it, which other commands read too.
    pub(crate) is_database_in_file: bool,
    /// If a setting names its file.
    pub(crate) master_key: Option<MasterKey>,
    /// Files that were named for this command only, by flags or variables: those settings, and their values.
    pub(crate) named_once: Vec<(&'static str, PathBuf)>,
    pub(crate) backup_every: Option<Duration>,
    pub(crate) backup_keep: usize,
    pub(crate) listen: Listen,
    /// A separate address for `/metrics`.
    pub(crate) metrics_listen: Option<Listen>,
    pub(crate) socket: SocketAccess,
    pub(crate) keep_alive: Duration,
    pub(crate) public_url: Option<WebUrl>,
    pub(crate) issuer: Option<IssuerName>,
    /// Whether the command line itself says where the server is found, or who tokens are from.
    pub(crate) is_place_typed: bool,
    pub(crate) frontend_url: Option<WebUrl>,
    pub(crate) scrypt: Cost,
    pub(crate) hash_threads: usize,
    pub(crate) hash_queue: usize,
    /// All but the `public_url`, which may depend on the port that the server gets.
    pub(crate) rules: Rules,
    pub(crate) trusted_proxies: Vec<IpNet>,
    pub(crate) max_connections_per_client: usize,
    pub(crate) cors_origins: Vec<String>,
    pub(crate) docs: bool,
    pub(crate) mail_from: Sender,
    pub(crate) mail: MailSettings,
    pub(crate) json_log: bool,
}

impl Settings {
    /// Understands what was read, or names the first wrong or unknown key: what is wrong with it, and
    /// a right example.
    pub(crate) fn parse(values: &Values) -> anyhow::Result<Self> {
        Self::read(values).map_err(|err| match err.downcast::<Wrong>() {
            // Whoever looks into the file may find it right there.
            Ok(wrong) if values.is_of_environment(&wrong.key) => wrong.of_variable().into(),
            Ok(wrong) => wrong.into(),
            Err(err) => err,
        })
    }

    fn read(values: &Values) -> anyhow::Result<Self> {
        values.check_sources()?;
        values.unsupported()?;
        let file = values.file.as_deref().filter(|it| *it != USUAL_FILE);
        Ok(Self {
            file: file.map(PathBuf::from),
            data_dir: data_dir(values)?,
            database: database::checked(values)?,
            is_database_in_file: values.source("database") == Source::File,
            master_key: master_key::named(values)?,
            named_once: named_once(values),
            backup_every: values.backup_every()?,
            backup_keep: values.number("backup_keep", 1..=10_000)?,
            listen: values.parse("listen")?,
            metrics_listen: metrics_listen(values)?,
            socket: SocketAccess {
                mode: values.mode("listen_mode")?,
                group: values.optional("listen_group"),
            },
            keep_alive: values.duration("keep_alive")?,
            public_url: values.url("public_url")?,
            issuer: values.parse_optional("issuer")?,
            is_place_typed: ["public_url", "listen", "issuer"]
                .iter()
                .any(|key| values.source(key) == Source::Flag),
            frontend_url: values.url("frontend_url")?,
            scrypt: values.parse("scrypt")?,
            hash_threads: values.hash_threads()?,
            hash_queue: values.number("hash_queue", 1..=1_000_000)?,
            rules: rules(values)?,
            trusted_proxies: values.networks("trusted_proxies")?,
            max_connections_per_client: values
                .number("max_connections_per_client", 0..=1_000_000)?,
            cors_origins: values.origins("cors_origins")?,
            docs: values.truth("docs")?,
            mail_from: values.parse("mail_from")?,
            mail: MailSettings::parse(values)?,
            json_log: values.json_log()?,
        })
    }

    /// The network of every address, if the trusted proxies are that: one of them, or some together.
    pub(crate) fn trusts_all(&self) -> Option<IpNet> {
        let together = IpNet::aggregate(&self.trusted_proxies);
        together.into_iter().find(|it| it.prefix_len() == 0)
    }

    /// The file of the database; of one that a server has, what would be it. What stands beside it is on
    /// a disk with room for users.
    pub(crate) fn database_file(&self) -> PathBuf {
        let file = self.database.file();
        file.map_or_else(|| self.data_dir.join("auth.db"), Path::to_owned)
    }
}

fn data_dir(values: &Values) -> anyhow::Result<PathBuf> {
    let folder = PathBuf::from(values.text("data_dir")?);
    // One that is not there yet is made.
    if folder.exists() && !folder.is_dir() {
        return Err(wrong("data_dir", "it is no folder"));
    }
    values.check_whole("data_dir", &folder)?;
    Ok(folder)
}

/// Systemd lends a credential to a service alone, a pipe is read once, and what a settings file names is found again.
fn named_once(values: &Values) -> Vec<(&'static str, PathBuf)> {
    let is_once = |key| matches!(values.source(key), Source::Flag | Source::Environment);
    ["database_password_file", "master_key_file"]
        .into_iter()
        .filter(|key| is_once(key))
        .filter_map(|key| Some((key, values.file_of(key).filter(|it| it.is_file())?)))
        .collect()
}

fn metrics_listen(values: &Values) -> anyhow::Result<Option<Listen>> {
    let listen: Option<Listen> = values.parse_optional("metrics_listen")?;
    let main: Listen = values.parse("listen")?;
    let is_same = listen.as_ref().is_some_and(|it| match (it, &main) {
        // Port 0 is another one each time.
        (Listen::Tcp(it), Listen::Tcp(main)) => it == main && it.port() != 0,
        (Listen::Unix(it), Listen::Unix(main)) => it == main,
        _ => false,
    });
    if is_same {
        let what = "it is the address of listen; leave it out, and /metrics is there";
        return Err(wrong("metrics_listen", what));
    }
    Ok(listen)
}

fn rules(values: &Values) -> anyhow::Result<Rules> {
    Ok(Rules {
        password: PasswordRules {
            min_length: values.number("password_min_length", 8..=128)?,
        },
        access_ttl: values.duration("access_ttl")?,
        session_ttl: values.duration("session_ttl")?,
        mobile_session_ttl: values.duration("mobile_session_ttl")?,
        token_session_ttl: values.duration("token_session_ttl")?,
        reset_ttl: values.duration("reset_ttl")?,
        activation_ttl: values.duration("activation_ttl")?,
        require_verified_email: values.truth("require_verified_email")?,
        password_history: values.number("password_history", 0..=24)?,
        contact_to: values.email("contact_to")?,
        rotate_refresh: values.truth("rotate_refresh")?,
        throttle: values.truth("throttle")?,
        mail_keep: values.keep("mail_keep")?,
        audit_keep: values.audit_keep()?,
        mail_retry: values.duration("mail_retry")?,
        public_url: String::new(),
    })
}
