//! What happens when somebody takes the database, its keys, its locks or a socket away from under the server.

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{oneshot, watch};

use crate::daemon::bind::SocketFile;
use crate::failure::Failure;
use crate::operator::Operator;
use crate::private_file::data_dir::Locks;

/// Pause between two looks whether all is still in its place.
const PAUSE: Duration = Duration::from_millis(500);

/// What a server has for itself as long as it runs.
pub(crate) struct Held<'a> {
    pub(crate) locks: &'a Locks,
    /// The files of its Unix sockets.
    pub(crate) sockets: &'a [Arc<SocketFile>],
    /// Tells that the keys that are stored cannot be opened.
    pub(crate) lost_keys: oneshot::Receiver<Failure>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Lost {
    Database,
    Keys,
    Locks,
    Socket,
}

impl Lost {
    /// As the log calls it.
    fn event(self) -> &'static str {
        match self {
            Self::Database => "database_lost",
            Self::Keys => "keys_lost",
            Self::Locks => "locks_lost",
            Self::Socket => "socket_lost",
        }
    }
}

/// Waits for `stop`, or until something is gone. Then nothing is done in the background any more. Without its database
/// a server tells whoever asks for the time of `grace`, so that a balancer sees it. Otherwise it ends at once:
/// without the keys it would sign what no other takes, without the locks another one may work beside it, and
/// without its socket nobody comes to be told.
pub(crate) async fn stop_or_loss(
    mut stop: Pin<&mut impl Future<Output = ()>>,
    operator: &Operator,
    held: Held<'_>,
    stopping: &watch::Sender<bool>,
    grace: Duration,
) -> Result<(), Failure> {
    let (lost, failure) = tokio::select! {
        () = &mut stop => return Ok(()),
        found = loss(operator, held.locks, held.sockets) => found,
        failure = loss_of_keys(held.lost_keys) => (Lost::Keys, failure),
    };
    tracing::error!(event = lost.event(), error = failure.chain());
    stopping.send_replace(true);
    if lost == Lost::Database {
        let _ = tokio::time::timeout(grace, stop).await;
    }
    Err(failure)
}

/// What is lost, and what to do.
async fn loss(operator: &Operator, locks: &Locks, sockets: &[Arc<SocketFile>]) -> (Lost, Failure) {
    loop {
        tokio::time::sleep(PAUSE).await;
        if let Err(failure) = operator.check_place() {
            return (Lost::Database, failure);
        }
        if let Err(failure) = check_locks(locks) {
            return (Lost::Locks, failure);
        }
        if let Err(failure) = sockets.iter().try_for_each(|it| it.check()) {
            return (Lost::Socket, failure);
        }
    }
}

fn check_locks(locks: &Locks) -> Result<(), Failure> {
    if !locks.is_lost() {
        return Ok(());
    }
    let why = format!(
        "{} was removed or replaced while it was in use, so that a second server could send the \
         same mails; start this one again",
        locks.path().display()
    );
    Err(Failure::new("keeping the data folder to itself", why))
}

async fn loss_of_keys(lost: oneshot::Receiver<Failure>) -> Failure {
    match lost.await {
        Ok(failure) => failure,
        // Whoever looks after them has stopped, as at the end.
        Err(_) => std::future::pending().await,
    }
}
