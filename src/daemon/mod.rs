//! `serve`: bind, work, stop cleanly.

mod announce;
mod background;
mod backups;
mod bind;
mod clock;
mod log;
mod log_line;
mod loss;
mod memory;
mod metrics;
mod reload;
mod service_manager;
mod trouble;

pub(crate) use bind::check_listen;

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::Context;
use tokio::sync::{oneshot, watch};

use crate::compose::{self, Identity, Keys};
use crate::daemon::announce::announce;
use crate::daemon::backups::Backups;
use crate::daemon::bind::bind;
use crate::daemon::loss::stop_or_loss;
use crate::daemon::metrics::Metrics;
use crate::daemon::reload::{hangups, reload_at_each};
use crate::domain::WebUrl;
use crate::failure::Failure;
use crate::http::{App, ConnectionRules, Deployment, serve};
use crate::interrupt::stop_signal;
use crate::operator::Operator;
use crate::private_file::data_dir::Locks;
use crate::private_file::owner::closing;
use crate::private_file::replace::remove_stale;
use crate::private_file::{data_dir, folder_of, layout, new_database, replaceable_in};
use crate::settings::{Listen, Settings};
use crate::store::maintenance;

/// How long work in the background may hold up the end.
const PATIENCE: Duration = Duration::from_secs(3);

pub(crate) fn run(settings: &Settings) -> anyhow::Result<()> {
    memory::leave_no_core();
    let _log = log::start(settings.json_log);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .context("cannot start")?;
    let ended = runtime.block_on(serve_until_stopped(settings));
    runtime.shutdown_background();
    ended
}

async fn serve_until_stopped(settings: &Settings) -> anyhow::Result<()> {
    let hangups = hangups()?;
    let (listener, bound) = bind(&settings.listen, &settings.socket, "listen").await?;
    let metrics = Metrics::bind(settings).await?;
    let identity = Identity::of(settings, &bound);
    let public_url = identity.check_public_url()?.clone();
    let note = identity.note();
    let (locks, operator) = open_place(settings, identity)?;
    let app = App::new(operator.accounts.clone(), deployment(settings, &public_url));
    release_mail(&operator).await?;
    let (stopping, stopped) = watch::channel(false);
    let backups = Backups::of(settings);
    let (lost_keys, keys) = oneshot::channel();
    let background = background::start(
        operator.clone(),
        app.clone(),
        backups,
        lost_keys,
        stopped.clone(),
    )?;

    // Before anybody is told that the server is there, and may want to stop it.
    let stop = stop_signal()?;
    data_dir::leave_note(&locks, note.as_deref());
    announce(settings, &public_url, metrics.as_ref(), &operator).await;
    service_manager::tell_serving(&public_url, &bound);
    tracing::info!(event = "sys_startup", version = env!("CARGO_PKG_VERSION"));
    let rules = connection_rules(settings);
    let metrics = metrics.map(|it| it.serve(&app, &rules, stopped.clone()));
    let grace = rules.grace;
    let stop = std::pin::pin!(stop);
    let mut ended = Ok(());
    let stop = async {
        ended = stop_or_loss(stop, &operator, (&locks, keys), &stopping, grace).await;
        service_manager::tell_stop();
    };
    tokio::select! {
        () = serve(listener, app, rules, stop) => {}
        () = service_manager::keep_watch(&operator.accounts) => {}
        () = reload_at_each(hangups, &operator, settings) => {}
    }

    stopping.send_replace(true);
    if let Some(metrics) = metrics {
        metrics.await.ok();
    }
    // One that waits for a database server which does not answer is left to itself.
    let joined = tokio::task::spawn_blocking(move || background.join());
    tokio::time::timeout(PATIENCE, joined).await.ok();
    operator.accounts.settle_last_returns();
    operator.close();
    data_dir::leave_note(&locks, None);
    remove_sockets(settings);
    tracing::info!(event = "sys_shutdown");
    Ok(ended?)
}

/// Takes the data folder and what is in it. One that is made for this does not stay if that is refused: it
/// may have been named by mistake.
fn open_place(settings: &Settings, identity: Identity) -> anyhow::Result<(Locks, Operator)> {
    let folder = &settings.data_dir;
    let is_new = !folder.exists();
    // Before the database is opened: a newer program must not migrate it under a running server.
    compose::check_place(settings, Keys::Needed)?;
    let locks = data_dir::lock(folder, settings.database.file())?;
    warn_of_open_folders(settings);
    remove_drafts(settings);
    let operator = use_cases(settings, identity);
    if operator.is_err() && is_new {
        data_dir::unmake(folder);
    }
    Ok((locks, operator?))
}

/// Opens or makes the database.
fn use_cases(settings: &Settings, identity: Identity) -> anyhow::Result<Operator> {
    let is_new = !maintenance::is_there(&settings.database)?;
    let operator = compose::use_cases(settings, identity, Keys::Needed, false)?;
    if is_new && settings.database.file().is_some() {
        let note = new_database(&settings.database_file());
        tracing::info!(event = "sys_new_database", note);
    }
    Ok(operator)
}

fn deployment(settings: &Settings, public_url: &WebUrl) -> Deployment {
    Deployment {
        public_url: public_url.clone(),
        is_made_up: settings.public_url.is_none(),
        frontend_url: settings.frontend_url.clone(),
        cors_origins: settings.cors_origins.clone(),
        docs: settings.docs,
        metrics: settings.metrics_listen.is_none(),
        trusted_proxies: settings.trusted_proxies.clone(),
    }
}

fn connection_rules(settings: &Settings) -> ConnectionRules {
    ConnectionRules {
        per_client: settings.max_connections_per_client,
        exempt: settings.trusted_proxies.clone(),
        idle_deadline: settings.keep_alive,
        ..ConnectionRules::default()
    }
}

fn remove_sockets(settings: &Settings) {
    for listen in [Some(&settings.listen), settings.metrics_listen.as_ref()] {
        if let Some(Listen::Unix(path)) = listen {
            // It may have been removed by somebody else already.
            let _ = std::fs::remove_file(path);
        }
    }
}

/// The locks say that no other server is alive, so whatever one had in hand is nobody's. On a full disk
/// it waits until the lease on it ends.
async fn release_mail(operator: &Operator) -> Result<(), Failure> {
    match operator.release_mail().await {
        Err(failure) if failure.is_transient() => {
            tracing::warn!(event = "mail_not_released", error = failure.chain());
            Ok(())
        }
        released => released,
    }
}

/// Others may put files of theirs in the place of ours; that is for the operator to judge.
fn warn_of_open_folders(settings: &Settings) {
    let file = settings.database_file();
    let folders = [&*settings.data_dir, folder_of(&file)];
    let open: BTreeSet<_> = folders.into_iter().filter_map(replaceable_in).collect();
    for folder in open {
        let what_to_do = closing(&folder);
        tracing::warn!(
            event = "sys_open_folder",
            folder = %folder.display(),
            note = format!("others can put files of theirs in the place of ours; {what_to_do}")
        );
    }
}

/// A backup that was killed leaves a copy of the whole database.
fn remove_drafts(settings: &Settings) {
    let folders = layout::FOLDERS.map(|it| settings.data_dir.join(it));
    let folders = folders.iter().map(PathBuf::as_path);
    folders
        .chain([&*settings.data_dir, folder_of(&settings.database_file())])
        .for_each(remove_stale);
}
