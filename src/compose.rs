//! The one place where the parts are put together.

use std::fs;
use std::io::{self, IsTerminal};
use std::path::{Path, PathBuf};

use anyhow::{Context, anyhow, bail};

use crate::accounts::{Parts, Rules};
use crate::cli::terminal::output::note;
use crate::clock::Clock;
use crate::crypto::{Hasher, Keyring, LinkKey, Random, Signer};
use crate::domain::{Actor, PasswordRules, WebUrl};
use crate::failure::Failure;
use crate::mail::{Letters, Mailer, Smtp, Transport};
use crate::operator::Operator;
use crate::private_file::data_dir;
use crate::settings::Settings;
use crate::settings::values::Listen;
use crate::store::{Store, maintenance};

const NO_PUBLIC_URL: &str = "the setting public_url is missing: a link needs an address that people \
                             can open; a right one is --public-url https://auth.example.org";

/// The use cases, for a command.
pub(crate) struct Config {
    pub(crate) operator: Operator,
    pub(crate) caller: Actor,
    /// Whether everything is undone at the end.
    pub(crate) is_dry: bool,
    data_dir: PathBuf,
    runtime: tokio::runtime::Runtime,
}

impl Config {
    /// Opens the data folder for a command, or for a dry run of it.
    pub(crate) fn open(settings: &Settings, is_dry: bool) -> anyhow::Result<Self> {
        // Only some commands make links, and those ask for it.
        let public_url = public_url(settings, &settings.listen);
        let public_url = public_url.map_or_else(|_| String::new(), |it| it.to_string());
        let is_new = !settings.database.exists();
        check_place(settings)?;
        let _lock = lock_before_migrating(settings)?;
        let config = Self {
            operator: use_cases(
                settings,
                public_url,
                if is_dry { Store::open_dry } else { Store::open },
            )?,
            caller: operator(),
            is_dry,
            data_dir: settings.data_dir.clone(),
            runtime: runtime()?,
        };
        // Somebody may have mistaken the folder; a script means what it says.
        if is_new && io::stderr().is_terminal() {
            note(&format!(
                "there was no database {}; an empty one was made (--data-dir names another place)",
                settings.database.display()
            ));
        }
        Ok(config)
    }

    /// Refuses to make links that lead nowhere.
    pub(crate) fn check_public_url(&self) -> anyhow::Result<()> {
        if self.operator.accounts.rules().public_url.is_empty() {
            bail!(NO_PUBLIC_URL);
        }
        Ok(())
    }

    /// Whether a server works on the same data, and has to get its turn.
    pub(crate) fn is_served(&self) -> bool {
        data_dir::is_served(&self.data_dir)
    }

    /// Waits for a use case.
    pub(crate) fn wait<T>(&self, doing: impl Future<Output = T>) -> T {
        self.runtime.block_on(doing)
    }
}

/// A server that is older than this program must not find another schema under its feet.
fn lock_before_migrating(settings: &Settings) -> anyhow::Result<Option<fs::File>> {
    let schema = maintenance::schema_of(&settings.database).map_err(said)?;
    if !(1..maintenance::newest_schema()).contains(&schema) {
        return Ok(None);
    }
    let lock = data_dir::lock(&settings.data_dir).with_context(|| {
        "this program is newer than the running server; restart the server with this version first"
    });
    lock.map(Some)
}

/// Waits for one thing at a time, which is all that a command does.
pub(crate) fn runtime() -> anyhow::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("cannot start")
}

/// The address that links start with, while the server listens at `listen`.
pub(crate) fn public_url(settings: &Settings, listen: &Listen) -> anyhow::Result<WebUrl> {
    let set = settings.public_url.clone();
    set.or_else(|| listen.loopback_url()).context(NO_PUBLIC_URL)
}

/// Who runs a command, for the audit trail.
pub(crate) fn operator() -> Actor {
    Actor {
        name: format!("cli:uid={}", rustix::process::getuid().as_raw()),
        address: None,
        user_agent: None,
    }
}

/// The use cases over the data folder, which is created if it is not there.
pub(crate) fn use_cases(
    settings: &Settings,
    public_url: String,
    open: fn(&Path) -> Result<Store, Failure>,
) -> anyhow::Result<Operator> {
    check_place(settings)?;
    let keys = settings.data_dir.join("keys");
    let (clock, random) = (Clock::System, Random::System);
    let ring = Keyring::open(&keys, &random, clock.now()).map_err(said)?;
    let hasher = Hasher::new(
        settings.scrypt,
        settings.hash_threads,
        settings.hash_queue,
        random.clone(),
    );
    Ok(Operator::new(Parts {
        store: open(&settings.database).map_err(said)?,
        hasher: hasher.map_err(said)?,
        signer: Signer::new(&ring).map_err(said)?,
        links: LinkKey::open(&keys, &random).map_err(said)?,
        mailer: mailer(settings)?,
        clock,
        random,
        rules: Rules {
            access_ttl: settings.access_ttl,
            session_ttl: settings.session_ttl,
            mobile_session_ttl: settings.mobile_session_ttl,
            token_session_ttl: settings.token_session_ttl,
            reset_ttl: settings.reset_ttl,
            activation_ttl: settings.activation_ttl,
            mail_retry: settings.mail.retry,
            require_verified_email: settings.require_verified_email,
            password_history: settings.password_history,
            contact_to: settings.contact_to.clone(),
            password: PasswordRules {
                min_length: settings.password_min_length,
            },
            rotate_refresh: settings.rotate_refresh,
            throttle: settings.throttle,
            public_url,
        },
    }))
}

/// Nothing is opened in a place of somebody else, or where others can read.
fn check_place(settings: &Settings) -> anyhow::Result<()> {
    data_dir::make(&settings.data_dir)?;
    data_dir::check_database(&settings.database)
}

/// The way out for mails. Nothing is made or sent yet.
pub(crate) fn mailer(settings: &Settings) -> anyhow::Result<Mailer> {
    let mail = &settings.mail;
    let transport = match &mail.server {
        None => Transport::Files(settings.data_dir.join("outbox")),
        Some(server) => {
            let authorities = mail.authorities.as_ref().map(|path| {
                fs::read(path).with_context(|| {
                    format!("cannot read {}, which smtp_ca_file names", path.display())
                })
            });
            let authorities = authorities.transpose()?;
            Transport::Smtp(
                Smtp::new(server.clone(), authorities.as_deref(), mail.timeout).map_err(said)?,
            )
        }
    };
    let mailer = Mailer::new(transport, &settings.mail_from).map_err(said)?;
    match &mail.templates {
        None => Ok(mailer),
        Some(folder) => Ok(mailer.with_letters(Letters::overridden_by(folder).map_err(said)?)),
    }
}

/// At a terminal a failure is shown with its whole chain.
pub(crate) fn said(failure: Failure) -> anyhow::Error {
    anyhow!("{}", failure.chain())
}
