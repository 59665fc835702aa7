//! Session look-ups, one for nearly every request. Those that come while one is under way are answered
//! together by the next statement: the way to the server and back is shared, as a commit is by those
//! who write.

use std::sync::Arc;
use std::sync::mpsc::Receiver;
use std::time::Duration;

use super::connect::{Connection, Connector, is_unconnected};
use super::readers::Readers;
use super::statements::Statements;
use crate::domain::{LiveSession, SessionId, Timestamp};
use crate::failure::Failure;
use crate::store::pending::{Pending, Promise};
use crate::store::sql::Sql;
use crate::store::task::{MOST_TOGETHER, NotCommitted, SessionQuery, caught};
use crate::store::worker::Worker;

pub(super) struct Lookups(Worker<Lookup>);

struct Lookup {
    id: SessionId,
    now: Timestamp,
    doing: &'static str,
    query: SessionQuery,
    sender: Promise<Option<LiveSession>>,
}

impl Lookups {
    /// While it gets no connection, `readers` may have one.
    pub(super) fn start(connector: Arc<Connector>, readers: Arc<Readers>) -> Result<Self, Failure> {
        let mut open = Open {
            connector,
            connection: None,
            readers,
        };
        Worker::start("store-sessions", move |queue| open.work(&queue)).map(Self)
    }

    pub(super) fn find(
        &self,
        doing: &'static str,
        (id, now): (SessionId, Timestamp),
        query: SessionQuery,
    ) -> Pending<Option<LiveSession>> {
        let (sender, answer) = Pending::promised();
        self.0.submit(Lookup {
            id,
            now,
            doing,
            query,
            sender,
        });
        answer
    }

    pub(super) fn close(&self, patience: Duration) {
        self.0.stop_within(patience);
    }
}

/// The database as the thread has it.
struct Open {
    connector: Arc<Connector>,
    connection: Option<Connection>,
    /// They can do this work too.
    readers: Arc<Readers>,
}

impl Open {
    fn work(&mut self, queue: &Receiver<Lookup>) {
        while let Ok(first) = queue.recv() {
            let mut together = vec![first];
            together.extend(queue.try_iter().take(MOST_TOGETHER - 1));
            // Nobody waits for these any more.
            together.retain(|it| !it.sender.is_canceled());
            if !together.is_empty() {
                self.answer(together);
            }
        }
    }

    fn answer(&mut self, together: Vec<Lookup>) {
        let found = self.find(&together);
        for it in together {
            let session = match &found {
                Ok(found) => {
                    let is_it = |live: &&LiveSession| live.id == it.id && live.expires_at > it.now;
                    Ok(found.iter().find(is_it).cloned())
                }
                Err(why) => Err(why.failure(it.doing)),
            };
            // Whoever went meanwhile is not told.
            let _ = it.sender.send(session);
        }
    }

    fn find(&mut self, together: &[Lookup]) -> Result<Vec<LiveSession>, NotCommitted> {
        let (query, doing) = (together[0].query, together[0].doing);
        let ids: Vec<_> = together.iter().map(|it| it.id).collect();
        let ask_readers = || {
            let ids = ids.clone();
            let read = move |sql: &mut dyn Sql| query(sql, &ids);
            self.readers.read(doing, read).wait()
        };
        let is_theirs = self.readers.are_short();
        if is_theirs {
            self.connection = None;
            if let Ok(found) = ask_readers() {
                return Ok(found);
            }
        }
        // One statement sees one state of the database, without a transaction around it.
        let ask = |sql: &mut Statements| caught(sql, |sql| query(sql, &ids));
        let found = self.connector.with(&mut self.connection, ask);
        // Of a machine that is silent nobody has a connection that is of use.
        let is_refused = found.as_ref().is_err_and(is_unconnected) && !self.connector.is_silent();
        if is_refused
            && !is_theirs
            && let Ok(read) = ask_readers()
        {
            return Ok(read);
        }
        found
    }
}
