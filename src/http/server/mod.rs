//! Connections: HTTP/1.1 over TCP or a Unix socket, with deadlines, limits and a clean stop.

mod places;
mod refused_head;
mod request_body;
mod rules;
mod stream;
mod turn;

use std::convert::Infallible;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use http_body_util::combinators::BoxBody;
use hyper::body::{Body as _, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use hyper_util::server::graceful::GracefulShutdown;
use poem::http::uri::Scheme;
use poem::http::{HeaderValue, header};
use poem::web::{LocalAddr, RemoteAddr};
use poem::{Addr, Body, Endpoint, Request, Response};
use rustix::net::sockopt::set_tcp_user_timeout;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream, UnixListener};
use tokio::sync::watch;

pub use self::rules::ConnectionRules;

use self::places::{Place, Places};
use self::request_body::RequestBody;
use self::stream::Stream;
use self::turn::{AnswerBody, Turn};
use super::wire::Stopping;

/// What the head of a request may have, and what of a body or of an answer is in hand at once.
const MOST_BYTES: usize = 16 * 1024;
/// After how many milliseconds the system cuts off a client that acknowledges nothing of its answer.
const READ_DEADLINE_MS: u32 = 30_000;
/// After a failed accept (no file descriptors, say) the next one waits.
const BACK_OFF: Duration = Duration::from_millis(100);

/// Where connections come from.
pub enum Listener {
    /// Whoever can reach the port.
    Tcp(TcpListener),
    /// Whoever may open the path is trusted to say where requests come from.
    Unix(UnixListener),
}

/// What all connections share.
struct Server<A> {
    app: Arc<A>,
    rules: Arc<ConnectionRules>,
    places: Places,
    graceful: GracefulShutdown,
    stopping: Stopping,
}

/// Lets `app` answer until `stop` is done, then finishes what is in flight within the grace.
pub async fn serve<A>(
    listener: Listener,
    app: A,
    rules: ConnectionRules,
    stop: impl Future<Output = ()>,
) where
    A: Endpoint<Output = Response> + 'static,
{
    let (last_answers, stopping) = watch::channel(false);
    let rules = Arc::new(rules);
    let server = Server {
        app: Arc::new(app),
        places: Places::new(Arc::clone(&rules)),
        rules: Arc::clone(&rules),
        graceful: GracefulShutdown::new(),
        stopping: Stopping(stopping),
    };
    let mut stop = std::pin::pin!(stop);
    loop {
        tokio::select! {
            () = &mut stop => break,
            accepted = server.accept(&listener) => if let Err(err) = accepted {
                tracing::error!(event = "accept_failed", error = %err);
                tokio::time::sleep(BACK_OFF).await;
            },
        }
    }
    // Nobody new from here on.
    drop(listener);
    let graceful = server.graceful;
    let finished = async {
        let mut finished = std::pin::pin!(graceful.shutdown());
        if tokio::time::timeout(rules.last_answers(), &mut finished)
            .await
            .is_err()
        {
            last_answers.send_replace(true);
            finished.await;
        }
    };
    if tokio::time::timeout(rules.grace, finished).await.is_err() {
        tracing::warn!(
            event = "stop_forced",
            "some requests did not finish in time"
        );
    }
}

impl<A: Endpoint<Output = Response> + 'static> Server<A> {
    async fn accept(&self, listener: &Listener) -> io::Result<()> {
        // With every place taken, newcomers wait in the system's queue.
        let place = self.places.next().await;
        let place = place.ok_or_else(|| io::Error::other("no more places"))?;
        match listener {
            Listener::Tcp(listener) => {
                let (stream, remote) = listener.accept().await?;
                let remote = Addr::from(remote);
                // Whoever has enough of them is not told: that would need a place too.
                let Some(place) = self.places.take(place, &remote) else {
                    return Ok(());
                };
                // Otherwise it has gone already.
                if let Ok(local) = prepare(&stream) {
                    self.spawn(stream, (LocalAddr(local.into()), RemoteAddr(remote)), place);
                }
            }
            Listener::Unix(listener) => {
                let (stream, remote) = listener.accept().await?;
                let remote = Addr::from(remote);
                let Some(place) = self.places.take(place, &remote) else {
                    return Ok(());
                };
                let addresses = (LocalAddr(stream.local_addr()?.into()), RemoteAddr(remote));
                self.spawn(stream, addresses, place);
            }
        }
        Ok(())
    }

    fn spawn(
        &self,
        socket: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
        addresses: (LocalAddr, RemoteAddr),
        place: Place,
    ) {
        let turn = Arc::new(Turn::default());
        let stream = Stream::new(socket, Arc::clone(&turn), Arc::clone(&self.rules));
        let (app, stopping) = (Arc::clone(&self.app), self.stopping.clone());
        let service = service_fn(move |request: hyper::Request<Incoming>| {
            turn.begin();
            let (app, turn) = (Arc::clone(&app), Arc::clone(&turn));
            let (addresses, stopping) = (addresses.clone(), stopping.clone());
            async move {
                let response = answer(&*app, request, addresses, stopping).await;
                if response.headers().contains_key(header::CONNECTION) {
                    turn.is_the_last();
                }
                let response = hyper::Response::from(response);
                Ok::<_, Infallible>(response.map(|body| AnswerBody::new(body, turn)))
            }
        });
        let connection = http1::Builder::new()
            .header_read_timeout(None)
            .max_header_size(MOST_BYTES)
            .max_buf_size(MOST_BYTES)
            .serve_connection(TokioIo::new(stream), service);
        let connection = self.graceful.watch(connection);
        tokio::spawn(async move {
            // If the connection breaks, the client knows; there is nothing to do here.
            let _ = connection.await;
            drop(place);
        });
    }
}

fn prepare(stream: &TcpStream) -> io::Result<SocketAddr> {
    stream.set_nodelay(true)?;
    set_tcp_user_timeout(stream, READ_DEADLINE_MS)?;
    stream.local_addr()
}

/// One request and its answer. A body that the application left unread is read here; if it does not
/// come, the connection ends.
async fn answer<A: Endpoint<Output = Response>>(
    app: &A,
    request: hyper::Request<Incoming>,
    (local, remote): (LocalAddr, RemoteAddr),
    stopping: Stopping,
) -> Response {
    let (mut head, body) = request.into_parts();
    head.extensions.insert(stopping);
    // The client waits to be asked for the body: then there is no rest to wait for.
    let waits_to_be_asked = head.headers.contains_key(header::EXPECT);
    let body = (!body.is_end_stream()).then(|| RequestBody::new(body));
    let shown = body.clone().map(BoxBody::new);
    let request = Request::from_parts(
        (head, local, remote, Scheme::HTTP).into(),
        shown.map_or_else(Body::empty, Body::from),
    );
    let mut response = app.get_response(request).await;
    let closes = response.headers().contains_key(header::CONNECTION);
    if let Some(body) = body
        && !closes
        && !body.has_ended()
        && (waits_to_be_asked || !body.read_rest().await)
    {
        let close = HeaderValue::from_static("close");
        response.headers_mut().insert(header::CONNECTION, close);
    }
    response
}
