//! That the server stops, as a request in flight has to know it.

use tokio::sync::watch;

/// Becomes true when it is time for the last answers.
#[derive(Clone)]
pub(crate) struct Stopping(pub(crate) watch::Receiver<bool>);

impl Stopping {
    /// Waits until only the last answers can still be sent.
    pub(crate) async fn is_near(&mut self) {
        if self.0.wait_for(|it| *it).await.is_err() {
            // Nobody can say it any more, because the server is gone.
            std::future::pending::<()>().await;
        }
    }
}
