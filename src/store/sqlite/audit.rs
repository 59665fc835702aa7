//! One row for each change, in the transaction of the change.

use rusqlite::{Connection, Result, params};

use crate::domain::UserId;
use crate::store::Actor;

pub(super) fn write(
    connection: &Connection,
    actor: &Actor,
    action: &str,
    user: Option<UserId>,
    detail: Option<&str>,
) -> Result<()> {
    connection
        .prepare_cached("INSERT INTO audit (at, actor, address, action, user_id, detail) VALUES (?, ?, ?, ?, ?, ?)")?
        .execute(params![actor.at.0, actor.name, actor.address, action, user.map(|it| it.0), detail])?;
    Ok(())
}
