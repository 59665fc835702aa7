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

/// What a server has for itself as long as it runs.
pub(crate) struct Held<'a>(pub(crate) &'a Locks, pub(crate) Option<&'a SocketFile>);

/// Waits for `stop`, or until something is gone. Then nothing is done in the background any more,
/// and for the time of `grace` whoever asks is told, so that a balancer sees it. A server that cannot open
/// the keys ends at once: it would sign what no other takes, and take what the others refuse.
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
        failure = loss_of_keys(keys) => {
            tracing::error!(event = "keys_lost", error = failure.chain());
            return Err(failure);
        }
    };
    tracing::error!(event, error = failure.chain());
    stopping.send_replace(true);
    let _ = tokio::time::timeout(grace, stop).await;
    Err(failure)
}

/// What is lost, as the log calls it, and what to do.
async fn loss(operator: &Operator, held: &Held<'_>) -> (&'static str, Failure) {
    loop {
        tokio::time::sleep(PAUSE).await;
        if let Err(failure) = operator.check_place() {
            return ("database_lost", failure);
        }
        if let Err(failure) = check_locks(held.0) {
            return ("locks_lost", failure);
        }
        if let Some(Err(failure)) = held.1.map(SocketFile::check) {
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
