//! `serve`: bind, work, stop cleanly.

mod announce;
mod background;
mod backups;
mod bind;
mod log;

use anyhow::Context;
use tokio::sync::watch;

use crate::compose;
use crate::daemon::announce::announce;
use crate::daemon::backups::Backups;
use crate::daemon::bind::bind;
use crate::http::{App, ConnectionRules, Deployment, serve};
use crate::interrupt::stop_signal;
use crate::private_file::data_dir;
use crate::settings::{Listen, Settings};

pub(crate) fn run(settings: &Settings) -> anyhow::Result<()> {
    let _log = log::start(settings.json_log);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .context("cannot start")?;
    runtime.block_on(serve_until_stopped(settings))
}

async fn serve_until_stopped(settings: &Settings) -> anyhow::Result<()> {
    let (listener, bound) = bind(&settings.listen).await?;
    let public_url = compose::public_url(settings, &bound)?;
    // Before the database is opened: a newer program must not migrate it under a running server.
    compose::check_place(settings)?;
    let lock = data_dir::lock(&settings.data_dir)?;
    let operator = compose::use_cases(settings, Some(&public_url), false)?;
    let deployment = Deployment {
        public_url: public_url.clone(),
        frontend_url: settings.frontend_url.clone(),
        cors_origins: settings.cors_origins.clone(),
        docs: settings.docs,
        trusted_proxies: settings.trusted_proxies.clone(),
    };
    let app = App::new(operator.accounts.clone(), deployment);
    // The lock says that no other server is alive, so whatever one had in hand is nobody's.
    operator.release_mail().await?;
    let (stopping, stopped) = watch::channel(false);
    let backups = Backups::of(settings);
    let background = background::start(operator.clone(), app.clone(), backups, stopped)?;

    // Before anybody is told that the server is there, and may want to stop it.
    let stop = stop_signal()?;
    data_dir::tell_public_url(&lock, Some(public_url.as_str()));
    announce(settings, &public_url)?;
    tracing::info!(event = "sys_startup", version = env!("CARGO_PKG_VERSION"));
    let rules = ConnectionRules {
        per_client: settings.max_connections_per_client,
        exempt: settings.trusted_proxies.clone(),
        ..ConnectionRules::default()
    };
    serve(listener, app, rules, stop).await;

    stopping.send_replace(true);
    tokio::task::spawn_blocking(move || background.join())
        .await
        .ok();
    operator.close();
    data_dir::tell_public_url(&lock, None);
    if let Listen::Unix(path) = &settings.listen {
        // It may have been removed by somebody else already.
        let _ = std::fs::remove_file(path);
    }
    tracing::info!(event = "sys_shutdown");
    Ok(())
}
