//! Connections: HTTP/1.1 over TCP or a Unix socket, with deadlines, limits and a clean stop.

mod connection;
mod places;
mod rarely;
mod refused_head;
mod request_body;
mod rules;
mod seats;
mod stream;
mod turn;

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use poem::web::{LocalAddr, RemoteAddr};
use poem::{Addr, Endpoint, Response};
use rustix::io::Errno;
use rustix::net::sockopt::set_tcp_user_timeout;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream, UnixListener};
use tokio::sync::{Semaphore, watch};

pub use self::rules::ConnectionRules;

use self::connection::{Partner, converse, turn_away};
use self::places::{Place, Places};
use self::rarely::Rarely;
use super::wire::Stopping;

/// After how many milliseconds the system cuts off a client that acknowledges nothing of its answer.
const READ_DEADLINE_MS: u32 = 30_000;
/// So many are told at once that they have too many connections.
const TURNED_AWAY: usize = 8;
/// After a failed accept (no file descriptors, say) the next one waits.
const BACK_OFF: Duration = Duration::from_millis(100);

/// What `accept` says when this process or the machine has no file descriptor left.
const OUT_OF_DESCRIPTORS: [Errno; 2] = [Errno::MFILE, Errno::NFILE];

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
    turned_away: Arc<Semaphore>,
    closing: watch::Receiver<bool>,
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
    let (close, closing) = watch::channel(false);
    let (last_answers, stopping) = watch::channel(false);
    let rules = Arc::new(rules);
    let server = Server {
        app: Arc::new(app),
        places: Places::new(Arc::clone(&rules)),
        turned_away: Arc::new(Semaphore::new(TURNED_AWAY)),
        rules: Arc::clone(&rules),
        closing,
        stopping: Stopping(stopping),
    };
    let failures = Rarely::default();
    let mut stop = std::pin::pin!(stop);
    loop {
        tokio::select! {
            () = &mut stop => break,
            accepted = server.accept(&listener) => if let Err(err) = accepted {
                if failures.is_time() {
                    tracing::error!(event = "accept_failed", error = %err);
                }
                // Without a descriptor nobody can come in before somebody goes.
                if Errno::from_io_error(&err).is_some_and(|it| OUT_OF_DESCRIPTORS.contains(&it)) {
                    server.places.make_room();
                }
                tokio::time::sleep(BACK_OFF).await;
            },
        }
    }
    // Nobody new from here on.
    drop(listener);
    close.send_replace(true);
    let finished = async {
        let mut finished = std::pin::pin!(server.places.are_free());
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
        // With every place taken, one newcomer waits here and all others in the system's queue.
        match listener {
            Listener::Tcp(listener) => {
                let (stream, remote) = listener.accept().await?;
                let remote = Addr::from(remote);
                let place = self.places.take(&remote).await;
                // Otherwise it has gone already.
                if let Ok(local) = prepare(&stream) {
                    let addresses = (LocalAddr(local.into()), RemoteAddr(remote));
                    match place {
                        Some(place) => self.spawn(stream, addresses, place),
                        None => self.turn_away(stream, addresses),
                    }
                }
            }
            Listener::Unix(listener) => {
                let (stream, remote) = listener.accept().await?;
                let remote = Addr::from(remote);
                let Some(place) = self.places.take(&remote).await else {
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
        let partner = (self.partner(addresses), place.seat());
        let (rules, closing) = (Arc::clone(&self.rules), self.closing.clone());
        tokio::spawn(async move {
            converse(socket, partner, rules, closing).await;
            drop(place);
        });
    }

    /// A client has enough connections. A few are told at a time; with more of them there, the others are
    /// closed without a word.
    fn turn_away(&self, socket: TcpStream, addresses: (LocalAddr, RemoteAddr)) {
        let Ok(one_of_few) = Arc::clone(&self.turned_away).try_acquire_owned() else {
            return;
        };
        let partner = self.partner(addresses);
        tokio::spawn(async move {
            turn_away(socket, partner).await;
            drop(one_of_few);
        });
    }

    fn partner(&self, addresses: (LocalAddr, RemoteAddr)) -> Partner<A> {
        Partner {
            app: Arc::clone(&self.app),
            addresses,
            stopping: self.stopping.clone(),
        }
    }
}

fn prepare(stream: &TcpStream) -> io::Result<SocketAddr> {
    stream.set_nodelay(true)?;
    set_tcp_user_timeout(stream, READ_DEADLINE_MS)?;
    stream.local_addr()
}
