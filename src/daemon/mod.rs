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
mod place;
mod reload;
mod service_manager;
mod trouble;

pub(crate) use bind::check_listen;
pub(crate) use service_manager::address_in_status;

use std::thread::{self, JoinHandle};
use std::time::Duration;

use anyhow::Context;
use tokio::sync::{oneshot, watch};

use crate::compose::Identity;
use crate::daemon::announce::announce;
use crate::daemon::backups::Backups;
use crate::daemon::loss::{Held, stop_or_loss};
use crate::daemon::metrics::Metrics;
use crate::daemon::place::Place;
use crate::daemon::reload::{hangups, reload_at_each};
use crate::domain::WebUrl;
use crate::failure::Failure;
use crate::http::{App, ConnectionRules, Deployment, serve};
use crate::interrupt::{outlive_file_limit, stop_signal};
use crate::operator::Operator;
use crate::private_file::{close_new_files, data_dir};
use crate::settings::Settings;

/// How long work in the background, or a reader of the last words, may hold up the end.
const PATIENCE: Duration = Duration::from_secs(3);

pub(crate) fn run(settings: &Settings) -> anyhow::Result<()> {
    memory::leave_no_core();
    close_new_files();
    let log = log::start(settings.json_log).context("cannot start")?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .context("cannot start")?;
    let ended = runtime.block_on(async {
        outlive_file_limit()?;
        serve_until_stopped(settings).await
    });
    runtime.shutdown_background();
    log.end();
    if ended.is_err() {
        // Whoever prints why it failed may wait for ever for somebody to read it.
        let end = || {
            thread::sleep(PATIENCE);
            std::process::exit(1)
        };
        let _ = thread::Builder::new().spawn(end);
    }
    ended
}

async fn serve_until_stopped(settings: &Settings) -> anyhow::Result<()> {
    let hangups = hangups()?;
    let (mut place, bound) = Place::take_and_listen(settings).await?;
    let metrics = Metrics::bind(settings).await?;
    let identity = Identity::of(settings, &bound.at);
    let public_url = identity.check_public_url()?.clone();
    let note = identity.note();
    let operator = place.open(settings, identity)?;
    let locks = place.locks();
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
    data_dir::leave_note(locks, note.as_deref());
    announce(settings, &public_url, metrics.as_ref(), &operator).await;
    service_manager::tell_serving(&public_url, &bound.at);
    tracing::info!(event = "sys_startup", version = env!("CARGO_PKG_VERSION"));
    let rules = connection_rules(settings);
    let of_metrics = metrics.as_ref().and_then(Metrics::socket);
    let sockets: Vec<_> = bound.socket.into_iter().chain(of_metrics).collect();
    let metrics = metrics.map(|it| it.serve(&app, &rules, stopped.clone()));
    let grace = rules.grace;
    let stop = std::pin::pin!(stop);
    let held = Held {
        locks,
        sockets: &sockets,
        lost_keys: keys,
    };
    let mut ended = Ok(());
    let stop = async {
        ended = stop_or_loss(stop, &operator, held, &stopping, grace).await;
        service_manager::tell_stop();
    };
    tokio::select! {
        () = serve(bound.listener, app, rules, stop) => {}
        () = service_manager::keep_watch(&operator.accounts) => {}
        () = reload_at_each(hangups, &operator, settings) => {}
    }

    stopping.send_replace(true);
    if let Some(metrics) = metrics {
        metrics.await.ok();
    }
    close(&operator, background).await;
    data_dir::leave_note(locks, None);
    tracing::info!(event = "sys_shutdown");
    Ok(ended?)
}

async fn close(operator: &Operator, background: JoinHandle<()>) {
    // One that waits for a database server which does not answer is left to itself.
    let joined = tokio::task::spawn_blocking(move || background.join());
    tokio::time::timeout(PATIENCE, joined).await.ok();
    operator.accounts.retry_last_refunds();
    operator.close();
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
