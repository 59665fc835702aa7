//! Settings become the parts, and the parts become the use cases: the one place.

mod keys;

pub(crate) use self::keys::{discard as discard_keys, master_key, restored as restored_keys};

use std::path::{Path, PathBuf};

use anyhow::{Context, ensure};

use crate::accounts::{Parts, Rules};
use crate::clock::system_now;
use crate::crypto::{Hasher, Issuer, Random, Signer};
use crate::domain::{Actor, WebUrl};
use crate::failure::Failure;
use crate::mail::{Hello, Letters, Mailer, Smtp, Transport};
use crate::operator::Operator;
use crate::operator::first_keys::OpenKeys;
use crate::private_file::content;
use crate::private_file::data_dir::{self, Locks};
use crate::private_file::folder_of;
use crate::private_file::layout;
use crate::private_file::lent;
use crate::private_file::ownership;
use crate::private_file::replace::Draft;
use crate::progress::Progress;
use crate::settings::{Authorities, Listen, Settings};
use crate::store::maintenance::SoundBackup;
use crate::store::{Store, maintenance};

/// Whether work needs the keys of the installation.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Keys {
    Needed,
    /// It signs and mails nothing, so it can be done without the master key too.
    NotNeeded,
}

/// The use cases for a command, which may run beside a server.
pub(crate) fn use_cases_of_command(
    settings: &Settings,
    identity: Identity,
    keys: Keys,
    is_dry: bool,
) -> anyhow::Result<Operator> {
    check_place(settings, keys)?;
    let _lock = lock_before_migrating(settings)?;
    use_cases(settings, identity, keys, is_dry)
}

/// The schema must not change while a server that is older than this program uses it.
fn lock_before_migrating(settings: &Settings) -> anyhow::Result<Option<Locks>> {
    let Some(file) = settings.database.file() else {
        // Migrations leave what there is to servers that are older; they say so if they cannot go on.
        return Ok(None);
    };
    // Another command that does so takes over the keys as well.
    data_dir::wait_for_migration(&settings.data_dir);
    let is_old = || {
        let schema = maintenance::schema_of(&settings.database)?;
        Ok::<_, Failure>((1..maintenance::newest_schema()).contains(&schema))
    };
    if !is_old()? {
        return Ok(None);
    }
    let lock = data_dir::lock(&settings.data_dir, Some(file)).with_context(|| {
        "this program is newer than the running server; restart the server with this version first"
    })?;
    data_dir::leave_note(&lock, Some(data_dir::MIGRATES));
    // Another command may have just done it.
    Ok(is_old()?.then_some(lock))
}

/// The use cases over the data folder, whose place has been checked. Without a `public_url` they can
/// make no links, without an issuer no tokens. In a dry run every transaction is rolled back.
pub(crate) fn use_cases(
    settings: &Settings,
    identity: Identity,
    needed: Keys,
    is_dry: bool,
) -> anyhow::Result<Operator> {
    let Identity { public_url, issuer } = identity;
    let (random, public_url) = (Random::System, public_url.as_ref());
    let hasher = Hasher::new(
        settings.scrypt,
        settings.hash_threads,
        settings.hash_queue,
        random.clone(),
    )?;
    // Before anything is made: what is wrong with templates is as good as a wrong setting.
    let mailer = mailer(settings, public_url)?;
    let store = match is_dry {
        true => Store::open_dry(&settings.database)?,
        false => Store::open(&settings.database)?,
    };
    let clock = store.common_clock()?;
    let stamp = Actor::server().at(clock.now());
    let (keys, master) = match keys::open(settings, &store, &random, &stamp, is_dry) {
        // What is wrong with the file that is there has to be put right all the same.
        Err(_) if needed == Keys::NotNeeded && master_key(settings).is_ok() => {
            OpenKeys::passing(&random, &stamp)?
        }
        opened => {
            let opened = opened?;
            // The first keys of a dry run are stored for nobody.
            if !is_dry {
                content::mark_complete(&settings.data_dir);
            }
            opened
        }
    };
    Ok(Operator::new(Parts {
        signer: Signer::new(
            &keys.ring,
            keys.version,
            issuer,
            store.latest_time()?,
            stamp.at,
        )?,
        store,
        hasher,
        master,
        links: keys.links,
        mailer: match is_dry {
            true => mailer,
            false => mailer.with_outbox(outbox(settings)),
        },
        clock,
        random,
        rules: Rules {
            public_url: public_url.map_or_else(String::new, WebUrl::to_string),
            ..settings.rules.clone()
        },
    }))
}

/// Whether there is a database of ours. If it cannot be read, for want of a right, it is told whose right that is.
pub(crate) fn is_there(settings: &Settings) -> anyhow::Result<bool> {
    let is_there = maintenance::is_there(&settings.database);
    if let (Err(_), Some(file)) = (&is_there, settings.database.file())
        && ownership::guest(&settings.data_dir).is_none()
        && data_dir::check(&settings.data_dir).is_ok()
    {
        data_dir::check_usable(&settings.data_dir, Some(file))?;
    }
    Ok(is_there?)
}

/// Makes the data folder. Refuses a place of somebody else, or where others can read, and one that has
/// lost its database or its keys.
pub(crate) fn check_place(settings: &Settings, keys: Keys) -> anyhow::Result<()> {
    check_place_after(settings, keys, data_dir::make)
}

/// Refuses what `serve` would refuse of a place, and makes nothing.
pub(crate) fn check_place_as_it_is(settings: &Settings) -> anyhow::Result<()> {
    check_place_after(settings, Keys::Needed, data_dir::check_makeable)
}

fn check_place_after(
    settings: &Settings,
    keys: Keys,
    prepare: fn(&Path) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    let (folder, database) = (&settings.data_dir, &settings.database);
    // Asked before the database is looked for: of several first starts, one may just have made it.
    let was_complete = content::is_complete(folder);
    // Before all else: whoever names the file of another program is not told to change its mode.
    let has_database = is_there(settings)?;
    check_folder_of_database(settings)?;
    let file = database.file();
    // Root is told what the server of the data needs, not to become it.
    if lent::serves_another(folder) {
        data_dir::check_folder(folder, file)?;
    }
    prepare(folder)?;
    file.map_or(Ok(()), data_dir::check_database)?;
    data_dir::check_nobody_elses(folder, file)?;
    data_dir::check_usable(folder, file)?;
    if was_complete {
        // A file whose tables were in a log that is gone is as good as none.
        let has_tables = || Ok::<_, Failure>(maintenance::schema_of(database)? > 0);
        let has_database = has_database && (file.is_none() || has_tables()?);
        data_dir::check_complete(folder, database, has_database)?;
        if keys == Keys::Needed && settings.master_key.is_none() {
            keys::check_there(settings)?;
        }
    }
    Ok(())
}

/// Whether the data folder is that of its database. One without the master key, of a database that lies
/// elsewhere, was named by mistake, and nothing is to be made there.
pub(crate) fn has_place(settings: &Settings) -> bool {
    let (Some(file), None) = (settings.database.file(), &settings.master_key) else {
        return true;
    };
    let folder = &settings.data_dir;
    let is_within = folder_of(file).canonicalize().ok() == folder.canonicalize().ok();
    is_within || content::is_complete(folder) || folder.join(layout::KEYS).is_dir()
}

/// Before anything is made: only the data folder is made by this program.
pub(crate) fn check_folder_of_database(settings: &Settings) -> anyhow::Result<()> {
    let file = settings.database_file();
    let folder = folder_of(&file);
    ensure!(
        folder == settings.data_dir || folder.is_dir(),
        "there is no folder {} for the database; make it, or say --database with another place",
        folder.display()
    );
    Ok(())
}

fn outbox(settings: &Settings) -> PathBuf {
    settings.data_dir.join(layout::OUTBOX)
}

/// Puts a backup into the data folder, which no server uses, and returns how many users it brought.
pub(crate) fn restore(
    from: &Path,
    shown: &str,
    settings: &Settings,
    caller: &Actor,
    progress: &Progress,
) -> anyhow::Result<i64> {
    // First what needs nothing to be made: whoever is refused finds everything as it was.
    let backup = maintenance::sound_backup(from, shown, progress)?;
    let Some(database) = settings.database.file() else {
        return restore_to_server(&backup, settings, caller, progress);
    };
    maintenance::is_there(&settings.database)?;
    data_dir::check_name(database)?;
    check_folder_of_database(settings)?;
    data_dir::make(&settings.data_dir)?;
    data_dir::check_nobody_elses(&settings.data_dir, Some(database))?;
    let _lock = data_dir::lock(&settings.data_dir, Some(database))?;
    let stamp = caller.at(system_now());
    let users = Store::restore(&backup, database, &stamp, progress)?;
    content::unmark_complete(&settings.data_dir);
    Ok(users)
}

/// By way of a file beside the data.
fn restore_to_server(
    backup: &SoundBackup,
    settings: &Settings,
    caller: &Actor,
    progress: &Progress,
) -> anyhow::Result<i64> {
    data_dir::make(&settings.data_dir)?;
    let target = Store::open(&settings.database)?;
    target.ensure_alone(&settings.database)?;
    target.ensure_empty()?;
    let draft = Draft::beside(&settings.data_dir.join("restored.db"))?;
    let stamp = caller.at(target.common_clock()?.now());
    let users = Store::restore(backup, draft.path(), &stamp, progress)?;
    let restored = Store::open(&draft.path().into())?;
    let copied = target
        .ensure_alone(&settings.database)
        .and_then(|()| restored.copy_to(&target, progress));
    restored.close();
    target.close();
    copied?;
    content::unmark_complete(&settings.data_dir);
    Ok(users)
}

/// The way out for mails. Nothing is made or sent yet.
pub(crate) fn mailer(settings: &Settings, public_url: Option<&WebUrl>) -> anyhow::Result<Mailer> {
    let mail = &settings.mail;
    let transport = match &mail.server {
        None => Transport::Files(outbox(settings)),
        Some(server) => {
            let authorities = mail.authorities.as_ref().map(Authorities::read);
            let authorities = authorities.transpose()?;
            Transport::Smtp(Smtp::new(
                server.clone(),
                mail.hello
                    .clone()
                    .or_else(|| public_url.map(Hello::of))
                    .unwrap_or_default(),
                authorities.as_deref(),
                mail.timeout,
            )?)
        }
    };
    let mailer = Mailer::new(transport, settings.mail_from.clone());
    Ok(mailer.with_letters(letters(settings)?))
}

/// The words of mails, as they are in their folder now.
pub(crate) fn letters(settings: &Settings) -> Result<Letters, Failure> {
    let folder = settings.mail.templates.as_deref();
    folder.map_or_else(|| Ok(Letters::compiled_in()), Letters::overridden_by)
}

/// How everybody knows the service. A command may know neither.
#[derive(Default)]
pub(crate) struct Identity {
    /// What links start with.
    pub(crate) public_url: Option<WebUrl>,
    /// Who tokens are from.
    pub(crate) issuer: Option<Issuer>,
}

impl Identity {
    /// Of a server that listens at `listen`.
    pub(crate) fn of(settings: &Settings, listen: &Listen) -> Self {
        let loopback = listen.loopback_url();
        let (name, url) = (settings.issuer.clone(), settings.public_url.as_ref());
        let issuer = name
            .map(Issuer::set)
            .or_else(|| url.map(Issuer::of_url))
            .or_else(|| loopback.as_ref().map(Issuer::of_loopback));
        Self {
            public_url: url.cloned().or(loopback),
            issuer,
        }
    }

    /// Of a command: that of the running server, if there is one and the command line does not say
    /// otherwise.
    pub(crate) fn of_command(settings: &Settings) -> Self {
        let of_server = || {
            let note = data_dir::note_of_server(&settings.data_dir)?;
            Self::of_note(&note)
        };
        let of_server = (!settings.is_place_typed).then(of_server).flatten();
        of_server.unwrap_or_else(|| Self::of(settings, &settings.listen))
    }

    /// What a server leaves for commands: its address, and the issuer in a second line unless that is
    /// made up.
    pub(crate) fn note(&self) -> Option<String> {
        let mut note = format!("{}\n", self.public_url.as_ref()?);
        if let Some(issuer) = self.issuer.as_ref().filter(|it| !it.is_made_up()) {
            note = format!("{note}{}\n", issuer.name());
        }
        Some(note)
    }

    fn of_note(note: &str) -> Option<Self> {
        let mut lines = note.lines();
        let public_url = WebUrl::base(lines.next()?).ok()?;
        let issuer = match lines.next() {
            Some(name) => Issuer::set(name.parse().ok()?),
            None => Issuer::of_loopback(&public_url),
        };
        Some(Self {
            public_url: Some(public_url),
            issuer: Some(issuer),
        })
    }

    /// Refuses to make links that lead nowhere.
    pub(crate) fn check_public_url(&self) -> anyhow::Result<&WebUrl> {
        self.public_url.as_ref().context(
            "the setting public_url is missing: a link needs an address that people can open; \
             a right one is --public-url https://auth.example.org",
        )
    }

    /// Refuses to make tokens from nobody.
    pub(crate) fn check_issuer(&self) -> anyhow::Result<&Issuer> {
        self.issuer.as_ref().context(
            "the setting public_url is missing: tokens name it as their issuer; \
             a right one is --public-url https://auth.example.org",
        )
    }
}
