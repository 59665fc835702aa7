//! A command at work on the data folder.

use anyhow::{Context as _, ensure};
use tokio::runtime::{Builder, Runtime};

use crate::cli::terminal::output::note;
use crate::compose::{self, Identity, Keys};
use crate::domain::Actor;
use crate::operator::Operator;
use crate::private_file::{Scratch, data_dir, new_database};
use crate::settings::Settings;
use crate::store::Location;

/// What a command works with: the use cases, and in whose name it calls them.
pub(crate) struct Job {
    pub(crate) operator: Operator,
    pub(crate) actor: Actor,
    /// Whether everything is rolled back at the end.
    pub(crate) is_dry: bool,
    pub(crate) settings: Settings,
    runtime: Runtime,
    /// Where a dry run works if there is no database. It goes last.
    _scratch: Option<Scratch>,
}

impl Job {
    /// Opens the data folder for a command, or for a dry run of it. Only some commands may make a
    /// database where there is none: whoever mistook the folder must not be told that all is well.
    pub(crate) fn open(settings: Settings, is_dry: bool, may_create: bool) -> anyhow::Result<Self> {
        Self::open_with(Keys::Needed, settings, is_dry, may_create)
    }

    /// For what can be done without the master key too.
    pub(crate) fn open_without_keys(settings: Settings, is_dry: bool) -> anyhow::Result<Self> {
        Self::open_with(Keys::NotNeeded, settings, is_dry, false)
    }

    fn open_with(
        keys: Keys,
        mut settings: Settings,
        is_dry: bool,
        may_create: bool,
    ) -> anyhow::Result<Self> {
        let is_new = !compose::is_there(&settings)?;
        ensure!(
            may_create || !is_new,
            "there is no database {}; --data-dir and --database say where to look, and `serve`, \
             `user create`, `user import`, `db migrate` and `db restore` make one",
            settings.database
        );
        // Whoever has mounted a single file has no right folder to name.
        let file = settings.database.file();
        file.map_or(Ok(()), data_dir::check_name)?;
        ensure!(
            may_create || compose::has_place(&settings),
            "{} is not the data folder of the database {}: the master key is not there; \
             --data-dir says where that is",
            settings.data_dir.display(),
            settings.database
        );
        let scratch = (is_new && is_dry).then(Scratch::new).transpose()?;
        if let Some(scratch) = &scratch {
            // Where it would be made in earnest.
            compose::check_place_as_it_is(&settings)?;
            settings.data_dir = scratch.path().to_owned();
            settings.database = Location::File(scratch.path().join("auth.db"));
        }
        // Only some commands make links or tokens, and those check that they can.
        let identity = Identity::of_command(&settings);
        let operator = compose::use_cases_of_command(&settings, identity, keys, is_dry)?;
        // Somebody, or a script, may have mistaken the folder.
        if is_new && !is_dry && settings.database.file().is_some() {
            note(&new_database(&settings.database_file()));
        }
        Ok(Self {
            operator,
            actor: actor(),
            is_dry,
            settings,
            runtime: runtime()?,
            _scratch: scratch,
        })
    }

    /// Refuses to make links that lead nowhere.
    pub(crate) fn check_public_url(&self) -> anyhow::Result<()> {
        let identity = Identity::of_command(&self.settings);
        identity.check_public_url().map(drop)
    }

    /// Refuses to make tokens from nobody.
    pub(crate) fn check_issuer(&self) -> anyhow::Result<()> {
        let identity = Identity::of_command(&self.settings);
        identity.check_issuer().map(drop)
    }

    /// Whether a server works on the same data, and has to get its turn.
    pub(crate) fn is_served(&self) -> bool {
        data_dir::is_served(&self.settings.data_dir, self.settings.database.file())
    }

    /// Waits for a use case.
    pub(crate) fn wait<T>(&self, doing: impl Future<Output = T>) -> T {
        self.runtime.block_on(doing)
    }
}

/// Who runs a command, for the audit trail.
pub(crate) fn actor() -> Actor {
    Actor {
        name: format!("cli:uid={}", rustix::process::getuid().as_raw()).into(),
        address: None,
        user_agent: None,
    }
}

/// Waits for one thing at a time, which is all that a command does.
pub(crate) fn runtime() -> anyhow::Result<Runtime> {
    Builder::new_current_thread()
        .enable_all()
        .build()
        .context("cannot start")
}
