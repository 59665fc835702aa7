//! What happens when somebody takes the database, its keys, or the socket away from under the server.

use std::pin::Pin;
use std::time::Duration;

use tokio::sync::{oneshot, watch};

use crate::daemon::bind::SocketFile;
use crate::failure::Failure;
use crate::operator::Operator;
use crate::private_file::data_dir::Locks;

/// Pause between two looks whether all is still in its place.
const PAUSE: Duration = Duration::from_millis(500);

/// As the log calls it.
const DATABASE_LOST: &str = "database_lost";

/// What a server has for itself as long as it runs.
pub(crate) struct Held<'a> {
    pub(crate) locks: &'a Locks,
    pub(crate) socket: Option<&'a SocketFile>,
}

/// Waits for `stop`, or until something is gone. Without its database a server does nothing in the background any
/// more, and for the time of `grace` whoever asks is told, so that a balancer sees it. Otherwise it ends at once:
/// without the keys it would sign what no other takes, without the locks another one may work beside it, and
/// without its socket nobody comes to be told.
pub(crate) async fn stop_or_loss(
    mut stop: Pin<&mut impl Future<Output = ()>>,
    operator: &Operator,
    (held, keys): (Held<'_>, oneshot::Receiver<Failure>),
    stopping: &watch::Sender<bool>,
    grace: Duration,
) -> Result<(), Failure> {
    let (event, failure) = tokio::select! {
        () = &mut stop => return Ok(()),
        lost = loss(operator, &held) => lost,
        failure = loss_of_keys(keys) => ("keys_lost", failure),
    };
    tracing::error!(event, error = failure.chain());
    if event == DATABASE_LOST {
        stopping.send_replace(true);
        let _ = tokio::time::timeout(grace, stop).await;
    }
    Err(failure)
}

/// What is lost, as the log calls it, and what to do.
async fn loss(operator: &Operator, held: &Held<'_>) -> (&'static str, Failure) {
    loop {
        tokio::time::sleep(PAUSE).await;
        if let Err(failure) = operator.check_place() {
            return (DATABASE_LOST, failure);
        }
        if let Err(failure) = check_locks(held.locks) {
            return ("locks_lost", failure);
        }
        if let Some(Err(failure)) = held.socket.map(SocketFile::check) {
            return ("socket_lost", failure);
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

/// The keys that are stored cannot be opened. Whoever looks after that may end before.
async fn loss_of_keys(lost: oneshot::Receiver<Failure>) -> Failure {
    match lost.await {
        Ok(failure) => failure,
        Err(_) => std::future::pending().await,
    }
}
