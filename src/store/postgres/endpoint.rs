//! How a server is reached, which may be at several addresses: each is given so long for all of a start, and a
//! second connection tells whether the server still works on what a first one waits for.

use std::fmt;
use std::future::poll_fn;
use std::io;
use std::net::IpAddr;
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Poll, ready};
use std::time::Duration;

use tokio::net::lookup_host;
use tokio::time::timeout;
use tokio_postgres::config::Host;
use tokio_postgres::error::{DbError, Severity, SqlState};
use tokio_postgres::{AsyncMessage, Client, Config, Error, Row, SimpleQueryMessage};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::error::{in_words, is_of_full};
use super::url::ServerHost;

const NAMELESS: &str = "the name server does not say which machine that is";

/// To one place.
pub(super) struct Endpoint {
    host: ServerHost,
    config: Config,
    tls: MakeRustlsConnect,
    /// How long a start may take.
    within: Duration,
    /// Whether it did not answer, the last time that it was asked.
    is_silent: AtomicBool,
}

/// Where the connections led that were made before.
#[derive(Clone, Copy)]
pub(super) struct Previous {
    pub(super) address: IpAddr,
    /// They have been given up.
    pub(super) is_abandoned: bool,
}

/// Why there is no connection.
pub(super) enum Unreached {
    Silent(Duration),
    /// The system has no room for one, or no number for the name.
    Here(io::Error),
    Refused(Error),
}

/// A connection. Nothing is said or heard on it but while its traffic is polled.
pub(super) struct RawConnection {
    pub(super) client: Client,
    pub(super) traffic: Traffic,
    /// What the server last warned of.
    pub(super) warning: Arc<Mutex<Option<String>>>,
    /// Leads to the same machine again.
    pub(super) config: Config,
}

type Traffic = Pin<Box<dyn Future<Output = Result<(), Error>> + Send>>;

impl Endpoint {
    /// `config` names no place.
    pub(super) fn to(host: ServerHost, config: &Config, tls: &MakeRustlsConnect) -> Self {
        Self {
            host,
            config: config.clone(),
            tls: tls.clone(),
            within: config.get_connect_timeout().copied().unwrap_or_default(),
            is_silent: AtomicBool::new(false),
        }
    }

    pub(super) fn is_silent(&self) -> bool {
        self.is_silent.load(Ordering::SeqCst)
    }

    fn note_silence(&self, is_silent: bool) {
        self.is_silent.store(is_silent, Ordering::SeqCst);
    }

    /// Connects, and asks `first`, whose answer has one row. Goes where connections led before, also if the name has
    /// been given to others since, or nobody knows it any more: each connection to another one would be as bad as
    /// each to another host.
    pub(super) async fn go(
        &self,
        previous: Option<Previous>,
        first: &str,
    ) -> Result<(RawConnection, Row), Unreached> {
        let gone = self.try_all(previous, first).await;
        self.note_silence(matches!(gone, Err(Unreached::Silent(_))));
        gone
    }

    async fn try_all(
        &self,
        previous: Option<Previous>,
        first: &str,
    ) -> Result<(RawConnection, Row), Unreached> {
        let known = previous.map(|it| it.address);
        let is_good = previous.is_some_and(|it| !it.is_abandoned) && !self.is_silent();
        let mut failed = None;
        if is_good {
            match self.try_one(known, first).await {
                Err(why) if !why.is_answer() => failed = Some(why),
                answered => return answered,
            }
        }
        let mut addresses = match self.addresses().await {
            Ok(addresses) => addresses,
            Err(why) => return Err(failed.unwrap_or(Unreached::Here(why))),
        };
        // It has been tried, or is of use only if no other one is.
        let is_known = |it: &Option<IpAddr>| it.is_some() && *it == known;
        addresses.sort_by_key(is_known);
        addresses.retain(|it| !(is_good && is_known(it)));
        for address in addresses {
            match self.try_one(address, first).await {
                Err(why) => failed = Some(why),
                gone => return gone,
            }
        }
        Err(failed.unwrap_or(Unreached::Silent(self.within)))
    }

    /// Those that its name stands for; a folder has none.
    async fn addresses(&self) -> io::Result<Vec<Option<IpAddr>>> {
        let (Some(Host::Tcp(name)), None) = (&self.host.name, self.host.address) else {
            return Ok(vec![self.host.address]);
        };
        let found = timeout(self.within, lookup_host((&**name, self.host.port))).await;
        let silent = |_| io::Error::new(io::ErrorKind::TimedOut, NAMELESS);
        Ok(found.map_err(silent)??.map(|it| Some(it.ip())).collect())
    }

    async fn try_one(
        &self,
        address: Option<IpAddr>,
        first: &str,
    ) -> Result<(RawConnection, Row), Unreached> {
        match timeout(self.within, self.start(address, first)).await {
            Ok(started) => started.map_err(Unreached::Refused),
            Err(_) => Err(Unreached::Silent(self.within)),
        }
    }

    async fn start(
        &self,
        address: Option<IpAddr>,
        first: &str,
    ) -> Result<(RawConnection, Row), Error> {
        let mut config = self.config.clone();
        config.port(self.host.port);
        match &self.host.name {
            Some(Host::Tcp(name)) => _ = config.host(name),
            Some(Host::Unix(folder)) => _ = config.host_path(folder),
            None => {}
        }
        if let Some(address) = address {
            config.hostaddr(address);
        }
        let mut link = RawConnection::make(config, &self.tls).await?;
        let RawConnection {
            client, traffic, ..
        } = &mut link;
        // That of a role may be too short for what is asked first.
        while_polled(traffic, client.batch_execute("SET statement_timeout = 0")).await??;
        let row = while_polled(traffic, client.query_one(first, &[])).await??;
        Ok((link, row))
    }

    /// Whether the server at the end of a link still works for it, in the process of that number.
    pub(super) async fn still_works(&self, end: &Config, process: i32) -> bool {
        // What was answered so long ago was lost on the way, as the question may have been. Whoever may
        // not see what the process does is told nothing of it.
        let query = format!(
            "SELECT 1 FROM pg_stat_activity WHERE pid = {process} AND (state IS NULL
                OR state IN ('active', 'disabled')
                OR state_change > clock_timestamp() - interval '3 seconds')"
        );
        let ask = async {
            let mut other = RawConnection::make(end.clone(), &self.tls).await?;
            let RawConnection {
                client, traffic, ..
            } = &mut other;
            while_polled(traffic, client.simple_query(&query)).await?
        };
        match timeout(self.within, ask).await {
            Ok(Ok(said)) => said
                .iter()
                .any(|it| matches!(it, SimpleQueryMessage::Row(_))),
            // It is there, though it may take no more connections; unless it starts or stops.
            Ok(Err(err)) => err.code().is_some_and(|it| !is_of_shutdown(it)),
            Err(_) => {
                self.note_silence(true);
                false
            }
        }
    }
}

/// Whether a commit is on the disk here, and nobody waited for the replica any more: the code of the warning is
/// that of any warning, and its words may be in any language.
fn is_of_lost_wait(said: &DbError) -> bool {
    said.parsed_severity() == Some(Severity::Warning) && said.routine() == Some("SyncRepWaitForLSN")
}

fn is_of_shutdown(state: &SqlState) -> bool {
    state.code().starts_with("57P")
}

impl RawConnection {
    /// To which it leads, unless that is a folder.
    pub(super) fn address(&self) -> Option<IpAddr> {
        self.config.get_hostaddrs().first().copied()
    }

    async fn make(config: Config, tls: &MakeRustlsConnect) -> Result<Self, Error> {
        let (client, mut connection) = config.connect(tls.clone()).await?;
        let warning = Arc::default();
        let noted: Arc<Mutex<Option<String>>> = Arc::clone(&warning);
        let traffic = poll_fn(move |context| {
            loop {
                match ready!(connection.poll_message(context)) {
                    Some(Ok(AsyncMessage::Notice(said))) => {
                        if is_of_lost_wait(&said) {
                            let mut noted = noted.lock().unwrap_or_else(PoisonError::into_inner);
                            *noted = Some(said.message().to_owned());
                        }
                    }
                    Some(Ok(_)) => {}
                    Some(Err(err)) => return Poll::Ready(Err(err)),
                    None => return Poll::Ready(Ok(())),
                }
            }
        });
        Ok(Self {
            client,
            traffic: Box::pin(traffic),
            warning,
            config,
        })
    }
}

/// What a client is asked for, while its traffic goes on.
pub(super) async fn while_polled<T>(
    traffic: &mut Traffic,
    asked: impl Future<Output = T>,
) -> Result<T, Error> {
    let mut asked = pin!(asked);
    poll_fn(|context| {
        let ended = traffic.as_mut().poll(context);
        // What was answered just before the end is an answer: of a commit, say.
        match (asked.as_mut().poll(context), ended) {
            (Poll::Ready(answer), _) => Poll::Ready(Ok(answer)),
            (Poll::Pending, Poll::Ready(Err(err))) => Poll::Ready(Err(err)),
            (Poll::Pending, _) => Poll::Pending,
        }
    })
    .await
}

impl Unreached {
    /// Whether a server that works has answered, and let nobody in; one that starts or stops does not.
    pub(super) fn is_answer(&self) -> bool {
        match self {
            Self::Refused(err) => err.code().is_some_and(|it| !is_of_shutdown(it)),
            Self::Silent(_) | Self::Here(_) => false,
        }
    }

    /// Whether the server is there, and takes no more connections.
    pub(super) fn is_full(&self) -> bool {
        matches!(self, Self::Refused(err) if is_of_full(err))
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.host.fmt(f)
    }
}

impl fmt::Display for Unreached {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Silent(within) => write!(f, "nothing was heard of it for {} s", within.as_secs()),
            Self::Here(err) => f.write_str(&crate::failure::in_words(err)),
            Self::Refused(err) => f.write_str(&in_words(err)),
        }
    }
}
