//! Session look-ups, one for nearly every request. Those that come while one is under way are answered
//! together by the next statement: the way to the server and back is shared, as a commit is by those
//! who write.

use std::sync::Arc;
use std::sync::mpsc::Receiver;
use std::time::Duration;

use super::connect::{Connection, Connector, is_unconnected};
use super::readers::Readers;
use crate::domain::{LiveSession, SessionId, Timestamp};
use crate::failure::Failure;
use crate::store::pending::{Pending, Promise};
use crate::store::task::{MOST_TOGETHER, SessionQuery, caught};
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
        let work = move |queue| work(&connector, &readers, &queue);
        Worker::start("store-sessions", work).map(Self)
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

fn work(connector: &Connector, readers: &Readers, queue: &Receiver<Lookup>) {
    let mut connection = None;
    while let Ok(first) = queue.recv() {
        let mut together = vec![first];
        together.extend(queue.try_iter().take(MOST_TOGETHER - 1));
        // Nobody waits for these any more.
        together.retain(|it| !it.sender.is_canceled());
        if !together.is_empty() {
            answer(connector, readers, &mut connection, together);
        }
    }
}

fn answer(
    connector: &Connector,
    readers: &Readers,
    connection: &mut Option<Connection>,
    together: Vec<Lookup>,
) {
    let (query, doing) = (together[0].query, together[0].doing);
    let ids: Vec<_> = together.iter().map(|it| it.id).collect();
    // One statement sees one state of the database, without a transaction around it.
    let mut found = connector.with(connection, |sql| caught(sql, |sql| query(sql, &ids)));
    // Of a machine that is silent nobody has a connection that is of use.
    if found.as_ref().is_err_and(is_unconnected)
        && !connector.is_silent()
        && let Ok(read) = readers.read(doing, move |sql| query(sql, &ids)).wait()
    {
        found = Ok(read);
    }
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
