//! Connections: how one is made, what it is set to, and how long nobody tries again in vain.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use postgres::Config;
use postgres::config::TargetSessionAttrs;
use postgres::error::SqlState;
use tokio_postgres_rustls::MakeRustlsConnect;

use super::error::in_words;
use super::statements::Statements;
use super::tls;
use super::url::ServerUrl;
use crate::failure::{Failure, chain};
use crate::store::sql;
use crate::store::task::NotCommitted;

/// The oldest version that works, as the server numbers them.
const OLDEST: i32 = 13_00_00;

/// How our connections are called, with the number of the process.
pub(super) const APPLICATION: &str = env!("CARGO_PKG_NAME");

/// A machine that does not answer may have been cut off.
const CONNECT_WITHIN: Duration = Duration::from_secs(3);
const ANSWER_WITHIN: Duration = Duration::from_secs(10);

/// Between two attempts to connect, at first and at most.
const PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

/// Whoever waits for longer is told to come again. A connection that has begun to write and was left
/// alone must not keep all others out. A commit that was acknowledged is on the disk, whatever the server
/// is set to.
const SETTINGS: &str = "SELECT current_setting('server_version_num')::int,
    current_setting('server_encoding'),
    set_config('lock_timeout', '10s', false),
    set_config('idle_in_transaction_session_timeout', '30s', false),
    set_config('synchronous_commit', CASE current_setting('synchronous_commit')
        WHEN 'off' THEN 'on' ELSE current_setting('synchronous_commit') END, false)";

pub(super) struct Connector {
    config: Config,
    tls: MakeRustlsConnect,
    refused: Mutex<Option<Refused>>,
    /// How often a connection turned out to lead to a server that takes no changes.
    generation: AtomicU64,
}

/// The last attempt, which failed.
struct Refused {
    at: Instant,
    pause: Duration,
    why: NotCommitted,
}

/// A connection, and when it was made.
pub(super) struct Connection {
    pub(super) statements: Statements,
    generation: u64,
}

impl Connection {
    pub(super) fn is_closed(&self) -> bool {
        self.statements.client.is_closed()
    }
}

impl Connector {
    pub(super) fn to(place: &ServerUrl) -> Result<Self, Failure> {
        let mut config = place.config();
        let within = config.get_connect_timeout().copied();
        config
            .application_name(&format!("{APPLICATION} {}", std::process::id()))
            .connect_timeout(within.unwrap_or(CONNECT_WITHIN))
            .tcp_user_timeout(ANSWER_WITHIN)
            .keepalives_idle(ANSWER_WITHIN);
        if config.get_target_session_attrs() == TargetSessionAttrs::Any {
            config.target_session_attrs(TargetSessionAttrs::ReadWrite);
        }
        Ok(Self {
            config,
            tls: tls::connector(place)?,
            refused: Mutex::default(),
            generation: AtomicU64::new(0),
        })
    }

    /// Runs `work` with the connection of the caller's thread, and with a new one if there is none or
    /// that has ended meanwhile: so `work` must do no harm when it is done again.
    pub(super) fn with<T>(
        &self,
        connection: &mut Option<Connection>,
        mut work: impl FnMut(&mut Statements) -> sql::Result<T>,
    ) -> Result<T, NotCommitted> {
        let generation = self.generation.load(Ordering::SeqCst);
        connection.take_if(|it| it.is_closed() || it.generation != generation);
        if let Some(old) = connection {
            match work(&mut old.statements) {
                Err(err) if err.ends_connection() || old.is_closed() => {}
                done => return done.map_err(not_committed),
            }
        }
        let new = connection.insert(self.connect()?);
        let done = work(&mut new.statements);
        if done.is_err() {
            // Whatever state it has been left in.
            *connection = None;
        }
        done.map_err(not_committed)
    }

    /// From now on every thread looks for a server that takes changes.
    pub(super) fn leave_server(&self) {
        self.generation.fetch_add(1, Ordering::SeqCst);
    }

    pub(super) fn connect(&self) -> Result<Connection, NotCommitted> {
        let mut refused = self.refused();
        if let Some(it) = refused.as_ref().filter(|it| it.at.elapsed() < it.pause) {
            return Err(it.why.clone());
        }
        let pause = refused.as_ref().map_or(PAUSE, |it| it.pause * 2);
        drop(refused);
        let generation = self.generation.load(Ordering::SeqCst);
        let made = self.make();
        refused = self.refused();
        match made {
            Ok(statements) => {
                if refused.take().is_some() {
                    tracing::info!(event = "database_found");
                }
                Ok(Connection {
                    statements,
                    generation,
                })
            }
            Err(why) => {
                if refused.is_none() {
                    tracing::error!(event = "database_lost", error = why);
                }
                let why = NotCommitted {
                    why,
                    transient: true,
                    is_logged: true,
                };
                *refused = Some(Refused {
                    at: Instant::now(),
                    pause: pause.min(LONGEST_PAUSE),
                    why: why.clone(),
                });
                Err(why)
            }
        }
    }

    fn make(&self) -> Result<Statements, String> {
        let connected = self.config.connect(self.tls.clone());
        let mut client = connected.map_err(|err| {
            let said = in_words(&err);
            let advice = if is_about_password(&err, &said) {
                "see that a file with its password is named, by database_password_file or \
                 --to-password-file"
            } else {
                "see that it runs, and that the setting database names it rightly"
            };
            format!("the database cannot be reached: {said}; {advice}")
        })?;
        let set = client.query_one(SETTINGS, &[]);
        let set = set.map_err(|err| in_words(&err))?;
        let (version, encoding): (i32, &str) = (set.get(0), set.get(1));
        if version < OLDEST {
            return Err(format!(
                "the server has version {} of PostgreSQL; it takes 13 or newer",
                version / 10_000
            ));
        }
        if encoding != "UTF8" {
            return Err(format!(
                "the database has the encoding {encoding}; make one with `createdb --encoding UTF8 \
                 --template template0`"
            ));
        }
        Ok(Statements::over(client))
    }

    fn refused(&self) -> std::sync::MutexGuard<'_, Option<Refused>> {
        self.refused.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One that is missing, or another one.
fn is_about_password(err: &postgres::Error, said: &str) -> bool {
    err.code() == Some(&SqlState::INVALID_PASSWORD) || said.contains("password missing")
}

pub(super) fn not_committed(err: sql::Error) -> NotCommitted {
    let failure = err.when("using the database");
    let cause = std::error::Error::source(&failure);
    NotCommitted {
        why: chain(cause),
        transient: failure.is_transient(),
        is_logged: false,
    }
}
