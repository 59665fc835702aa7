//! The reset mail that lets somebody in who moved in without a password. One is enough: a second one would end
//! the link in the first.

use super::mails::{self, MailRecord};
use super::pending::Pending;
use super::sql::{Result, Sql};
use super::{Store, credentials, links};
use crate::domain::{MailKind, MailState, Stamp, Timestamp, User, UserId, UserRef};
use crate::store::links::NewLink;

impl Store {
    /// Whether somebody may log in, has no password and an address that leads somewhere, and has no reset mail whose
    /// link works. None if there is no such user.
    pub fn needs_first_reset(&self, who: &UserRef, now: Timestamp) -> Pending<Option<bool>> {
        let who = who.clone();
        self.read("looking for a reset mail", move |sql| {
            let Some(found) = credentials::find_whole(sql, &who)? else {
                return Ok(None);
            };
            needs(sql, &found, now).map(Some)
        })
    }

    /// Writes a reset link and its mail, if it is still needed. Returns whether it was.
    pub fn add_first_reset(&self, who: &UserRef, link: NewLink, stamp: Stamp) -> Pending<bool> {
        let who = who.clone();
        self.write("writing a link", move |sql| {
            let found = credentials::find_whole(sql, &who)?;
            let Some(found) = found else {
                return Ok(false);
            };
            let is_needed = needs(sql, &found, stamp.at)?;
            if is_needed {
                let User { id, email, .. } = &found.user;
                links::write(sql, Some(*id), Some(email.as_str()), &link, stamp.at)?;
                links::record(sql, Some(*id), &link, &stamp)?;
            }
            Ok(is_needed)
        })
    }
}

fn needs(sql: &mut dyn Sql, found: &credentials::Credentials, now: Timestamp) -> Result<bool> {
    let user = &found.user;
    Ok(found.password_hash.is_none()
        && user.is_active
        && !user.email.leads_nowhere()
        && !has_reset(sql, user.id, now)?)
}

/// Whether a reset mail is on its way to a user, or arrived, and its link works.
fn has_reset(sql: &mut dyn Sql, user: UserId, now: Timestamp) -> Result<bool> {
    for id in mails::of_user(sql, user)? {
        let works = |it: &MailRecord| {
            it.kind == MailKind::PasswordReset
                && [MailState::Queued, MailState::Sent].contains(&it.state)
                && !it.is_link_used
                && it.expires_at.is_some_and(|at| at > now)
        };
        if mails::find(sql, id)?.as_ref().is_some_and(works) {
            return Ok(true);
        }
    }
    Ok(false)
}
