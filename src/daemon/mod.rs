//! `serve`: bind, work, stop cleanly.

pub mod background;
pub mod backups;

use std::fs::Permissions;
use std::io::{self, Write};
use std::os::unix::fs::{FileTypeExt, PermissionsExt};

use anyhow::{Context, anyhow};
use tokio::net::{TcpListener, UnixListener};
use tokio::sync::watch;
use tracing_appender::non_blocking::{NonBlockingBuilder, WorkerGuard};

use crate::cli::terminal::interrupt::stop_signal;
use crate::compose;
use crate::daemon::background::housekeeping;
use crate::daemon::backups::Backups;
use crate::domain::WebUrl;
use crate::http::{App, Deployment, Listener, serve};
use crate::private_file::data_dir;
use crate::settings::Settings;
use crate::settings::values::Listen;
use crate::store::Store;

/// So many lines wait for a slow reader of the log; the rest is lost. The queue is allocated at once.
const LOG_LINES: usize = 4096;

pub(crate) fn run(settings: &Settings) -> anyhow::Result<()> {
    let _log = start_log(settings);
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
    data_dir::make(&settings.data_dir)?;
    let _lock = data_dir::lock(&settings.data_dir)?;
    let operator = compose::use_cases(settings, public_url.to_string(), Store::open)?;
    let deployment = Deployment {
        public_url: public_url.clone(),
        frontend_url: settings.frontend_url.clone(),
        cors_origins: settings.cors_origins.clone(),
        trusted_proxies: settings.trusted_proxies.clone(),
    };
    let app = App::new(operator.accounts.clone(), deployment);
    // The lock says that no other server is alive, so whatever one had in hand is nobody's.
    operator.release_mail().await.map_err(compose::said)?;
    let (stopping, stopped) = watch::channel(false);
    let backups = Backups::of(settings);
    let housekeeping = housekeeping(operator.clone(), app.clone(), backups, stopped)?;

    // Before anybody is told that the server is there, and may want to stop it.
    let stop = stop_signal()?;
    announce(settings, &public_url)?;
    tracing::info!(event = "sys_startup", version = env!("CARGO_PKG_VERSION"));
    serve(listener, app, stop).await;

    stopping.send_replace(true);
    tokio::task::spawn_blocking(move || housekeeping.join())
        .await
        .ok();
    operator.close();
    if let Listen::Unix(path) = &settings.listen {
        // It may have been removed by somebody else already.
        let _ = std::fs::remove_file(path);
    }
    tracing::info!(event = "sys_shutdown");
    Ok(())
}

/// Returns the address too, for whoever asked for port 0.
async fn bind(listen: &Listen) -> anyhow::Result<(Listener, Listen)> {
    let hint = |err: io::Error| match err.kind() {
        io::ErrorKind::AddrInUse => anyhow!(
            "cannot listen on {listen}: something listens there already; stop it, or choose another with --listen"
        ),
        io::ErrorKind::PermissionDenied => {
            anyhow!(
                "cannot listen on {listen}: not permitted; choose a port above 1023 with --listen"
            )
        }
        _ => anyhow!("cannot listen on {listen}: {err}; choose another with --listen"),
    };
    match listen {
        Listen::Tcp(address) => {
            let listener = TcpListener::bind(address).await.map_err(hint)?;
            let bound = listener.local_addr()?;
            Ok((Listener::Tcp(listener), Listen::Tcp(bound)))
        }
        Listen::Unix(path) => {
            // A socket that nobody answers at was left behind by a crash; any other file is not ours.
            let is_socket =
                std::fs::symlink_metadata(path).is_ok_and(|it| it.file_type().is_socket());
            if is_socket && std::os::unix::net::UnixStream::connect(path).is_err() {
                std::fs::remove_file(path).map_err(hint)?;
            }
            let listener = UnixListener::bind(path).map_err(hint)?;
            // Whoever may open it is believed about where requests come from.
            std::fs::set_permissions(path, Permissions::from_mode(0o660)).map_err(hint)?;
            Ok((Listener::Unix(listener), listen.clone()))
        }
    }
}

fn announce(settings: &Settings, public_url: &WebUrl) -> io::Result<()> {
    let data = settings.data_dir.display();
    let mails = match &settings.mail.server {
        Some(server) => server.to_string(),
        None => format!("{data}/outbox/ (no mail server is set: each mail becomes a file)"),
    };
    let program = std::env::args()
        .next()
        .unwrap_or_else(|| "minisass-auth".to_owned());
    let program = if data.to_string() == "./minisass-data" {
        program
    } else {
        format!("{program} --data-dir {data}")
    };
    let text = format!(
        "minisass-auth {} is serving\n\n  \
         API            {public_url}/authentication/api/\n  \
         Documentation  {public_url}/docs/\n  \
         Mails          {mails}\n  \
         Database       {}\n\n\
         Next, in another terminal:\n\n  \
         {program} user create --username ada --email ada@example.org\n  \
         {program} token issue ada\n",
        env!("CARGO_PKG_VERSION"),
        settings.database.display(),
    );
    let mut out = io::stdout();
    // Whoever started us may have closed the pipe; we serve all the same.
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(err) if err.kind() != io::ErrorKind::BrokenPipe => Err(err),
        _ => Ok(()),
    }
}

/// The log goes to standard error through a thread of its own: a full pipe loses lines, never time.
fn start_log(settings: &Settings) -> WorkerGuard {
    let (writer, guard) = NonBlockingBuilder::default()
        .lossy(true)
        .buffered_lines_limit(LOG_LINES)
        .finish(io::stderr());
    let log = tracing_subscriber::fmt()
        .with_writer(writer)
        .with_target(false)
        .with_max_level(tracing::Level::INFO)
        .with_ansi(false)
        .log_internal_errors(false);
    if settings.json_log {
        log.json().flatten_event(true).with_span_list(false).init();
    } else {
        log.init();
    }
    guard
}
