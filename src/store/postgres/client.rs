//! A connection, for a thread that has nothing else to do than to wait for it; but not for ever: the
//! library would wait for a server that says nothing as long as it says nothing.

use std::net::IpAddr;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::{FutureExt, StreamExt};
use refinery::{Report, Runner};
use tokio::runtime::{Builder, Runtime};
use tokio::time::timeout;
use tokio_postgres::error::SqlState;
use tokio_postgres::{Client as Asker, Row, RowStream, Statement};

use super::error::of_begin;
use super::hosts::{Place, ServerId};
use super::way::{Link, Unreached, Way, heard};
use crate::store::sql::{Error, Result, Value};

/// Whoever hears nothing for so long asks whether the server still works on it. A long statement is waited
/// for in this way as long as it takes.
const SILENCE: Duration = Duration::from_secs(5);

const SILENT: &str = "the server of the database has said nothing for several seconds, and works on nothing \
                      for this connection; see that its machine, its disk and the way to it work";

/// Somebody who locks a table is seldom done sooner; and how long the next one is waited for meanwhile.
const LOCK_LASTS: Duration = Duration::from_secs(10);
const IMPATIENT: &str = "SET LOCAL lock_timeout = '200ms'";

/// How long a server is told that a connection ends.
const GOODBYE: Duration = Duration::from_millis(200);

/// What ends a connection is known, so that there is none any more.
pub(super) struct Client {
    runtime: Runtime,
    link: Option<Link>,
    place: Place,
    /// The number of the process that the server has for it.
    process: i32,
    /// Tables have changed since statements were prepared.
    is_outdated: bool,
    /// When a lock was last waited for in vain, and for long.
    met_lock: Option<Instant>,
    /// Whether that was just now, and the transaction goes on as it was begun.
    is_patient: bool,
}

impl Client {
    /// Connects, to `machine` first, and asks `first`, whose answer has one row that begins with the number of the
    /// process and has the server's own name behind three more.
    pub(super) fn connect(
        way: &Arc<Way>,
        machine: Option<IpAddr>,
        first: &str,
    ) -> std::result::Result<(Self, Row), Unreached> {
        let runtime = Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(Unreached::Here)?;
        let (link, row) = match runtime.block_on(way.go(machine, first)) {
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
                way: Arc::clone(way),
                machine: link.machine(),
                server: server().map_err(Unreached::Refused)?,
            },
            link: Some(link),
            runtime,
            is_outdated: false,
            met_lock: None,
            is_patient: true,
        };
        Ok((client, row))
    }

    pub(super) fn place(&self) -> Place {
        self.place.clone()
    }

    /// Whether its machine does not answer.
    pub(super) fn is_silent(&self) -> bool {
        self.place.way.is_silent()
    }

    pub(super) fn is_closed(&self) -> bool {
        let is_closed = |it: &Link| it.client.is_closed();
        self.link.as_ref().is_none_or(is_closed)
    }

    /// What has neither values nor answers.
    pub(super) fn batch(&mut self, sql: &str) -> Result<()> {
        Ok(self.run(async |it| it.batch_execute(sql).await)??)
    }

    /// Begins a transaction. Where a lock was in the way a moment ago, it does not wait long for the next one: others
    /// want to go on.
    pub(super) fn begin(&mut self, sql: &str) -> Result<()> {
        self.is_patient = self.met_lock.is_none_or(|it| it.elapsed() > LOCK_LASTS);
        let patience = if self.is_patient { "" } else { IMPATIENT };
        let begin = format!("{sql};{patience}");
        let begun = self.run(async |it| it.batch_execute(&begin).await)?;
        begun.map_err(of_begin)
    }

    /// If a lock was just waited for, the rest of the transaction does not wait long for the next one.
    pub(super) fn grow_impatient(&mut self) -> Result<()> {
        let has_met_lock = self.met_lock.is_some_and(|it| it.elapsed() < LOCK_LASTS);
        if !self.is_patient || !has_met_lock {
            return Ok(());
        }
        self.is_patient = false;
        self.batch(IMPATIENT)
    }

    /// Whether what was prepared has to be prepared anew, asked for the first time.
    pub(super) fn take_outdated(&mut self) -> bool {
        std::mem::take(&mut self.is_outdated)
    }

    fn noted(&mut self, err: tokio_postgres::Error) -> Error {
        match err.code() {
            Some(&SqlState::FEATURE_NOT_SUPPORTED) => self.is_outdated = true,
            // A short wait says nothing: patience comes back.
            Some(&SqlState::LOCK_NOT_AVAILABLE) if self.is_patient => {
                self.met_lock = Some(Instant::now());
            }
            _ => {}
        }
        err.into()
    }

    pub(super) fn prepare(&mut self, sql: &str) -> Result<Statement> {
        let prepared = self.run(async |it| it.prepare(sql).await)?;
        prepared.map_err(|err| self.noted(err))
    }

    pub(super) fn rows(
        &mut self,
        statement: &Statement,
        values: &[Value<'_>],
    ) -> Result<RowStream> {
        let asked = self.run(async |it| it.query_raw(statement, values).await)?;
        asked.map_err(|err| self.noted(err))
    }

    /// The next row of an answer.
    pub(super) fn next(&mut self, mut rows: Pin<&mut RowStream>) -> Result<Option<Row>> {
        let row = match rows.next().now_or_never() {
            Some(there) => there,
            None => self.run(async |_| rows.next().await)?,
        };
        row.transpose().map_err(|err| self.noted(err))
    }

    pub(super) fn migrate(
        &mut self,
        runner: &Runner,
    ) -> Result<std::result::Result<Report, refinery::Error>> {
        self.run(async |it| runner.run_async(it).await)
    }

    fn run<T>(&mut self, ask: impl AsyncFnOnce(&mut Asker) -> T) -> Result<T> {
        let Some(link) = &mut self.link else {
            return Err(Error::ended("the connection has ended"));
        };
        let Link {
            client,
            traffic,
            config,
        } = link;
        let (way, process) = (&self.place.way, self.process);
        let answer = self.runtime.block_on(async {
            let mut answer = pin!(heard(traffic, ask(client)));
            loop {
                if let Ok(answer) = timeout(SILENCE, answer.as_mut()).await {
                    return answer.map_err(Error::from);
                }
                if !way.still_works(config, process).await {
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
        if let Some(Link {
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
