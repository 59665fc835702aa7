//! What Django's `manage.py dumpdata` wrote: one long array, whose rows come in any order. It is read
//! twice: first what belongs to users, which is put aside on the disk, then the users.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::io::{self, BufRead};

use anyhow::{Context, anyhow};
use serde::de::{DeserializeOwned, Deserializer, Error, SeqAccess, Visitor};
use serde_json::{Map, Value};

use super::blacklist::{Blacklist, Issued};
use super::import::Importer;
use super::line::{ConsentLine, EarlierLine, Line, PolicyLine};
use crate::crypto::Hasher;
use crate::domain::Timestamp;
use crate::store::transfer::{Record, Scratch};

// The models whose rows belong to users. The consents have moved from one application to another.
const PROFILE: &str = "minisass_authentication.userprofile";
const HISTORY: &str = "minisass_authentication.passwordhistory";
const CONSENT: &str = "minisass.privacypolicyconsent";
const OLD_CONSENT: &str = "minisass_authentication.privacypolicyconsent";

// Of SimpleJWT.
const ISSUED: &str = "token_blacklist.outstandingtoken";
const BLACKLISTED: &str = "token_blacklist.blacklistedtoken";

/// When an earlier password was set, its row, and its hash.
type Earlier = (String, i64, String);

/// A row of any model.
#[derive(serde::Serialize, serde::Deserialize)]
struct Row {
    model: String,
    #[serde(default)]
    pk: Value,
    fields: Map<String, Value>,
}

impl Row {
    fn place(&self) -> String {
        format!("{} {}", self.model, self.pk)
    }

    /// A field; null and an absent one are the default.
    fn get<T: DeserializeOwned + Default>(&self, name: &'static str) -> anyhow::Result<T> {
        let value = self.fields.get(name).cloned();
        serde_json::from_value::<Option<T>>(value.unwrap_or_default())
            .map(Option::unwrap_or_default)
            .with_context(|| name)
    }

    /// A time, whose zone is UTC if none is given.
    fn time(&self, name: &'static str) -> anyhow::Result<Option<String>> {
        let Some(text) = self.get::<Option<String>>(name)? else {
            return Ok(None);
        };
        let time = Timestamp::parse(&text).or_else(|| Timestamp::parse(&format!("{text}Z")));
        let time = time.ok_or_else(|| anyhow!("{name}: {text:?} is no time"))?;
        Ok(Some(time.to_string()))
    }

    /// The number of the row that a field points to.
    fn key(&self, name: &'static str) -> anyhow::Result<i64> {
        self.fields
            .get(name)
            .and_then(Value::as_i64)
            .ok_or_else(|| anyhow!("{name}: no number; dump again without --natural-foreign"))
    }

    fn issued(&self) -> anyhow::Result<Issued> {
        Ok(Issued {
            jti: self.get("jti")?,
            expires_at: self.time("expires_at")?.unwrap_or_default(),
        })
    }

    fn pk(&self) -> anyhow::Result<i64> {
        self.pk
            .as_i64()
            .ok_or_else(|| anyhow!("it has no number; dump again without --natural-primary"))
    }
}

/// What belongs to users, and what that points to.
struct Belongings {
    /// Rows by the number of their user, as JSON.
    rows: Scratch,
    blacklist: Blacklist,
    kept: usize,
    taken: usize,
    organisation_types: HashMap<i64, String>,
    policies: HashMap<i64, String>,
    without_link: usize,
    unknown: BTreeMap<String, usize>,
    unusable: usize,
}

/// Opens a dump at its beginning.
pub type Open<'a> = &'a dyn Fn() -> io::Result<Box<dyn BufRead>>;

/// Hands the users of a dump to `importer`.
pub fn read(open: Open<'_>, importer: &mut Importer<'_>) -> anyhow::Result<()> {
    let mut found = Belongings {
        rows: importer.scratch()?,
        blacklist: Blacklist::new(importer.scratch()?),
        kept: 0,
        taken: 0,
        organisation_types: HashMap::new(),
        policies: HashMap::new(),
        without_link: 0,
        unknown: BTreeMap::new(),
        unusable: 0,
    };
    importer.doing("reading what belongs to users");
    each_row(open()?, |row| {
        importer.check_interrupt()?;
        match found.owner(&row, importer) {
            Ok(Some(user)) => found.put_aside(user, &row),
            Ok(None) => Ok(()),
            Err(err) => importer.add(row.place(), Err(err)),
        }
    })?;
    each_row(open()?, |row| {
        if row.model == "auth.user" {
            let user = found.user(&row).and_then(|it| it.record(importer.now));
            let moved = user.map(|it| Record {
                takes_imported_tokens: true,
                ..it
            });
            importer.add(row.place(), moved)?;
        }
        Ok(())
    })?;
    let refused = found.blacklist.refused(importer.now)?;
    importer.refuse(&refused)?;
    if !refused.is_empty() {
        let count = refused.len();
        importer.note(&format!("{count} blacklisted tokens are refused here too"));
    }
    found.say_what_is_left(importer);
    Ok(())
}

impl Belongings {
    /// Whom a row belongs to. What belongs to nobody is remembered.
    fn owner(&mut self, row: &Row, importer: &mut Importer<'_>) -> anyhow::Result<Option<i64>> {
        match row.model.as_str() {
            "auth.user" => {}
            "minisass_authentication.lookup" => {
                self.organisation_types
                    .insert(row.pk()?, row.get("description")?);
            }
            "minisass.privacypolicy" | "minisass_authentication.privacypolicy" => {
                let policy = PolicyLine {
                    version: row.get("version")?,
                    url: row.get("link")?,
                    published_at: row.time("published_at")?.unwrap_or_default(),
                };
                self.without_link += usize::from(policy.url.is_empty());
                self.policies.insert(row.pk()?, policy.version.clone());
                importer.publish(policy.recorded()?);
            }
            ISSUED => self.blacklist.issue(row.pk()?, &row.issued()?)?,
            BLACKLISTED => self.blacklist.end(row.key("token")?),
            PROFILE | HISTORY | CONSENT | OLD_CONSENT => return row.key("user").map(Some),
            other => *self.unknown.entry(other.to_owned()).or_default() += 1,
        }
        Ok(None)
    }

    fn put_aside(&mut self, user: i64, row: &Row) -> anyhow::Result<()> {
        self.kept += 1;
        let text = serde_json::to_string(row)?;
        Ok(self.rows.keep(user, &text)?)
    }

    /// The user of a row, with all that belongs to them.
    fn user(&mut self, row: &Row) -> anyhow::Result<Line> {
        let id = row.pk()?;
        let stored: String = row.get("password")?;
        let hash = Some(&stored).filter(|it| Hasher::is_usable(it)).cloned();
        let is_chosen = !stored.is_empty() && !stored.starts_with('!');
        self.unusable += usize::from(is_chosen && hash.is_none());
        let mut line = Line::default();
        let mut history = Vec::new();
        for text in self.rows.of(id)? {
            let row: Row = serde_json::from_str(&text)?;
            self.taken += 1;
            self.add(&row, &mut line, &mut history)
                .with_context(|| row.place())?;
        }
        Ok(Line {
            id: Some(id),
            username: row.get("username")?,
            email: row.get("email")?,
            first_name: row.get("first_name")?,
            last_name: row.get("last_name")?,
            is_active: Some(row.get("is_active")?),
            is_staff: row.get("is_staff")? || row.get("is_superuser")?,
            created_at: row.time("date_joined")?,
            last_login_at: row.time("last_login")?,
            password_history: earlier(history, &stored),
            password_hash: hash,
            ..line
        })
    }

    /// Adds what a row says to the line of its user.
    fn add(&self, row: &Row, line: &mut Line, history: &mut Vec<Earlier>) -> anyhow::Result<()> {
        match row.model.as_str() {
            PROFILE => {
                let kind = row.get::<Option<i64>>("organisation_type")?;
                let kind = kind.and_then(|it| self.organisation_types.get(&it));
                line.organisation_type = kind.cloned().unwrap_or_default();
                line.organisation_name = row.get("organisation_name")?;
                line.country = row.get("country")?;
                line.is_expert = row.get("is_expert")?;
                line.upload_preference = row.get("upload_preference")?;
            }
            HISTORY => {
                let made = row.time("timestamp")?.context("timestamp: it is missing")?;
                history.push((made, row.pk()?, row.get("hashed_password")?));
            }
            _ => {
                let policy = row.key("policy")?;
                let version = self.policies.get(&policy).with_context(|| {
                    format!("the dump has no policy {policy}; dump minisass.privacypolicy too")
                })?;
                // Null says nothing either way.
                if let Some(is_given) = row.get::<Option<bool>>("consent_given")? {
                    line.consents.push(ConsentLine {
                        version: version.clone(),
                        is_given,
                        given_at: row.time("consent_date")?.unwrap_or_default(),
                        address: row.get("ip_address")?,
                    });
                }
            }
        }
        Ok(())
    }

    fn say_what_is_left(&self, importer: &Importer<'_>) {
        for (model, count) in &self.unknown {
            importer.note(&format!("{model}: {count} rows have no place here"));
        }
        for (count, what) in [
            (
                self.kept.saturating_sub(self.taken),
                "profiles, histories or consents belong to users who are not in the dump",
            ),
            (
                self.unusable,
                "users have a hash of an unknown kind and need a new password: `reset send`",
            ),
            (
                self.without_link,
                "privacy policies have no link; their address stays empty",
            ),
            (
                self.blacklist.without_token(),
                "blacklisted tokens are not in the dump; dump token_blacklist.outstandingtoken too",
            ),
        ] {
            if count > 0 {
                importer.note(&format!("{count} {what}"));
            }
        }
    }
}

/// Earlier passwords, the oldest first. Django's history has the current one too.
fn earlier(mut history: Vec<Earlier>, current: &str) -> Vec<EarlierLine> {
    history.retain(|(_, _, hash)| hash != current && Hasher::is_usable(hash));
    history.sort();
    let line = |(created_at, _, password_hash)| EarlierLine {
        password_hash,
        created_at,
    };
    history.into_iter().map(line).collect()
}

/// Hands over one row after the other, so that the array is never in memory as a whole.
fn each_row(
    dump: impl BufRead,
    mut act: impl FnMut(Row) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    let mut stopped = None;
    let mut json = serde_json::Deserializer::from_reader(dump);
    let read = json.deserialize_seq(Rows(|row| {
        stopped = act(row).err();
        stopped.is_none()
    }));
    match (stopped, read) {
        (Some(err), _) => Err(err),
        (None, Err(err)) => Err(anyhow!("it is not what dumpdata writes: {err}")),
        (None, Ok(())) => Ok(json.end()?),
    }
}

struct Rows<F>(F);

impl<'de, F: FnMut(Row) -> bool> Visitor<'de> for Rows<F> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array of rows")
    }

    fn visit_seq<A: SeqAccess<'de>>(mut self, mut rows: A) -> Result<(), A::Error> {
        while let Some(row) = rows.next_element()? {
            if !(self.0)(row) {
                return Err(A::Error::custom("stopped"));
            }
        }
        Ok(())
    }
}
