//! What happens when somebody takes the database away from under the server.

use std::pin::Pin;
use std::time::Duration;

use tokio::sync::watch;

use crate::failure::Failure;
use crate::operator::Operator;

/// Pause between two looks whether the database is still in its place.
const PAUSE: Duration = Duration::from_millis(500);

/// Waits for `stop`, or until the database is gone. Then nothing is done in the background any more,
/// and for the time of `grace` whoever asks is told, so that a balancer sees it.
pub(crate) async fn stop_or_loss(
    mut stop: Pin<&mut impl Future<Output = ()>>,
    operator: &Operator,
    stopping: &watch::Sender<bool>,
    grace: Duration,
) -> Result<(), Failure> {
    let failure = tokio::select! {
        () = &mut stop => return Ok(()),
        failure = loss(operator) => failure,
    };
    tracing::error!(event = "database_lost", error = failure.chain());
    stopping.send_replace(true);
    let _ = tokio::time::timeout(grace, stop).await;
    Err(failure)
}

async fn loss(operator: &Operator) -> Failure {
    loop {
        tokio::time::sleep(PAUSE).await;
        if let Err(failure) = operator.check_place() {
            return failure;
        }
    }
}
