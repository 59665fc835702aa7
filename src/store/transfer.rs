//! Accounts that move in, many at once, or out.

use std::collections::{BTreeMap, HashMap};
use std::slice;

use super::credentials::{self, Credentials};
use super::imported_tokens::{self, RefusedToken};
use super::pending::Pending;
use super::sql::{self, Sql, ToValue, Value, values};
use super::{Store, audit, privacy_policy, profiles, users};
use crate::domain::{Email, Profile, Stamp, Timestamp, UserId, Username, counted};

pub use super::sqlite::Scratch;

/// An account with all that moves with it.
#[derive(Clone, Debug)]
pub struct Record {
    /// The number to keep; none for the next free one.
    pub id: Option<UserId>,
    /// Unique in its canonical form.
    pub username: Username,
    /// Unique in its canonical form.
    pub email: Email,
    /// May be empty.
    pub first_name: String,
    /// May be empty.
    pub last_name: String,
    pub is_active: bool,
    pub is_staff: bool,
    /// Inactive only until the mailed link is used.
    pub awaits_confirmation: bool,
    pub created_at: Timestamp,
    /// When a session was last opened.
    pub last_login_at: Option<Timestamp>,
    /// When the owner of the address last proved to be one.
    pub email_confirmed_at: Option<Timestamp>,
    /// Kept beside the account.
    pub profile: Profile,
    /// What the user said to which version of the policy, the earliest version first.
    pub consents: Vec<RecordedConsent>,
    /// Of any kind that a login can check; none if no password can log in.
    pub password_hash: Option<String>,
    /// The earlier ones, the oldest first.
    pub password_history: Vec<EarlierPassword>,
    /// Whether tokens of the service before this one may name the account: it comes from there, with
    /// its number.
    pub takes_imported_tokens: bool,
}

/// What a user said to a version of the privacy policy.
#[derive(Clone, Debug)]
pub struct RecordedConsent {
    /// Must be published.
    pub version: String,
    pub is_given: bool,
    /// When it was said last.
    pub given_at: Timestamp,
    /// From where, if that is known.
    pub address: Option<String>,
}

/// A password that counts no more.
#[derive(Clone, Debug)]
pub struct EarlierPassword {
    pub password_hash: String,
    /// When it was replaced.
    pub created_at: Timestamp,
}

/// A version of the privacy policy that moves along.
#[derive(Clone, Debug)]
pub struct RecordedPolicy {
    /// Unique.
    pub version: String,
    /// Where it can be read; empty if nowhere.
    pub url: String,
    /// The latest one counts.
    pub published_at: Timestamp,
}

/// Accounts to add together.
#[derive(Clone, Debug, Default)]
pub struct Batch {
    /// Versions to publish first; those that are there already stay as they are.
    pub policies: Vec<RecordedPolicy>,
    pub users: Vec<Record>,
    /// Tokens that the service before this one had blacklisted.
    pub refused: Vec<RefusedToken>,
    /// Whether the others are added if one cannot be; else nothing is.
    pub skip_clashes: bool,
    /// Whether somebody whose name or address is taken is left out, and keeps nobody out.
    pub skip_duplicates: bool,
    /// What to add instead of somebody whose name or address is taken.
    pub instead: Option<Instead>,
    /// Whether everything is rolled back at the end.
    pub dry_run: bool,
}

/// What to try for an account whose name or address is taken: the first, the second and so on, until
/// there is none.
pub type Instead = fn(&Record, usize) -> Option<Record>;

/// What became of an account that was to be added.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It was added, unless the whole transaction was rolled back.
    Added,
    /// It was added with another name or address, because its own was taken.
    Changed(Box<(Username, Email)>),
    /// The user with this number, name and address is there already and stays as it is.
    Present,
    /// Another user has its number, name or address.
    Clash {
        /// Which of them.
        with: &'static str,
        /// Who has it.
        owner: UserId,
    },
    /// It says something to a version of the policy that is not published.
    NoSuchPolicy(String),
}

impl Fate {
    /// Whether its name or address belongs to somebody else.
    pub fn is_duplicate(&self) -> bool {
        matches!(self, Self::Clash { with, .. } if *with != NUMBER)
    }

    fn is_new(&self) -> bool {
        matches!(self, Self::Added | Self::Changed(_))
    }
}

const NUMBER: &str = "number";

impl Store {
    /// The last number that a user was given.
    pub fn last_user(&self) -> Pending<i64> {
        self.read("looking up the last user", |sql| sql.last_number("users"))
    }

    /// From now on new users get higher numbers than this one: those up to it are for whoever brings theirs.
    /// Returns the last that was given before.
    pub fn keep_numbers(&self, up_to: i64) -> Pending<i64> {
        self.write("keeping numbers for those who bring theirs", move |sql| {
            let last = sql.last_number("users")?;
            if last < up_to {
                sql.set_last_number("users", up_to)?;
            }
            Ok(last)
        })
    }

    /// Adds batches of accounts in one transaction, one after the other and each by itself. Says for
    /// each account what became of it, in their order.
    pub fn import(&self, batches: Vec<Batch>, stamp: Stamp) -> Pending<Vec<Vec<Fate>>> {
        self.write("importing users", move |sql| {
            sql.expect_many()?;
            // Of every page that changes after a savepoint SQLite keeps a copy. Most files have nothing
            // wrong in them: so there is one savepoint for all batches first, and one for each only then.
            sql.execute("SAVEPOINT batches", values![])?;
            let all_at_once = add_all_clean(sql, &batches, &stamp)?;
            if all_at_once.is_none() {
                sql.execute("ROLLBACK TO SAVEPOINT batches", values![])?;
            }
            sql.execute("RELEASE SAVEPOINT batches", values![])?;
            if let Some(fates) = all_at_once {
                return Ok(fates);
            }
            let by_itself = batches.iter().map(|batch| {
                sql.execute("SAVEPOINT batch", values![])?;
                let fates = add_batch(sql, batch, &stamp)?;
                if !stays(batch, &fates) {
                    sql.execute("ROLLBACK TO SAVEPOINT batch", values![])?;
                }
                sql.execute("RELEASE SAVEPOINT batch", values![])?;
                Ok(fates)
            });
            by_itself.collect()
        })
    }

    /// Has the engine look at what it holds by now, after an import of very many.
    pub fn wrote_many(&self) -> Pending<()> {
        self.write("counting what was imported", |sql| sql.wrote_many())
    }

    /// At most `limit` accounts with a number above `after`, in the order of their numbers.
    pub fn export(&self, after: UserId, limit: usize) -> Pending<Vec<Record>> {
        self.read("exporting users", move |sql| {
            let found = sql.all(
                &credentials::select_credentials(
                    "FROM users JOIN profiles ON user_id = users.id
                     WHERE users.id > ?1 ORDER BY users.id LIMIT ?2",
                ),
                values![after, limit],
                credentials::credentials_from_row,
            )?;
            found.into_iter().map(|it| record(sql, it)).collect()
        })
    }
}

/// None, and half of it done, if some batch is not to be added as it is.
fn add_all_clean(
    sql: &mut dyn Sql,
    batches: &[Batch],
    stamp: &Stamp,
) -> sql::Result<Option<Vec<Vec<Fate>>>> {
    let mut all = Vec::with_capacity(batches.len());
    for batch in batches {
        if batch.dry_run {
            return Ok(None);
        }
        begin(sql, batch, stamp)?;
        for some in batch.users.chunks(sql.rows_together()) {
            if !matches!(add_all(sql, some)?, Tried::Added) {
                return Ok(None);
            }
        }
        let fates = vec![Fate::Added; batch.users.len()];
        end(sql, &fates, stamp)?;
        all.push(fates);
    }
    Ok(Some(all))
}

fn stays(batch: &Batch, fates: &[Fate]) -> bool {
    let is_clean = |fate: &Fate| {
        fate.is_new() || *fate == Fate::Present || batch.skip_duplicates && fate.is_duplicate()
    };
    !batch.dry_run && (batch.skip_clashes || fates.iter().all(is_clean))
}

fn add_batch(sql: &mut dyn Sql, batch: &Batch, stamp: &Stamp) -> sql::Result<Vec<Fate>> {
    begin(sql, batch, stamp)?;
    let fates = batch
        .users
        .iter()
        .map(|it| add_or_instead(sql, it, batch.instead));
    let fates = fates.collect::<sql::Result<Vec<_>>>()?;
    end(sql, &fates, stamp)?;
    Ok(fates)
}

fn begin(sql: &mut dyn Sql, batch: &Batch, stamp: &Stamp) -> sql::Result<()> {
    for policy in &batch.policies {
        let (version, url) = (&policy.version, &policy.url);
        privacy_policy::publish(sql, version, url, policy.published_at, stamp)?;
    }
    refuse_tokens(sql, &batch.refused, stamp)
}

fn end(sql: &mut dyn Sql, fates: &[Fate], stamp: &Stamp) -> sql::Result<()> {
    let added = fates.iter().filter(|it| it.is_new()).count();
    if added > 0 {
        let detail = format!("{added} of {} users", fates.len());
        audit::write(sql, stamp, "user.import", None, Some(&detail))?;
    }
    Ok(())
}

fn refuse_tokens(sql: &mut dyn Sql, tokens: &[RefusedToken], stamp: &Stamp) -> sql::Result<()> {
    let mut new = 0;
    for token in tokens {
        new += usize::from(imported_tokens::refuse(sql, token, stamp.at)?);
    }
    if new > 0 {
        let detail = counted(new, "token", "tokens");
        audit::write(sql, stamp, "token.refuse", None, Some(&detail))?;
    }
    Ok(())
}

fn add_or_instead(
    sql: &mut dyn Sql,
    record: &Record,
    instead: Option<Instead>,
) -> sql::Result<Fate> {
    let fate = add(sql, record)?;
    // Whoever came over changed has the number already.
    let is_taken = matches!(fate, Fate::Clash { .. });
    let Some(instead) = instead.filter(|_| is_taken) else {
        return Ok(fate);
    };
    for other in (0..).map_while(|attempt| instead(record, attempt)) {
        match add(sql, &other)? {
            Fate::Added => return Ok(Fate::Changed(Box::new((other.username, other.email)))),
            Fate::Present => return Ok(Fate::Present),
            _ => {}
        }
    }
    Ok(fate)
}

fn add(sql: &mut dyn Sql, record: &Record) -> sql::Result<Fate> {
    // Most are new: looking for the others first would cost three searches for each.
    let why = match add_all(sql, slice::from_ref(record))? {
        Tried::Added => return Ok(Fate::Added),
        Tried::NoSuchPolicy(version) => Some(Fate::NoSuchPolicy(version)),
        Tried::Clash => None,
    };
    let fate = fate_beside_others(sql, record)?.or(why);
    fate.ok_or_else(|| sql::Error::fault("nobody is in the way".to_owned()))
}

/// What became of some who were added together.
enum Tried {
    Added,
    /// Nothing was done.
    NoSuchPolicy(String),
    /// Some of them were added, or none, without what belongs to them.
    Clash,
}

fn add_all(sql: &mut dyn Sql, records: &[Record]) -> sql::Result<Tried> {
    let mut policies = HashMap::new();
    for consent in records.iter().flat_map(|it| &it.consents) {
        let version = consent.version.as_str();
        if !policies.contains_key(version) {
            let Some(policy) = privacy_policy::id_of(sql, version)? else {
                return Ok(Tried::NoSuchPolicy(version.to_owned()));
            };
            policies.insert(version, policy);
        }
    }
    let users: Vec<Value<'_>> = records.iter().flat_map(row).collect();
    let insert = users::insert(records.len());
    let names: Vec<&str> = records.iter().map(|it| it.username.canonical()).collect();
    let numbers = sql.insert_all(&insert, "username_key", &names, &users)?;
    if numbers.len() < records.len() {
        return Ok(Tried::Clash);
    }
    let numbered = numbers.into_iter().map(UserId).zip(records);
    let numbered: Vec<_> = numbered.collect();
    add_what_belongs(sql, &numbered, &policies)?;
    Ok(Tried::Added)
}

fn add_what_belongs(
    sql: &mut dyn Sql,
    added: &[(UserId, &Record)],
    policies: &HashMap<&str, i64>,
) -> sql::Result<()> {
    let profiles: Vec<_> = added.iter().map(|(id, it)| (*id, &it.profile)).collect();
    profiles::set_all(sql, &profiles)?;
    let (mut passwords, mut consents) = (Vec::new(), BTreeMap::new());
    for (id, record) in added {
        for it in &record.password_history {
            passwords.extend([id.value(), it.password_hash.value(), it.created_at.value()]);
        }
        // The later of two consents to one version is the one that holds.
        for it in &record.consents {
            consents.insert((id.0, policies.get(it.version.as_str())), it);
        }
    }
    let columns = ["user_id", "password_hash", "created_at"];
    sql.insert_rows("password_history", &columns, &passwords)?;
    let consents = consents.iter().flat_map(|((user, policy), it)| {
        [
            user.value(),
            policy.value(),
            it.is_given.value(),
            it.given_at.value(),
            it.address.value(),
        ]
    });
    let columns = ["user_id", "policy_id", "is_given", "given_at", "address"];
    sql.insert_rows("consents", &columns, &consents.collect::<Vec<_>>())
}

fn row(record: &Record) -> [Value<'_>; 15] {
    [
        record.id.value(),
        record.username.as_str().value(),
        record.username.canonical().value(),
        record.email.as_str().value(),
        record.email.canonical().value(),
        record.first_name.value(),
        record.last_name.value(),
        record.password_hash.value(),
        record.is_active.value(),
        record.awaits_confirmation.value(),
        record.is_staff.value(),
        record.created_at.value(),
        record.last_login_at.value(),
        record.email_confirmed_at.value(),
        record.takes_imported_tokens.value(),
    ]
}

/// None if number, name and address are all free.
fn fate_beside_others(sql: &mut dyn Sql, record: &Record) -> sql::Result<Option<Fate>> {
    let mut owner = |column: &str, key: Value<'_>| {
        let query = format!("SELECT id FROM users WHERE {column} = ?1");
        sql.one(&query, &[key], |row| row.get::<UserId>(0))
    };
    let id = match record.id {
        Some(id) => owner("id", id.value())?,
        None => None,
    };
    let username = owner("username_key", record.username.canonical().value())?;
    let email = owner("email_key", record.email.canonical().value())?;
    let is_same = username.is_some() && username == email && (record.id.is_none() || id == email);
    if is_same {
        return Ok(Some(Fate::Present));
    }
    let taken = [(NUMBER, id), ("user name", username), ("address", email)];
    Ok(taken.into_iter().find_map(|(with, owner)| {
        let owner = owner?;
        Some(Fate::Clash { with, owner })
    }))
}

fn record(sql: &mut dyn Sql, found: Credentials) -> sql::Result<Record> {
    let user = found.user;
    Ok(Record {
        consents: consents(sql, user.id)?,
        password_history: history(sql, user.id)?,
        id: Some(user.id),
        username: user.username,
        email: user.email,
        first_name: user.first_name,
        last_name: user.last_name,
        is_active: user.is_active,
        is_staff: user.is_staff,
        awaits_confirmation: user.awaits_confirmation,
        created_at: user.created_at,
        last_login_at: user.last_login_at,
        email_confirmed_at: user.email_confirmed_at,
        profile: found.profile,
        password_hash: found.password_hash,
        // Like sessions, they stay behind.
        takes_imported_tokens: false,
    })
}

fn consents(sql: &mut dyn Sql, user: UserId) -> sql::Result<Vec<RecordedConsent>> {
    sql.all(
        "SELECT version, is_given, given_at, address
         FROM consents JOIN policies ON policies.id = policy_id
         WHERE user_id = ?1 ORDER BY published_at, version",
        values![user],
        |row| {
            Ok(RecordedConsent {
                version: row.get(0)?,
                is_given: row.get(1)?,
                given_at: row.get(2)?,
                address: row.get(3)?,
            })
        },
    )
}

fn history(sql: &mut dyn Sql, user: UserId) -> sql::Result<Vec<EarlierPassword>> {
    sql.all(
        "SELECT password_hash, created_at FROM password_history WHERE user_id = ?1 ORDER BY id",
        values![user],
        |row| {
            Ok(EarlierPassword {
                password_hash: row.get(0)?,
                created_at: row.get(1)?,
            })
        },
    )
}
