//! The separate address of `/metrics`, for a network that people do not reach.

use std::sync::Arc;

use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::daemon::bind::{Bound, SocketFile, bind};
use crate::http::{App, ConnectionRules, serve};
use crate::settings::{Listen, Settings};

/// Collectors of metrics are few.
const MOST: u32 = 16;

/// A socket that nobody is answered at yet.
pub(super) struct Metrics(Bound);

impl Metrics {
    /// None if the setting does not ask for one.
    pub(super) async fn bind(settings: &Settings) -> anyhow::Result<Option<Self>> {
        let Some(listen) = &settings.metrics_listen else {
            return Ok(None);
        };
        let bound = bind(listen, &settings.socket, "metrics-listen").await?;
        Ok(Some(Self(bound)))
    }

    pub(super) fn place(&self) -> &Listen {
        &self.0.at
    }

    pub(super) fn socket(&self) -> Option<Arc<SocketFile>> {
        self.0.socket.clone()
    }

    /// Answers until `stopped` is true.
    pub(super) fn serve(
        self,
        app: &App,
        rules: &ConnectionRules,
        mut stopped: watch::Receiver<bool>,
    ) -> JoinHandle<()> {
        let app = app.of_metrics();
        let rules = ConnectionRules {
            most: Some(MOST),
            ..rules.clone()
        };
        tokio::spawn(async move {
            let stop = async {
                // Without a sender the server is gone.
                let _ = stopped.wait_for(|it| *it).await;
            };
            serve(self.0.listener, app, rules, stop).await;
        })
    }
}
