//! Connections: HTTP/1.1 over TCP or a Unix socket, with deadlines, a cap and a clean stop.

use std::convert::Infallible;
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
use poem::{Addr, Endpoint, Response};
use rustix::net::sockopt::set_tcp_user_timeout;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, UnixListener};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// How long the head of a request may take to arrive, and the next request to begin.
const HEAD_DEADLINE: Duration = Duration::from_secs(10);
/// After how many milliseconds the system cuts off a client that acknowledges nothing of its answer.
const READ_DEADLINE_MS: u32 = 30_000;
/// How long requests in flight at a stop may take.
const GRACE: Duration = Duration::from_secs(10);
/// After a failed accept (no file descriptors, say) the next one waits.
const BACK_OFF: Duration = Duration::from_millis(100);
/// File descriptors that are not for connections: the database, its readers, the log, mails.
const RESERVED_DESCRIPTORS: u64 = 64;
/// More connections than this help nobody on one machine.
const MOST_CONNECTIONS: u64 = 10_000;

/// Where connections come from.
pub enum Listener {
    /// Whoever can reach the port.
    Tcp(TcpListener),
    /// Whoever may open the path is trusted to say where requests come from.
    Unix(UnixListener),
}

/// Lets `app` answer until `stop` is done, then finishes what is in flight within [`GRACE`].
pub async fn serve<A>(listener: Listener, app: A, stop: impl Future<Output = ()>)
where
    A: Endpoint<Output = Response> + 'static,
{
    let app = Arc::new(app);
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

async fn accept<A: Endpoint<Output = Response> + 'static>(
    listener: &Listener,
    slots: &Arc<Semaphore>,
    app: &Arc<A>,
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
            let addresses = (stream.local_addr()?.into(), remote.into());
            spawn(stream, addresses, app, slot, graceful);
        }
        Listener::Unix(listener) => {
            let (stream, remote) = listener.accept().await?;
            let addresses = (stream.local_addr()?.into(), remote.into());
            spawn(stream, addresses, app, slot, graceful);
        }
    }
    Ok(())
}

fn spawn<A: Endpoint<Output = Response> + 'static>(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    (local, remote): (Addr, Addr),
    app: &Arc<A>,
    slot: OwnedSemaphorePermit,
    graceful: &GracefulShutdown,
) {
    let app = Arc::clone(app);
    let service = service_fn(move |request: hyper::Request<Incoming>| {
        let app = Arc::clone(&app);
        let addresses = (LocalAddr(local.clone()), RemoteAddr(remote.clone()));
        let request = (request, addresses.0, addresses.1, Scheme::HTTP).into();
        async move { Ok::<_, Infallible>(hyper::Response::from(app.get_response(request).await)) }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_DEADLINE)
        .serve_connection(TokioIo::new(stream), service);
    let connection = graceful.watch(connection);
    tokio::spawn(async move {
        // If the connection breaks, the client knows; there is nothing to do here.
        let _ = connection.await;
        drop(slot);
    });
}

/// As many as the limit on file descriptors allows, which is raised as far as it goes.
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
