//! Everybody's sessions.

use rusqlite::{Connection, OptionalExtension, Result, Row, params};

use super::{Sqlite, audit, imported_tokens};
use crate::domain::Stamp;
use crate::domain::{ALIKE, Session, SessionId, SessionKind, Timestamp, UserId, similarity};
use crate::store::oversight::Oversight;
use crate::store::pending::Pending;
use crate::store::sessions::SeenSession;

const COLUMNS: &str = "sessions.id, user_id, kind, sessions.created_at, expires_at, address, user_agent, ended_at, username";

fn from_row(row: &Row<'_>) -> Result<SeenSession> {
    Ok(SeenSession {
        session: Session {
            id: SessionId(row.get(0)?),
            user: UserId(row.get(1)?),
            kind: SessionKind::stored(&row.get::<_, String>(2)?),
            created_at: Timestamp(row.get(3)?),
            expires_at: Timestamp(row.get(4)?),
            address: row.get(5)?,
            user_agent: row.get(6)?,
            cookie_digest: None,
        },
        ended_at: row.get::<_, Option<i64>>(7)?.map(Timestamp),
        username: row.get(8)?,
    })
}

/// Walks the primary key downwards: numbers of sessions start with the time they were opened at.
fn live(
    connection: &Connection,
    now: Timestamp,
    before: Option<SessionId>,
    limit: usize,
) -> Result<Vec<SeenSession>> {
    // Above every number that a session can have.
    let above = [0xff_u8; 17];
    let before = before.as_ref().map_or(&above[..], |it| &it.0);
    connection
        .prepare_cached(&format!(
            "SELECT {COLUMNS} FROM sessions JOIN users ON users.id = user_id
             WHERE sessions.id < ? AND ended_at IS NULL AND expires_at > ? ORDER BY sessions.id DESC LIMIT ?"
        ))?
        .query_map(
            params![before, now.0, i64::try_from(limit).unwrap_or(i64::MAX)],
            from_row,
        )?
        .collect()
}

fn find(connection: &Connection, id: SessionId) -> Result<Option<SeenSession>> {
    connection
        .prepare_cached(&format!(
            "SELECT {COLUMNS} FROM sessions JOIN users ON users.id = user_id WHERE sessions.id = ?"
        ))?
        .query_row([id.0], from_row)
        .optional()
}

fn end_all(connection: &Connection, actor: &Stamp) -> Result<usize> {
    imported_tokens::end_tokens(connection, None, actor.at)?;
    let ended = connection
        .prepare_cached(
            "UPDATE sessions SET ended_at = ?1 WHERE ended_at IS NULL AND expires_at > ?1",
        )?
        .execute([actor.at.0])?;
    audit::write(
        connection,
        actor,
        "session.end",
        None,
        Some("all of everybody"),
    )?;
    Ok(ended)
}

fn similar_name(connection: &Connection, typed: &str) -> Result<Option<String>> {
    let mut best: (f64, Option<String>) = (ALIKE, None);
    // One after the other, so that each is read from its own index.
    for sql in [
        "SELECT username_key FROM users",
        "SELECT email_key FROM users",
    ] {
        let mut names = connection.prepare_cached(sql)?;
        let mut rows = names.query([])?;
        while let Some(row) = rows.next()? {
            let name = row.get_ref(0)?.as_str()?;
            let likeness = similarity(typed, name);
            if likeness > best.0 {
                best = (likeness, Some(name.to_owned()));
            }
        }
    }
    Ok(best.1)
}

impl Oversight for Sqlite {
    fn similar_name(&self, typed: &str) -> Pending<Option<String>> {
        self.read("looking for a similar name", |c| similar_name(c, typed))
    }

    fn live_sessions(
        &self,
        now: Timestamp,
        before: Option<SessionId>,
        limit: usize,
    ) -> Pending<Vec<SeenSession>> {
        self.read("listing sessions", |c| live(c, now, before, limit))
    }

    fn session(&self, id: SessionId) -> Pending<Option<SeenSession>> {
        self.read("looking up a session", |c| find(c, id))
    }

    fn end_all_sessions(&self, actor: Stamp) -> Pending<usize> {
        self.write("ending sessions", move |c| end_all(c, &actor))
    }
}
