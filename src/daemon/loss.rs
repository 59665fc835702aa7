//! What happens when somebody takes the database, or its keys, away from under the server.

use std::pin::Pin;
use std::time::Duration;

use tokio::sync::{oneshot, watch};

use crate::failure::Failure;
use crate::operator::Operator;
use crate::private_file::data_dir::Locks;

/// Pause between two looks whether the database is still in its place.
const PAUSE: Duration = Duration::from_millis(500);

/// Waits for `stop`, or until the database is gone. Then nothing is done in the background any more,
/// and for the time of `grace` whoever asks is told, so that a balancer sees it. A server that cannot open
/// the keys ends at once: it would sign what no other takes, and take what the others refuse.
pub(crate) async fn stop_or_loss(
    mut stop: Pin<&mut impl Future<Output = ()>>,
    operator: &Operator,
    (locks, keys): (&Locks, oneshot::Receiver<Failure>),
    stopping: &watch::Sender<bool>,
    grace: Duration,
) -> Result<(), Failure> {
    let failure = tokio::select! {
        () = &mut stop => return Ok(()),
        failure = loss(operator, locks) => failure,
        failure = loss_of_keys(keys) => {
            tracing::error!(event = "keys_lost", error = failure.chain());
            return Err(failure);
        }
    };
    tracing::error!(event = "database_lost", error = failure.chain());
    stopping.send_replace(true);
    let _ = tokio::time::timeout(grace, stop).await;
    Err(failure)
}

async fn loss(operator: &Operator, locks: &Locks) -> Failure {
    loop {
        tokio::time::sleep(PAUSE).await;
        if let Err(failure) = operator.check_place() {
            return failure;
        }
        if locks.is_lost() {
            let shown = locks.path().display();
            let why = format!(
                "{shown} was removed or replaced while it was in use, so that a second server could \
                 send the same mails; start this one again"
            );
            return Failure::new("keeping the data folder to itself", why);
        }
    }
}

/// The keys that are stored cannot be opened. Whoever looks after that may end before.
async fn loss_of_keys(lost: oneshot::Receiver<Failure>) -> Failure {
    match lost.await {
        Ok(failure) => failure,
        Err(_) => std::future::pending().await,
    }
}
