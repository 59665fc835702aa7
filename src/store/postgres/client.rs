//! A connection, for a thread that has nothing else to do than to wait for it; but not for ever: the
//! library would wait for a server that says nothing as long as it says nothing.

use std::pin::{Pin, pin};
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use futures_util::{FutureExt, StreamExt};
use refinery::{Report, Runner};
use tokio::runtime::{Builder, Runtime};
use tokio::time::timeout;
use tokio_postgres::{Client as Asker, Row, RowStream, Statement};

use super::endpoint::{Endpoint, Previous, RawConnection, Unreached, while_polled};
use super::hosts::{Place, ServerId};
use crate::store::sql::{Error, Result, Value};

/// Whoever hears nothing for so long asks whether the server still works on it. A long statement is waited
/// for in this way as long as it takes.
const SILENCE: Duration = Duration::from_secs(5);

const SILENT: &str = "the server of the database has said nothing for several seconds, and works on nothing \
                      for this connection; see that its machine, its disk and the way to it work";

/// How long a server is told that a connection ends.
const GOODBYE: Duration = Duration::from_millis(200);

/// What the server says, if anything is while_polled of it.
pub(super) type Said<T, E = tokio_postgres::Error> = std::result::Result<T, E>;

/// What ends a connection is known, so that there is none any more.
pub(super) struct Client {
    runtime: Runtime,
    link: Option<RawConnection>,
    place: Place,
    /// The number of the process that the server has for it.
    process: i32,
}

impl Client {
    /// Connects, and asks `first`, whose answer has one row that begins with the number of the
    /// process and has the server's own name behind three more.
    pub(super) fn connect(
        endpoint: &Arc<Endpoint>,
        previous: Option<Previous>,
        first: &str,
    ) -> std::result::Result<(Self, Row), Unreached> {
        let runtime = Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(Unreached::Here)?;
        let (link, row) = match runtime.block_on(endpoint.go(previous, first)) {
            Ok(went) => went,
            Err(failed) => {
                // A name server that does not answer is not waited for.
                runtime.shutdown_background();
                return Err(failed);
            }
        };
        let server = || {
            Ok(ServerId {
                started: row.try_get(4)?,
                address: row.try_get(5)?,
            })
        };
        let client = Self {
            process: row.try_get(0).map_err(Unreached::Refused)?,
            place: Place {
                endpoint: Arc::clone(endpoint),
                address: link.address(),
                server: server().map_err(Unreached::Refused)?,
            },
            link: Some(link),
            runtime,
        };
        Ok((client, row))
    }

    pub(super) fn place(&self) -> &Place {
        &self.place
    }

    /// Whether its machine does not answer.
    pub(super) fn is_silent(&self) -> bool {
        self.place.endpoint.is_silent()
    }

    pub(super) fn is_closed(&self) -> bool {
        let is_closed = |it: &RawConnection| it.client.is_closed();
        self.link.as_ref().is_none_or(is_closed)
    }

    /// What the server has warned of since this was asked.
    pub(super) fn take_warning(&mut self) -> Option<String> {
        let warning = &self.link.as_ref()?.warning;
        warning
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take()
    }

    /// What has neither values nor answers.
    pub(super) fn batch(&mut self, sql: &str) -> Result<Said<()>> {
        self.run(async |it| it.batch_execute(sql).await)
    }

    pub(super) fn prepare(&mut self, sql: &str) -> Result<Said<Statement>> {
        self.run(async |it| it.prepare(sql).await)
    }

    pub(super) fn rows(
        &mut self,
        statement: &Statement,
        values: &[Value<'_>],
    ) -> Result<Said<RowStream>> {
        self.run(async |it| it.query_raw(statement, values).await)
    }

    /// The next row of an answer.
    pub(super) fn next(&mut self, mut rows: Pin<&mut RowStream>) -> Result<Said<Option<Row>>> {
        let row = match rows.next().now_or_never() {
            Some(there) => there,
            None => self.run(async |_| rows.next().await)?,
        };
        Ok(row.transpose())
    }

    pub(super) fn migrate(&mut self, runner: &Runner) -> Result<Said<Report, refinery::Error>> {
        self.run(async |it| runner.run_async(it).await)
    }

    fn run<T>(&mut self, ask: impl AsyncFnOnce(&mut Asker) -> T) -> Result<T> {
        let Some(link) = &mut self.link else {
            return Err(Error::ended("the connection has ended"));
        };
        let RawConnection {
            client,
            traffic,
            config,
            ..
        } = link;
        let (endpoint, process) = (&self.place.endpoint, self.process);
        let answer = self.runtime.block_on(async {
            let mut answer = pin!(while_polled(traffic, ask(client)));
            loop {
                if let Ok(answer) = timeout(SILENCE, answer.as_mut()).await {
                    return answer.map_err(Error::from);
                }
                if !endpoint.still_works(config, process).await {
                    return Err(Error::passing(SILENT));
                }
            }
        });
        if answer.is_err() {
            self.link = None;
        }
        answer
    }
}

/// The server is told, so that it does not think of a failure.
impl Drop for Client {
    fn drop(&mut self) {
        if let Some(RawConnection {
            client, traffic, ..
        }) = self.link.take()
        {
            drop(client);
            // One that has gone has nothing to hear.
            let told = self
                .runtime
                .block_on(async { timeout(GOODBYE, traffic).await });
            drop(told);
        }
    }
}
