//! Passwords: a new one ends sessions and voids links; earlier ones are remembered.

use super::attempts::Counter;
use super::mails::NewMail;
use super::pending::Pending;
use super::sql::{Result, Sql, values};
use super::{Store, attempts, audit, credentials, links, mails, sessions};
use crate::domain::{MailKind, SessionId, Stamp, UserId, UserRef};

/// A password that was chosen, checked and hashed.
#[derive(Clone, Debug)]
pub struct NewPassword {
    /// PHC string.
    pub hash: String,
    /// The counters of failed attempts to clear.
    pub attempts: Vec<Counter>,
    /// How many earlier passwords are remembered.
    pub remember: usize,
}

impl Store {
    /// Hashes of a user's earlier passwords, the latest first; the one that counts is not among them.
    pub fn password_history(&self, user: UserId) -> Pending<Vec<String>> {
        self.read("reading earlier passwords", move |sql| {
            sql.all(
                "SELECT password_hash FROM password_history WHERE user_id = ?1 ORDER BY id DESC",
                values![user],
                |row| row.get(0),
            )
        })
    }

    /// At most `limit` users with a number above `after` and a password, with its hash, in the order
    /// of their numbers.
    pub fn password_hashes(&self, after: UserId, limit: usize) -> Pending<Vec<(UserId, String)>> {
        self.read("looking at password hashes", move |sql| {
            sql.all(
                "SELECT id, password_hash FROM users
                 WHERE id > ?1 AND password_hash IS NOT NULL ORDER BY id LIMIT ?2",
                values![after, limit],
                |row| Ok((row.get(0)?, row.get(1)?)),
            )
        })
    }

    /// Sets a password, ends every session but `keep`, voids the user's links, and queues a notice.
    /// Nothing happens, and it says false, if `checked` is given and is not the current hash.
    pub fn set_password(
        &self,
        user: UserId,
        password: NewPassword,
        checked: Option<String>,
        keep: Option<SessionId>,
        stamp: Stamp,
    ) -> Pending<bool> {
        self.write("setting a password", move |sql| {
            let is_set = set(sql, user, &password, checked.as_deref(), keep, &stamp)?;
            if is_set {
                tell(sql, user, "password.change", &stamp)?;
            }
            Ok(is_set)
        })
    }

    /// Uses up a link of `user`: sets the password, ends every session, voids the user's other links,
    /// clears the failed attempts and lets in whoever waited for confirmation. False if the link
    /// was used, has expired or is another's.
    pub fn redeem_password_link(
        &self,
        user: UserId,
        (purpose, digest): (MailKind, [u8; 32]),
        password: NewPassword,
        stamp: Stamp,
    ) -> Pending<bool> {
        self.write("setting a password", move |sql| {
            if !links::is_of(sql, user, purpose, &digest, stamp.at)? {
                return Ok(false);
            }
            set(sql, user, &password, None, None, &stamp)?;
            links::confirm(sql, user, stamp.at)?;
            tell(sql, user, "password.reset", &stamp)?;
            Ok(true)
        })
    }
}

/// The earlier password is remembered, sessions but `keep` and all links end.
fn set(
    sql: &mut dyn Sql,
    user: UserId,
    password: &NewPassword,
    checked: Option<&str>,
    keep: Option<SessionId>,
    stamp: &Stamp,
) -> Result<bool> {
    let is_current = sql.exists(
        "SELECT 1 FROM users WHERE id = ?1 AND (password_hash = ?2 OR ?2 IS NULL)",
        values![user, checked],
    )?;
    if !is_current {
        return Ok(false);
    }
    sql.execute(
        "INSERT INTO password_history (user_id, password_hash, created_at)
         SELECT id, password_hash, ?2 FROM users WHERE id = ?1 AND password_hash IS NOT NULL",
        values![user, stamp.at],
    )?;
    sql.execute(
        "UPDATE users SET password_hash = ?2 WHERE id = ?1",
        values![user, password.hash],
    )?;
    sql.execute(
        "DELETE FROM password_history WHERE user_id = ?1 AND id NOT IN (
             SELECT id FROM password_history WHERE user_id = ?1 ORDER BY id DESC LIMIT ?2)",
        values![user, password.remember],
    )?;
    sessions::end_all(sql, user, keep, stamp.at)?;
    links::void_all(sql, user, stamp.at)?;
    attempts::forget(sql, &password.attempts)?;
    Ok(true)
}

/// Tells the audit trail and the user that the password is another one.
fn tell(sql: &mut dyn Sql, user: UserId, action: &str, stamp: &Stamp) -> Result<()> {
    audit::write(sql, stamp, action, Some(user), None)?;
    if let Some(owner) = credentials::find(sql, &UserRef::Id(user))? {
        let notice = NewMail {
            kind: MailKind::PasswordChanged,
            user: Some(user),
            link: None,
            recipient: owner.email.as_str(),
            details: None,
        };
        mails::queue(sql, &notice, stamp.at)?;
    }
    Ok(())
}
