//! Sessions: opened by a login, ended by a logout or an operator.

use std::sync::Arc;

use super::attempts::Counter;
use super::credentials;
use super::pending::Pending;
use super::sql::{Error, Result, Row, Sql, ToValue, parameters, values};
use super::{Store, attempts, audit, imported_tokens, privacy_policy};
use crate::domain::{
    Agreement, LiveSession, Session, SessionId, SessionKind, Stamp, Timestamp, UserId,
};

/// A session to open when a password was right.
#[derive(Clone, Debug)]
pub struct Opening {
    pub session: Session,
    /// The hash that the password was checked against; none opens without a password.
    pub checked: Option<String>,
    /// A hash at today's cost that replaces it.
    pub rehashed: Option<String>,
    /// The counters of failed attempts to clear.
    pub attempts: Vec<Counter>,
    /// How many sessions of a user may live; the oldest end.
    pub most: usize,
}

/// A session and how it stands.
#[derive(Clone, Debug)]
pub struct SeenSession {
    pub session: Session,
    /// The name of its user.
    pub username: String,
    /// When it was ended, if it was before its time.
    pub ended_at: Option<Timestamp>,
}

impl SeenSession {
    #[must_use]
    pub fn is_live(&self, now: Timestamp) -> bool {
        self.ended_at.is_none() && self.session.expires_at > now
    }
}

impl Store {
    /// The session, if it has not ended at `now` and its user is active.
    pub fn live_session(&self, id: SessionId, now: Timestamp) -> Pending<Option<LiveSession>> {
        let doing = "looking up a session";
        self.engine.session(doing, (id, now), not_ended)
    }

    /// Whether sessions are found, as nearly every request asks: over PostgreSQL whoever looks them up has a
    /// connection of its own. There is none of this number.
    pub fn check_sessions(&self) -> Pending<Option<LiveSession>> {
        let nobody = SessionId::new(Timestamp(0), [0; 12]);
        self.live_session(nobody, Timestamp(0))
    }

    /// The session of a cookie, whether alive or not.
    pub fn session_of_cookie(&self, digest: &[u8; 32]) -> Pending<Option<SessionId>> {
        let digest = *digest;
        self.read("looking up a cookie", move |sql| {
            sql.one(
                "SELECT id FROM sessions WHERE cookie_digest = ?1",
                values![digest],
                |row| row.get(0),
            )
        })
    }

    /// A session, whether alive or not.
    pub fn session(&self, id: SessionId) -> Pending<Option<SeenSession>> {
        self.read("looking up a session", move |sql| {
            let query = format!("SELECT {COLUMNS} FROM {WITH_USER} WHERE sessions.id = ?1");
            sql.one(&query, values![id], seen_from_row)
        })
    }

    /// A user's sessions that have not ended at `now`, the youngest first.
    pub fn sessions_of(&self, user: UserId, now: Timestamp) -> Pending<Vec<Session>> {
        self.read("listing sessions", move |sql| {
            sql.all(
                &format!(
                    "SELECT id, user_id, kind, created_at, expires_at, address, user_agent
                     FROM sessions WHERE user_id = ?2 AND {LIVE}
                     ORDER BY created_at DESC, id DESC"
                ),
                values![now, user],
                session_from_row,
            )
        })
    }

    /// Sessions of everybody that have not ended at `now`, the youngest first, from below `before` on.
    pub fn live_sessions(
        &self,
        now: Timestamp,
        before: Option<SessionId>,
        limit: usize,
    ) -> Pending<Vec<SeenSession>> {
        self.read("listing sessions", move |sql| {
            // Reads the primary key downwards: ids start with the time at which a session was opened.
            // Above every id that a session can have.
            let above = [0xff_u8; 17];
            let before = before.as_ref().map_or(&above[..], |it| &it.0);
            sql.all(
                &format!(
                    "SELECT {COLUMNS} FROM {WITH_USER}
                     WHERE sessions.id < ?2 AND {LIVE} ORDER BY sessions.id DESC LIMIT ?3"
                ),
                values![now, before, limit],
                seen_from_row,
            )
        })
    }

    /// Opens a session and clears the user's failed attempts, if the user is still active and the
    /// password still the one that was checked. False otherwise.
    pub fn open_session(&self, opening: Opening, stamp: Stamp) -> Pending<bool> {
        self.write("opening a session", move |sql| {
            let session = &opening.session;
            let opened = sql.execute(
                "UPDATE users SET last_login_at = ?2, password_hash = coalesce(?3, password_hash)
                 WHERE id = ?1 AND is_active AND (password_hash = ?4 OR ?4 IS NULL)",
                values![
                    session.user,
                    session.created_at,
                    opening.rehashed,
                    opening.checked,
                ],
            )?;
            if opened == 0 {
                return Ok(false);
            }
            if !add(sql, session, &stamp)? {
                return Err(Error::fault("another session has this id".to_owned()));
            }
            end_oldest(sql, session, opening.most, None, stamp.at)?;
            attempts::forget(sql, &opening.attempts)?;
            Ok(true)
        })
    }

    /// Whether [`Store::open_imported_session`] would open it. A token that is not good is refused
    /// without a write, however often it comes.
    pub fn may_open_imported_session(&self, session: &Session) -> Pending<bool> {
        let session = session.clone();
        self.read("looking at an imported token", move |sql| {
            may_open_imported(sql, &session)
        })
    }

    /// Opens the session of an imported token that is used for the first time. False if the user is
    /// not there or inactive, if imported tokens of that age were ended, if it was blacklisted, or
    /// if its session has ended. Of such sessions of a user `most` may live; the oldest end.
    pub fn open_imported_session(
        &self,
        session: Session,
        most: usize,
        stamp: Stamp,
    ) -> Pending<bool> {
        let doing = "opening the session of an imported token";
        self.write(doing, move |sql| {
            if !may_open_imported(sql, &session)? {
                return Ok(false);
            }
            // Of two first uses at once, one opens the session, and both have it.
            if add(sql, &session, &stamp)? {
                // While the other service still issues tokens, each that comes here opens one.
                end_oldest(sql, &session, most, Some(session.kind), stamp.at)?;
            }
            Ok(true)
        })
    }

    /// Counts a rotation of the refresh token, if `rotations` is still the count.
    pub fn rotate(&self, id: SessionId, rotations: i64, now: Timestamp) -> Pending<bool> {
        self.write("rotating a refresh token", move |sql| {
            let rotated = sql.execute(
                "UPDATE sessions SET rotations = rotations + 1, rotated_at = ?3
                 WHERE id = ?1 AND rotations = ?2 AND ended_at IS NULL",
                values![id, rotations, now],
            )?;
            Ok(rotated == 1)
        })
    }

    /// Ends a session. False if it had ended before.
    pub fn end_session(&self, id: SessionId, reason: &'static str, stamp: Stamp) -> Pending<bool> {
        self.write_regardless("ending a session", move |sql| {
            let ended: Option<(UserId, String)> = sql.one(
                "UPDATE sessions SET ended_at = ?2 WHERE id = ?1 AND ended_at IS NULL
                 RETURNING user_id, kind",
                values![id, stamp.at],
                |row| Ok((row.get(0)?, row.get(1)?)),
            )?;
            let Some((user, kind)) = ended else {
                return Ok(false);
            };
            if SessionKind::stored(&kind) == SessionKind::Imported {
                imported_tokens::end(sql, user, stamp.at)?;
            }
            audit::write(sql, &stamp, "session.end", Some(user), Some(reason))?;
            Ok(true)
        })
    }

    /// Ends a user's sessions but `keep`, and returns how many.
    pub fn end_sessions_of(
        &self,
        user: UserId,
        keep: Option<SessionId>,
        stamp: Stamp,
    ) -> Pending<usize> {
        self.write_regardless("ending sessions", move |sql| {
            let ended = end_all(sql, user, keep, stamp.at)?;
            audit::write(sql, &stamp, "session.end", Some(user), Some("all"))?;
            Ok(ended)
        })
    }

    /// Ends every session of everybody, and returns how many.
    pub fn end_all_sessions(&self, stamp: Stamp) -> Pending<usize> {
        self.write_regardless("ending sessions", move |sql| {
            imported_tokens::end_of_everybody(sql, stamp.at)?;
            let ended = sql.execute(
                &format!("UPDATE sessions SET ended_at = ?1 WHERE {LIVE}"),
                values![stamp.at],
            )?;
            audit::write(sql, &stamp, "session.end", None, Some("all of everybody"))?;
            Ok(ended)
        })
    }
}

/// Whether a session lives at the time `?1`.
pub(super) const LIVE: &str = "ended_at IS NULL AND expires_at > ?1";

const COLUMNS: &str = "sessions.id, user_id, kind, sessions.created_at, expires_at, address, \
     user_agent, ended_at, username";

const WITH_USER: &str = "sessions JOIN users ON users.id = user_id";

/// Those of the sessions that were not ended, of active users; they may have expired.
fn not_ended(sql: &mut dyn Sql, ids: &[SessionId]) -> Result<Vec<LiveSession>> {
    // A statement for each number of them would be prepared: so there are a few sizes, and the last one
    // is named again.
    let size = ids.len().next_power_of_two();
    let last = ids.last().into_iter().cycle();
    let values: Vec<_> = ids
        .iter()
        .chain(last)
        .take(size)
        .map(ToValue::value)
        .collect();
    let first = credentials::WIDTH;
    sql.all(
        &format!(
            "SELECT {}, expires_at, rotations, rotated_at,
                organisation_type <> '' AND organisation_name <> '' AND country <> '',
                policies.version, coalesce(is_given, FALSE), sessions.id
             FROM sessions JOIN users ON users.id = sessions.user_id
             JOIN profiles ON profiles.user_id = users.id
             LEFT JOIN policies ON policies.id = {}
             LEFT JOIN consents
                 ON consents.user_id = users.id AND consents.policy_id = policies.id
             WHERE sessions.id IN ({}) AND ended_at IS NULL AND is_active",
            credentials::COLUMNS,
            privacy_policy::LATEST,
            parameters(1..=size)
        ),
        &values,
        |row| {
            Ok(LiveSession {
                user: Arc::new(credentials::user_from_row(row)?),
                expires_at: row.get(first)?,
                rotations: row.get(first + 1)?,
                rotated_at: row.get(first + 2)?,
                has_profile: row.get(first + 3)?,
                agreement: Agreement {
                    latest: row.get(first + 4)?,
                    is_given: row.get(first + 5)?,
                },
                id: row.get(first + 6)?,
            })
        },
    )
}

fn seen_from_row(row: &dyn Row) -> Result<SeenSession> {
    Ok(SeenSession {
        session: session_from_row(row)?,
        ended_at: row.get(7)?,
        username: row.get(8)?,
    })
}

fn session_from_row(row: &dyn Row) -> Result<Session> {
    Ok(Session {
        id: row.get(0)?,
        user: row.get(1)?,
        kind: SessionKind::stored(&row.get::<String>(2)?),
        created_at: row.get(3)?,
        expires_at: row.get(4)?,
        address: row.get(5)?,
        user_agent: row.get(6)?,
        cookie_digest: None,
    })
}

fn may_open_imported(sql: &mut dyn Sql, session: &Session) -> Result<bool> {
    let ended = "SELECT 1 FROM sessions WHERE id = ?1 AND ended_at IS NOT NULL";
    Ok(imported_tokens::is_good(sql, session)? && !sql.exists(ended, values![session.id])?)
}

/// False if there is a session of that id.
fn add(sql: &mut dyn Sql, session: &Session, stamp: &Stamp) -> Result<bool> {
    let (user, kind) = (session.user, session.kind.as_str());
    let added = sql.execute(
        "INSERT INTO sessions (id, user_id, kind, created_at, expires_at, address, user_agent,
                               cookie_digest, rotated_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?4) ON CONFLICT (id) DO NOTHING",
        values![
            session.id,
            user,
            kind,
            session.created_at,
            session.expires_at,
            session.address,
            session.user_agent,
            session.cookie_digest,
        ],
    )?;
    if added == 1 {
        audit::write(sql, stamp, "session.open", Some(user), Some(kind))?;
    }
    Ok(added == 1)
}

/// Ends the oldest live sessions of a user, or those of one kind, so that at most `most` stay. The one
/// just opened is never the oldest, even if all were opened in one second.
pub(super) fn end_oldest(
    sql: &mut dyn Sql,
    opened: &Session,
    most: usize,
    kind: Option<SessionKind>,
    now: Timestamp,
) -> Result<()> {
    sql.execute(
        &format!(
            "UPDATE sessions SET ended_at = ?1 WHERE id IN (
                 SELECT id FROM sessions
                 WHERE user_id = ?2 AND {LIVE} AND id <> ?3 AND (kind = ?4 OR ?4 IS NULL)
                 ORDER BY created_at DESC LIMIT ?6 OFFSET ?5)"
        ),
        values![
            now,
            opened.user,
            opened.id,
            kind.map(SessionKind::as_str),
            most.saturating_sub(1),
            i64::MAX,
        ],
    )
    .map(drop)
}

/// Ends a user's sessions but `keep`. Imported tokens, and what they were exchanged for, end whatever
/// is kept: nobody knows which of them is whose.
pub(super) fn end_all(
    sql: &mut dyn Sql,
    user: UserId,
    keep: Option<SessionId>,
    now: Timestamp,
) -> Result<usize> {
    let imported = imported_tokens::end(sql, user, now)?;
    let others = sql.execute(
        "UPDATE sessions SET ended_at = ?2
         WHERE user_id = ?1 AND ended_at IS NULL AND id IS DISTINCT FROM ?3",
        values![user, now, keep],
    )?;
    Ok(imported + others)
}

pub(super) fn purge(sql: &mut dyn Sql, before: Timestamp, limit: usize) -> Result<usize> {
    sql.execute(
        "DELETE FROM sessions WHERE id IN (SELECT id FROM sessions WHERE expires_at < ?1 LIMIT ?2)",
        values![before, limit],
    )
}
