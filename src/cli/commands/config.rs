//! `config show | check`.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{bail, ensure};
use serde_json::json;

use crate::cli::examples::examples;
use crate::cli::terminal::output::Output;
use crate::compose::{self, Identity};
use crate::daemon;
use crate::private_file::data_dir;
use crate::private_file::layout;
use crate::private_file::lent::{
    Fault, fault_of_rights, fault_of_secret, fault_of_way, may_fill, serves_another,
};
use crate::settings::{Authorities, Listen, Settings, Values, private_files};

#[derive(clap::Subcommand)]
pub(crate) enum Command {
    /// Print every setting, and where its value comes from
    #[command(after_help = examples(&[
        "minisass-auth config show --config settings.toml",
        "minisass-auth config show --format json > settings.json",
    ]))]
    Show,
    /// Read the settings, and the files that they name, as `serve` does
    #[command(after_help = examples(&["minisass-auth config check --config settings.toml"]))]
    Check,
}

pub(crate) fn run(command: &Command, values: &Values, output: &mut Output) -> anyhow::Result<()> {
    match command {
        Command::Show => {
            output.rows(values.shown())?;
            // Somebody looks for what is wrong: first all that was found, then that.
            output.finish()?;
            Settings::parse(values).map(drop)
        }
        Command::Check => {
            let settings = Settings::parse(values)?;
            let identity = Identity::of(&settings, &settings.listen);
            compose::mailer(&settings, Some(identity.check_public_url()?))?;
            check_for_service(values, &settings)?;
            output.done("all settings are right", &json!({"is_right": true}))
        }
    }
}

/// What root may do, and the server of this data may not.
fn check_for_service(values: &Values, settings: &Settings) -> anyhow::Result<()> {
    check_files(values, settings)?;
    for file in open_files(settings) {
        refuse_unreadable(&file, settings)?;
    }
    check_data_dir(settings)?;
    let database = settings.database.file().map(|it| ("database", it));
    let data = [("data_dir", &*settings.data_dir)]
        .into_iter()
        .chain(database);
    for (key, path) in data {
        if let Some(Fault { what, advice }) = fault_of_way(path, &settings.data_dir) {
            bail!("{} is not to be used: {what}; {advice}", path.display());
        }
        check_lasting(key, path)?;
    }
    let metrics = settings.metrics_listen.as_ref();
    let metrics = metrics.map(|it| ("metrics_listen", "metrics-listen", it));
    for (key, flag, listen) in [("listen", "listen", &settings.listen)]
        .into_iter()
        .chain(metrics)
    {
        if let Listen::Unix(path) = listen {
            check_lasting(key, path)?;
            daemon::check_listen(listen, &settings.socket, &settings.data_dir, flag)?;
        }
    }
    Ok(())
}

fn check_data_dir(settings: &Settings) -> anyhow::Result<()> {
    let (folder, file) = (&*settings.data_dir, settings.database.file());
    if serves_another(folder) {
        ensure!(
            may_fill(folder, folder),
            "whoever the data in {} belong to may not write to their folder; run `doctor`, which says what helps",
            folder.display()
        );
        compose::check_folder_of_database(settings)?;
        data_dir::check_usable(folder, file)?;
    } else if file.is_some() {
        compose::check_place_as_it_is(settings)?;
    } else {
        // Nobody is asked whether a server has the database.
        data_dir::check_makeable(folder)?;
        data_dir::check_nobody_elses(folder, None)?;
        data_dir::check_usable(folder, None)?;
    }
    let master = folder.join(layout::KEYS).join(layout::MASTER);
    let fault = fault_of_secret(&master, Some(folder)).filter(|_| master.exists());
    fault.map_or(Ok(()), |Fault { what, advice }| {
        bail!("{} is not to be used: {what}; {advice}", master.display())
    })
}

/// Refuses files that the server of this data may not read.
pub(super) fn check_files(values: &Values, settings: &Settings) -> anyhow::Result<()> {
    let file = values.file.iter().map(PathBuf::from);
    file.chain(private_files(values))
        .try_for_each(|file| refuse_unreadable(&file, settings))
}

/// Files that settings name, and that hold no secret.
fn open_files(settings: &Settings) -> Vec<PathBuf> {
    let mut files = Vec::new();
    if let Some(Authorities::File(file)) = &settings.mail.authorities {
        files.push(file.clone());
    }
    if let Some(folder) = &settings.mail.templates {
        files.push(folder.clone());
        let entries = fs::read_dir(folder).into_iter().flatten().flatten();
        files.extend(entries.map(|it| it.path()));
    }
    files
}

fn refuse_unreadable(file: &Path, settings: &Settings) -> anyhow::Result<()> {
    match fault_of_rights(file, Some(&settings.data_dir)) {
        None => Ok(()),
        Some(Fault { what, advice }) => {
            bail!("{} is not to be used: {what}; {advice}", file.display())
        }
    }
}

/// Refuses what lies in a `/tmp` that systemd has made for this service alone (`PrivateTmp=`): nobody else
/// finds it there, and it goes when the service stops.
fn check_lasting(key: &str, path: &Path) -> anyhow::Result<()> {
    let is_temporary = ["/tmp", "/var/tmp"].iter().any(|it| path.starts_with(it));
    let mounts = || fs::read_to_string("/proc/self/mountinfo").unwrap_or_default();
    ensure!(
        !is_temporary || !mounts().contains("/systemd-private-"),
        "the setting {key} is wrong: {} is for this service alone, and goes when it stops; name another place",
        path.display()
    );
    Ok(())
}
