//! Connections: how one is made, what it is set to, and how long nobody tries again in vain.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio_postgres::Row;
use tokio_postgres::config::TargetSessionAttrs;
use tokio_postgres::error::SqlState;

use super::client::Client;
use super::endpoint::{Endpoint, Unreached};
use super::error::{SHARED, TAKES_NOTHING, in_words};
use super::hosts::{Hosts, Target};
use super::statements::Statements;
use super::tls;
use super::url::ServerUrl;
use crate::failure::{Failure, chain};
use crate::store::sql;
use crate::store::task::NotCommitted;

/// The oldest version that works, as the server numbers them.
const OLDEST: i32 = 13_00_00;

/// How often the others may leave while a connection is made.
const MOST_MOVES: usize = 3;
const MOVES: &str = "connections lead to one server of the database and then to another, again and again; see that \
                     only one of them takes changes";

/// How our connections are called, with the number of the process.
pub(super) const APPLICATION: &str = env!("CARGO_PKG_NAME");

/// All of a start, at one machine: one that does not answer may have been cut off.
const CONNECT_WITHIN: Duration = Duration::from_secs(5);

/// A machine that does not confirm what it was sent has been cut off; so often it is asked.
const CONFIRM_WITHIN: Duration = Duration::from_secs(10);
const CONFIRM_PAUSE: Duration = Duration::from_secs(3);

/// Between two attempts to connect, at first and at most.
const PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

/// Whoever waits for a lock of somebody's for longer is told to come again: of ours none lasts, but for the turn to
/// write, and whoever has that keeps all others waiting. Warnings of a commit are to be heard. A connection that has
/// begun to write and was left alone must not keep all others out. A commit that was acknowledged is on the disk,
/// whatever the server is set to. A role's limits of time are for people who forget what they have begun: a copy takes
/// hours, and whoever serves is idle at night. Texts of ours have backslashes that mean nothing. Rows that a policy
/// hides are not gone: whoever asks for them is told.
const SETTINGS: &str = "SELECT pg_backend_pid(), current_setting('server_version_num')::int,
    current_setting('server_encoding'), current_schema() IS NOT NULL,
    (extract(epoch FROM pg_postmaster_start_time()) * 1000000)::bigint,
    concat(host(inet_server_addr()), ':', current_setting('port')),
    set_config('lock_timeout', '500ms', false),
    set_config('client_min_messages', 'warning', false),
    set_config('standard_conforming_strings', 'on', false),
    set_config('row_security', 'off', false),
    set_config('idle_in_transaction_session_timeout', '30s', false),
    set_config('synchronous_commit', CASE current_setting('synchronous_commit')
        WHEN 'off' THEN 'on' ELSE current_setting('synchronous_commit') END, false),
    (SELECT count(set_config(name, '0', false)) FROM pg_settings
        WHERE name IN ('statement_timeout', 'transaction_timeout', 'idle_session_timeout'))";

/// Of one that is missing, or another one.
const NO_PASSWORD: &str = "see that a file with its password is named, by database_password_file or \
                           --to-password-file; a server reads it when it starts";

pub(super) struct Connector {
    hosts: Hosts,
    refused: Mutex<Option<Refused>>,
}

/// The last attempt, which failed.
struct Refused {
    at: Instant,
    pause: Duration,
    is_full: bool,
    why: NotCommitted,
}

/// Why none could be made.
struct NotMade {
    why: String,
    /// A server of those that were asked takes no more.
    is_full: bool,
}

pub(super) struct Connection {
    pub(super) statements: Statements,
    /// See [`Hosts::confirm`].
    pub(super) epoch: u64,
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
            .application_name(format!("{APPLICATION} {}", std::process::id()))
            .connect_timeout(within.unwrap_or(CONNECT_WITHIN))
            .tcp_user_timeout(CONFIRM_WITHIN)
            .keepalives_idle(CONFIRM_WITHIN)
            .keepalives_interval(CONFIRM_PAUSE);
        if config.get_target_session_attrs() == TargetSessionAttrs::Any {
            config.target_session_attrs(TargetSessionAttrs::ReadWrite);
        }
        let tls = tls::connector(place)?;
        Ok(Self {
            hosts: Hosts::of(place, &config, &tls),
            refused: Mutex::default(),
        })
    }

    /// Runs `work` with the connection of the caller's thread, and with a new one if there is none or
    /// that has ended meanwhile: so `work` must do no harm when it is done again.
    pub(super) fn with<T>(
        &self,
        connection: &mut Option<Connection>,
        mut work: impl FnMut(&mut Statements) -> sql::Result<T>,
    ) -> Result<T, NotCommitted> {
        connection.take_if(|it| it.is_closed() || !self.is_current(it.epoch));
        if let Some(old) = connection {
            match work(&mut old.statements) {
                Err(err) if err.is_read_only() => {
                    self.hosts.abandon(old.epoch);
                    *connection = None;
                    return Err(not_committed(err));
                }
                Err(err) if err.ends_connection() || old.is_closed() => {
                    if old.statements.client.is_silent() {
                        self.hosts.abandon(old.epoch);
                    }
                    *connection = None;
                    // It has just been asked for in vain, and there is no other one.
                    if self.is_silent() {
                        let (why, is_full) = (not_committed(err).why, false);
                        return Err(self.refuse(NotMade { why, is_full }));
                    }
                }
                done => return done.map_err(not_committed),
            }
        }
        let new = connection.insert(self.connect()?);
        let done = work(&mut new.statements);
        // One that has only met a lock is kept: there may be no other one.
        let is_lost = |err: &sql::Error| err.ends_connection() || err.is_read_only();
        if new.is_closed() || done.as_ref().is_err_and(is_lost) {
            *connection = None;
        }
        done.map_err(not_committed)
    }

    /// Whether no machine answered when it was last asked.
    pub(super) fn is_silent(&self) -> bool {
        self.hosts.are_silent()
    }

    /// Since when there is no connection to be had because a server takes no more, if it is so.
    pub(super) fn full_since(&self) -> Option<Instant> {
        let refused = self.refused();
        refused.as_ref().filter(|it| it.is_full).map(|it| it.at)
    }

    /// Whether connections of that epoch lead where all are to go.
    pub(super) fn is_current(&self, epoch: u64) -> bool {
        self.hosts.epoch() == epoch
    }

    pub(super) fn connect(&self) -> Result<Connection, NotCommitted> {
        let refused = self.refused();
        if let Some(it) = refused.as_ref().filter(|it| it.at.elapsed() < it.pause) {
            return Err(it.why.clone());
        }
        drop(refused);
        for _ in 0..MOST_MOVES {
            let target = self.hosts.target();
            let statements = self.make(&target).map_err(|why| self.refuse(why))?;
            let place = statements.client.place();
            let Some(epoch) = self.hosts.confirm(place, target.epoch) else {
                continue;
            };
            if self.refused().take().is_some() {
                tracing::info!(event = "database_found");
            }
            return Ok(Connection { statements, epoch });
        }
        Err(self.refuse(NotMade {
            why: MOVES.to_owned(),
            is_full: false,
        }))
    }

    /// For a while nobody tries again.
    fn refuse(&self, NotMade { why, is_full }: NotMade) -> NotCommitted {
        let mut refused = self.refused();
        if refused.is_none() {
            tracing::error!(event = "database_lost", error = why);
        }
        let pause = refused.as_ref().map_or(PAUSE, |it| it.pause * 2);
        let why = NotCommitted {
            why,
            transient: true,
            is_logged: true,
            is_in_doubt: false,
        };
        *refused = Some(Refused {
            at: Instant::now(),
            pause: pause.min(LONGEST_PAUSE),
            is_full,
            why: why.clone(),
        });
        why
    }

    fn make(&self, target: &Target) -> Result<Statements, NotMade> {
        let mut failed = Vec::new();
        for endpoint in self.hosts.in_order(target) {
            match Client::connect(&endpoint, target.previous(&endpoint), SETTINGS) {
                Ok((client, settings)) => {
                    let is_full = false;
                    check_server(&settings).map_err(|why| NotMade { why, is_full })?;
                    return Ok(Statements::over(client));
                }
                Err(why) => {
                    // One that works, and takes no more connections, say, is not left for another one.
                    let is_final =
                        why.is_answer() && target.is_at(&endpoint) && !target.is_abandoned;
                    failed.push((endpoint, why));
                    if is_final {
                        break;
                    }
                }
            }
        }
        Err(NotMade {
            is_full: failed.iter().any(|(_, why)| why.is_full()),
            why: format!("the database cannot be reached: {}", why_of_all(&failed)),
        })
    }

    fn refused(&self) -> std::sync::MutexGuard<'_, Option<Refused>> {
        self.refused.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn check_server(settings: &Row) -> Result<(), String> {
    let read = || {
        Ok((
            settings.try_get(1)?,
            settings.try_get(2)?,
            settings.try_get(3)?,
        ))
    };
    let (version, encoding, has_schema): (i32, &str, bool) =
        read().map_err(|err| in_words(&err))?;
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
    if !has_schema {
        return Err("the search_path of this role names no schema that is there and that it may use; make it, \
             GRANT USAGE on it, or run: ALTER ROLE … RESET search_path (or ALTER DATABASE, where that set it)"
            .to_owned());
    }
    Ok(())
}

/// Of each host, if there are several.
fn why_of_all(failed: &[(Arc<Endpoint>, Unreached)]) -> String {
    let said = match failed {
        [(_, why)] => why.to_string(),
        several => {
            let each = several
                .iter()
                .map(|(endpoint, why)| format!("{endpoint}: {why}"));
            each.collect::<Vec<_>>().join("; ")
        }
    };
    let advice = failed.iter().find_map(|(_, why)| advice(why));
    let usual = "see that it runs, and that the setting database names it rightly";
    format!("{said}; {}", advice.unwrap_or(usual))
}

/// What to do about a server that answered, and let nobody in.
fn advice(why: &Unreached) -> Option<&'static str> {
    let Unreached::Refused(err) = why else {
        return None;
    };
    match err.code() {
        Some(&SqlState::INVALID_PASSWORD) => Some(NO_PASSWORD),
        None if in_words(err).contains("password missing") => Some(NO_PASSWORD),
        Some(&SqlState::TOO_MANY_CONNECTIONS) => Some(
            "each server of ours takes up to seven: raise max_connections, or the CONNECTION LIMIT of role or \
             database, or end what nobody needs (`SELECT * FROM pg_stat_activity` shows it)",
        ),
        None if in_words(err).contains("does not allow writes") => Some(TAKES_NOTHING),
        Some(&SqlState::DUPLICATE_PSTATEMENT | &SqlState::INVALID_SQL_STATEMENT_NAME) => {
            Some(SHARED)
        }
        Some(&SqlState::INSUFFICIENT_PRIVILEGE) => Some(
            "GRANT that to this role, or to PUBLIC, as PostgreSQL comes: CONNECT on the database, EXECUTE on the function",
        ),
        Some(&SqlState::CANNOT_CONNECT_NOW) => Some("it is starting or stopping: try again"),
        Some(&SqlState::INVALID_AUTHORIZATION_SPECIFICATION) => {
            Some("see that this role is there, and that pg_hba.conf lets it in from here")
        }
        _ => None,
    }
}

/// Whether there was no connection to be had. Only of that does the log tell by itself.
pub(super) fn is_unconnected(why: &NotCommitted) -> bool {
    why.is_logged
}

pub(super) fn not_committed(err: sql::Error) -> NotCommitted {
    let failure = err.when("using the database");
    let cause = std::error::Error::source(&failure);
    NotCommitted {
        why: chain(cause),
        transient: failure.is_transient(),
        is_logged: false,
        is_in_doubt: false,
    }
}
