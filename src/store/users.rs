//! Users as they are added, listed, changed and deleted.

use std::ops::ControlFlow;

use super::links::NewLink;
use super::mails::NewMail;
use super::pending::Pending;
use super::sql::{self, Sql, values};
use super::{
    Store, attempts, audit, credentials, links, mails, privacy_policy, profiles, sessions,
};
use crate::domain::{
    ALIKE, Email, FoundLink, LinkState, MailKind, Profile, ProfileChange, Stamp, Timestamp, User,
    UserId, UserRef, Username, similarity, spellings_of_part,
};

/// A user to be added.
#[derive(Clone, Debug)]
pub struct NewUser {
    /// Must be free in its canonical form.
    pub username: Username,
    /// Must be free in its canonical form.
    pub email: Email,
    /// May be empty.
    pub first_name: String,
    /// May be empty.
    pub last_name: String,
    /// PHC string; none if no password can log in.
    pub password_hash: Option<String>,
    pub is_active: bool,
    /// Whether the user may log in once a mailed link was used.
    pub awaits_confirmation: bool,
    pub is_staff: bool,
    /// Kept beside the account, in the same transaction.
    pub profile: Profile,
    /// What was said to the latest privacy policy, if anything was.
    pub consent: Option<bool>,
    /// The link that the user gets, in the same transaction.
    pub link: Option<NewLink>,
}

/// Why a user could not be added or changed: somebody else has one of these.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Taken {
    Username,
    Email,
}

/// Why a user was not changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotUpdated {
    Taken(Taken),
    /// See [`UserChange::most_new_addresses`].
    TooManyAddresses,
}

impl From<Taken> for NotUpdated {
    fn from(taken: Taken) -> Self {
        Self::Taken(taken)
    }
}

/// Which users to list, in the order of their numbers.
#[derive(Clone, Debug)]
pub struct UserPage {
    /// Only users with a higher number.
    pub after: UserId,
    pub limit: usize,
    /// Only users whose name or address contains this, in whatever spelling.
    pub search: Option<String>,
    /// Only inactive (`Some(false)`) or active users.
    pub active: Option<bool>,
    /// Only staff (`Some(true)`) or others.
    pub staff: Option<bool>,
}

/// What to change of a user; `None` leaves it as it is.
#[derive(Clone, Debug, Default)]
pub struct UserChange {
    /// Must be free.
    pub username: Option<Username>,
    /// Must be free. The old address gets a notice, and links that were sent there stop working.
    pub email: Option<Email>,
    /// May be empty.
    pub first_name: Option<String>,
    /// May be empty.
    pub last_name: Option<String>,
    pub is_staff: Option<bool>,
    pub profile: Option<ProfileChange>,
    /// A link to a new address, which must be free and replaces the old one when the link is used.
    /// The old address gets a notice.
    pub new_address: Option<NewLink>,
    /// How many links to new addresses there may be within an hour, if that is limited.
    pub most_new_addresses: Option<usize>,
}

/// Adds so many users, each with the next number where its first value is null.
pub(super) fn insert(count: usize) -> String {
    let columns = "id, username, username_key, email, email_key, first_name, last_name, password_hash, \
                   is_active, awaits_confirmation, is_staff, created_at, last_login_at, \
                   email_confirmed_at, takes_imported_tokens";
    format!(
        "INSERT INTO users ({columns}) VALUES {}",
        sql::rows(count, 15)
    )
}

impl Store {
    pub fn users(&self, wanted: &UserPage) -> Pending<Vec<(User, Profile)>> {
        let wanted = wanted.clone();
        let search = wanted.search.as_deref().map(spellings_of_part);
        let (name, address) = search.unzip();
        let [name, address] = [name, address].map(|it| it.as_deref().map(containing));
        self.read("listing users", move |sql| {
            // Reads the primary key from `after` on, so that a late page costs what the first one does.
            sql.all(
                &format!(
                    "SELECT {}, {} FROM users JOIN profiles ON user_id = users.id
                     WHERE users.id > ?1
                       AND (username_key LIKE ?2 ESCAPE '\\' OR email_key LIKE ?3 ESCAPE '\\'
                            OR ?2 IS NULL)
                       AND (is_active = ?4 OR ?4 IS NULL)
                       AND (is_staff = ?5 OR ?5 IS NULL)
                     ORDER BY users.id LIMIT ?6",
                    credentials::COLUMNS,
                    profiles::COLUMNS
                ),
                values![
                    wanted.after,
                    name,
                    address,
                    wanted.active,
                    wanted.staff,
                    wanted.limit
                ],
                |row| {
                    let profile = profiles::from_row(row, credentials::WIDTH)?;
                    Ok((credentials::user_from_row(row)?, profile))
                },
            )
        })
    }

    pub fn count_users(&self) -> Pending<i64> {
        self.read("counting users", move |sql| {
            sql.number("SELECT count(*) FROM users", values![])
        })
    }

    /// The user name or address that is most like `typed`, which is in lower case; none if none is
    /// alike. Reads all of them.
    pub fn similar_name(&self, typed: &str) -> Pending<Option<String>> {
        let typed = typed.to_owned();
        self.read("looking for a similar name", move |sql| {
            let mut best: (f64, Option<String>) = (ALIKE, None);
            // One after the other, so that each is read from its own index.
            for query in [
                "SELECT username_key FROM users",
                "SELECT email_key FROM users",
            ] {
                sql.query(query, values![], &mut |row| {
                    if let sql::Value::Text(name) = row.value(0)? {
                        let alike = similarity(&typed, name);
                        if alike > best.0 {
                            best = (alike, Some(name.to_owned()));
                        }
                    }
                    Ok(ControlFlow::Continue(()))
                })?;
            }
            Ok(best.1)
        })
    }

    pub fn add_user(&self, user: NewUser, stamp: Stamp) -> Pending<Result<User, Taken>> {
        self.write("adding a user", move |sql| {
            if let Some(taken) = taken(sql, Some(&user.username), Some(&user.email), None)? {
                return Ok(Err(taken));
            }
            let id = sql.insert(
                &insert(1),
                values![
                    None::<UserId>,
                    user.username.as_str(),
                    user.username.canonical(),
                    user.email.as_str(),
                    user.email.canonical(),
                    user.first_name,
                    user.last_name,
                    user.password_hash,
                    user.is_active,
                    user.awaits_confirmation,
                    user.is_staff,
                    stamp.at,
                    None::<Timestamp>,
                    None::<Timestamp>,
                    false,
                ],
            )?;
            let gone = || sql::Error::fault("the user is not there".to_owned());
            let id = UserId(id.ok_or_else(gone)?);
            profiles::set(sql, id, &user.profile)?;
            if let Some(given) = user.consent {
                privacy_policy::give(sql, id, given, &stamp)?;
            }
            if let Some(link) = &user.link {
                links::write(sql, Some(id), Some(user.email.as_str()), link, stamp.at)?;
            }
            audit::write(sql, &stamp, "user.create", Some(id), None)?;
            let added = credentials::find(sql, &UserRef::Id(id))?;
            Ok(Ok(added.ok_or_else(gone)?))
        })
    }

    /// Changes a user, all or nothing, and returns what is stored then. `None` if there is no such user.
    pub fn update_user(
        &self,
        user: UserId,
        change: UserChange,
        stamp: Stamp,
    ) -> Pending<Result<Option<(User, Profile)>, NotUpdated>> {
        self.write("changing a user", move |sql| {
            update(sql, user, &change, &stamp)
        })
    }

    /// Lets a user log in, or ends every session and lets nobody in. False if there is no such user.
    pub fn set_active(&self, user: UserId, active: bool, stamp: Stamp) -> Pending<bool> {
        self.write("changing a user", move |sql| {
            let changed = sql.execute(
                "UPDATE users SET is_active = ?2, awaits_confirmation = FALSE WHERE id = ?1",
                values![user, active],
            )?;
            if changed == 0 {
                return Ok(false);
            }
            let action = if active {
                "user.activate"
            } else {
                "user.deactivate"
            };
            audit::write(sql, &stamp, action, Some(user), None)?;
            if !active {
                sessions::end_all(sql, user, None, stamp.at)?;
                links::void_all(sql, user, stamp.at)?;
            }
            Ok(true)
        })
    }

    /// Uses up a link to a new address of `user`, which replaces the old one and voids the user's
    /// other links. Nothing is done unless the link, as it was found, works.
    pub fn redeem_address(
        &self,
        user: UserId,
        digest: [u8; 32],
        stamp: Stamp,
    ) -> Pending<Result<Option<LinkState>, Taken>> {
        self.write("changing an address", move |sql| {
            let found = links::confirming(sql, user, MailKind::AddressChange, &digest, stamp.at)?;
            let email = match found {
                Some(FoundLink {
                    state: LinkState::Works,
                    address,
                }) => address,
                found => return Ok(Ok(found.map(|it| it.state))),
            };
            let name = following_name(sql, user, &email)?;
            if let Some(taken) = taken(sql, name.as_ref(), Some(&email), Some(user))? {
                return Ok(Err(taken));
            }
            replace_address(sql, user, &email, Some(stamp.at), &stamp)?;
            links::keep_address(sql, user, &digest)?;
            if let Some(name) = &name {
                rename(sql, user, name)?;
            }
            audit::write(sql, &stamp, "user.address", Some(user), None)?;
            Ok(Ok(Some(LinkState::Works)))
        })
    }

    /// Forgets a user and all that belongs to them; the audit trail keeps the number. Returns the
    /// numbers of the mails that are gone with them; none if there is no such user.
    pub fn delete_user(&self, user: UserId, stamp: Stamp) -> Pending<Option<Vec<i64>>> {
        self.write("deleting a user", move |sql| {
            let mails = mails::of_user(sql, user)?;
            let deleted = sql.execute("DELETE FROM users WHERE id = ?1", values![user])?;
            if deleted == 0 {
                return Ok(None);
            }
            attempts::forget(sql, &[attempts::counter_of(user)])?;
            audit::write(sql, &stamp, "user.delete", Some(user), None)?;
            Ok(Some(mails))
        })
    }
}

/// A pattern for what contains `text`, in which nothing has a meaning of its own.
fn containing(text: &str) -> String {
    let mut pattern = String::from("%");
    for c in text.chars() {
        if matches!(c, '%' | '_' | '\\') {
            pattern.push('\\');
        }
        pattern.push(c);
    }
    pattern.push('%');
    pattern
}

/// Whether somebody else has the name or the address. Only one transaction at a time writes, which
/// makes the answer final; the UNIQUE columns stand behind it.
fn taken(
    sql: &mut dyn Sql,
    username: Option<&Username>,
    email: Option<&Email>,
    own: Option<UserId>,
) -> sql::Result<Option<Taken>> {
    if let Some(email) = email
        && sql.exists(
            "SELECT 1 FROM users WHERE email_key = ?1 AND id IS DISTINCT FROM ?2",
            values![email.canonical(), own],
        )?
    {
        return Ok(Some(Taken::Email));
    }
    if let Some(username) = username
        && sql.exists(
            "SELECT 1 FROM users WHERE username_key = ?1 AND id IS DISTINCT FROM ?2",
            values![username.canonical(), own],
        )?
    {
        return Ok(Some(Taken::Username));
    }
    Ok(None)
}

fn update(
    sql: &mut dyn Sql,
    user: UserId,
    change: &UserChange,
    stamp: &Stamp,
) -> sql::Result<Result<Option<(User, Profile)>, NotUpdated>> {
    if let (Some(link), Some(most)) = (&change.new_address, change.most_new_addresses)
        && links::count_in_hour(sql, user, link.purpose, stamp.at)? >= most
    {
        return Ok(Err(NotUpdated::TooManyAddresses));
    }
    let Some(before) = credentials::find(sql, &UserRef::Id(user))? else {
        return Ok(Ok(None));
    };
    let pending = change.new_address.as_ref().and_then(|it| it.email.as_ref());
    let email = change.email.as_ref().or(pending);
    let name = match (&change.username, &change.email) {
        (None, Some(email)) => following_name(sql, user, email)?,
        (chosen, _) => chosen.clone(),
    };
    if let Some(taken) = taken(sql, name.as_ref(), email, Some(user))? {
        return Ok(Err(taken.into()));
    }
    let kept = profiles::find(sql, user)?.unwrap_or_default();
    let profile = match &change.profile {
        Some(change) => change.onto(kept.clone()),
        None => kept.clone(),
    };
    let changed = changed((&before, &kept), (change, &profile), name.as_ref());
    if let Some(name) = &name {
        rename(sql, user, name)?;
    }
    sql.execute(
        "UPDATE users SET first_name = coalesce(?2, first_name),
                          last_name = coalesce(?3, last_name), is_staff = coalesce(?4, is_staff)
         WHERE id = ?1",
        values![user, change.first_name, change.last_name, change.is_staff,],
    )?;
    if profile != kept {
        profiles::set(sql, user, &profile)?;
    }
    if let Some(email) = &change.email {
        replace_address(sql, user, email, None, stamp)?;
    }
    if let Some(link) = &change.new_address {
        let to = link.email.as_ref().map(Email::as_str);
        links::write(sql, Some(user), to, link, stamp.at)?;
    }
    if let Some(email) = email {
        tell_old_address(sql, &before, email, stamp.at)?;
    }
    audit::write(sql, stamp, "user.update", Some(user), changed.as_deref())?;
    let after = credentials::find(sql, &UserRef::Id(user))?;
    Ok(Ok(after.map(|it| (it, profile))))
}

fn tell_old_address(
    sql: &mut dyn Sql,
    before: &User,
    email: &Email,
    now: Timestamp,
) -> sql::Result<()> {
    let details = serde_json::json!({ "email": email.as_str() }).to_string();
    let notice = NewMail {
        kind: MailKind::AddressNotice,
        user: Some(before.id),
        link: None,
        recipient: before.email.as_str(),
        details: Some(&details),
    };
    mails::queue(sql, &notice, now)
}

/// The names of the fields that get another value, for the audit trail; of staff the value too. Nothing
/// of what somebody is called or where they are found stays in a trail that outlives them.
fn changed(
    (before, kept): (&User, &Profile),
    (change, profile): (&UserChange, &Profile),
    name: Option<&Username>,
) -> Option<String> {
    let is_new = |to: &Option<String>, of: &str| to.as_ref().is_some_and(|it| it != of);
    let fields = [
        ("username", name.is_some_and(|it| *it != before.username)),
        (
            "email",
            change.email.as_ref().is_some_and(|it| *it != before.email),
        ),
        ("new_email_asked_for", change.new_address.is_some()),
        ("first_name", is_new(&change.first_name, &before.first_name)),
        ("last_name", is_new(&change.last_name, &before.last_name)),
    ];
    let named = fields.into_iter().filter(|it| it.1).map(|it| it.0);
    let mut changed: Vec<String> = named.map(str::to_owned).collect();
    if let Some(staff) = change.is_staff.filter(|it| *it != before.is_staff) {
        changed.push(format!("staff={staff}"));
    }
    changed.extend(kept.differs_in(profile).map(str::to_owned));
    (!changed.is_empty()).then(|| changed.join(", "))
}

/// A user name that is the address goes on being it: the new one, if the old one is the name now.
fn following_name(sql: &mut dyn Sql, user: UserId, email: &Email) -> sql::Result<Option<Username>> {
    let before = credentials::find(sql, &UserRef::Id(user))?;
    let follows = before.is_some_and(|it| it.username.is_address(&it.email));
    Ok(follows.then(|| Username::stored(email.as_str().to_owned())))
}

fn rename(sql: &mut dyn Sql, user: UserId, name: &Username) -> sql::Result<()> {
    sql.execute(
        "UPDATE users SET username = ?2, username_key = ?3 WHERE id = ?1",
        values![user, name.as_str(), name.canonical()],
    )
    .map(drop)
}

/// Links that were sent to the old address let nobody in any more.
fn replace_address(
    sql: &mut dyn Sql,
    user: UserId,
    email: &Email,
    confirmed_at: Option<Timestamp>,
    stamp: &Stamp,
) -> sql::Result<()> {
    links::void_all(sql, user, stamp.at)?;
    links::leave_address(sql, user)?;
    sql.execute(
        "UPDATE users SET email = ?2, email_key = ?3, email_confirmed_at = ?4 WHERE id = ?1",
        values![user, email.as_str(), email.canonical(), confirmed_at],
    )
    .map(drop)
}
