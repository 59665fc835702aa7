//! The server loop: HTTP/1.1 over TCP or a Unix socket, with deadlines, a cap and a clean stop.

use std::future::Future;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use poem::http::uri::Scheme;
use poem::web::{LocalAddr, RemoteAddr};
use rustix::net::sockopt::set_tcp_user_timeout;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, UnixListener};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::App;

/// The head of a request, and the quiet between two requests, may take so long.
const HEAD_DEADLINE: Duration = Duration::from_secs(10);
/// A client that takes nothing of its answer for so long, in milliseconds, is cut off by the system.
const READ_DEADLINE_MS: u32 = 30_000;
/// What is in flight at a stop may take so long.
pub const GRACE: Duration = Duration::from_secs(10);
/// After a failed accept (no file descriptors, say) the next one waits.
const BACK_OFF: Duration = Duration::from_millis(100);
/// File descriptors that are not for connections: the database, its readers, the log, mails.
const RESERVED_DESCRIPTORS: u64 = 64;
/// More connections than this help nobody on one machine.
const MOST_CONNECTIONS: u64 = 10_000;

/// Where connections come from.
pub enum Listener {
    /// An address and a port.
    Tcp(TcpListener),
    /// A path; whoever may open it is trusted to say where requests come from.
    Unix(UnixListener),
}

/// Serves until `stop` is done, then finishes what is in flight within [`GRACE`].
///
/// # Errors
/// None after the start: a failed accept is logged and tried again.
pub async fn serve(listener: Listener, app: App, stop: impl Future<Output = ()>) {
    let slots = Arc::new(Semaphore::new(most_connections()));
    let graceful = GracefulShutdown::new();
    let mut stop = std::pin::pin!(stop);
    loop {
        let accepting = accept(&listener, &slots, &app, &graceful);
        tokio::select! {
            () = &mut stop => break,
            accepted = accepting => if let Err(err) = accepted {
                tracing::error!(event = "accept_failed", error = %err);
                tokio::time::sleep(BACK_OFF).await;
            },
        }
    }
    // Nobody new from here on.
    drop(listener);
    if tokio::time::timeout(GRACE, graceful.shutdown())
        .await
        .is_err()
    {
        tracing::warn!(
            event = "stop_forced",
            "some requests did not finish in time"
        );
    }
}

async fn accept(
    listener: &Listener,
    slots: &Arc<Semaphore>,
    app: &App,
    graceful: &GracefulShutdown,
) -> io::Result<()> {
    // With every slot taken, newcomers wait in the system's queue.
    let slot = Arc::clone(slots)
        .acquire_owned()
        .await
        .map_err(io::Error::other)?;
    match listener {
        Listener::Tcp(listener) => {
            let (stream, remote) = listener.accept().await?;
            stream.set_nodelay(true)?;
            set_tcp_user_timeout(&stream, READ_DEADLINE_MS)?;
            let addresses = (
                LocalAddr(stream.local_addr()?.into()),
                RemoteAddr(remote.into()),
            );
            spawn(stream, addresses, app, slot, graceful);
        }
        Listener::Unix(listener) => {
            let (stream, remote) = listener.accept().await?;
            let addresses = (
                LocalAddr(stream.local_addr()?.into()),
                RemoteAddr(remote.into()),
            );
            spawn(stream, addresses, app, slot, graceful);
        }
    }
    Ok(())
}

fn spawn(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    (local, remote): (LocalAddr, RemoteAddr),
    app: &App,
    slot: OwnedSemaphorePermit,
    graceful: &GracefulShutdown,
) {
    let app = app.clone();
    let service = service_fn(move |request: hyper::Request<Incoming>| {
        let app = app.clone();
        let request = (request, local.clone(), remote.clone(), Scheme::HTTP).into();
        async move {
            Ok::<_, std::convert::Infallible>(hyper::Response::from(app.answer(request).await))
        }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_DEADLINE)
        .serve_connection(TokioIo::new(stream), service);
    let connection = graceful.watch(connection);
    tokio::spawn(async move {
        // A connection that breaks is the client's affair.
        let _ = connection.await;
        drop(slot);
    });
}

/// Below the limit on file descriptors, which is raised as far as it goes.
fn most_connections() -> usize {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit {
        current: limit.maximum,
        maximum: limit.maximum,
    };
    let current = if setrlimit(Resource::Nofile, raised).is_ok() {
        limit.maximum
    } else {
        limit.current
    };
    let most = current
        .unwrap_or(u64::MAX)
        .saturating_sub(RESERVED_DESCRIPTORS)
        .clamp(1, MOST_CONNECTIONS);
    usize::try_from(most).unwrap_or(1)
}
