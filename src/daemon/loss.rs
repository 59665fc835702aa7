//! What happens when somebody takes the database away from under the server.

use std::pin::Pin;
use std::time::Duration;

use tokio::sync::watch;

use crate::failure::Failure;
use crate::operator::Operator;
use crate::private_file::data_dir::Locks;

/// Pause between two looks whether the database is still in its place.
const PAUSE: Duration = Duration::from_millis(500);

/// Waits for `stop`, or until the database is gone. Then nothing is done in the background any more,
/// and for the time of `grace` whoever asks is told, so that a balancer sees it.
pub(crate) async fn stop_or_loss(
    mut stop: Pin<&mut impl Future<Output = ()>>,
    operator: &Operator,
    locks: &Locks,
    stopping: &watch::Sender<bool>,
    grace: Duration,
) -> Result<(), Failure> {
    let failure = tokio::select! {
        () = &mut stop => return Ok(()),
        failure = loss(operator, locks) => failure,
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
