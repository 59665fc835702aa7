//! What Django's `manage.py dumpdata` wrote: one long array, whose rows come in any order. It is read
//! twice: first what belongs to users, which stays in memory, then the users.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::fs::File;
use std::io::BufReader;
use std::path::Path;

use anyhow::{Context, anyhow, bail};
use serde::de::{DeserializeOwned, Deserializer, Error, SeqAccess, Visitor};
use serde_json::{Map, Value};

use super::output::note;
use super::user_import::Importing;
use super::user_line::{ConsentLine, EarlierLine, Line, PolicyLine};
use crate::crypto::Hasher;
use crate::domain::Timestamp;

/// A row of any model.
#[derive(serde::Deserialize)]
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

    fn pk(&self) -> anyhow::Result<i64> {
        self.pk
            .as_i64()
            .ok_or_else(|| anyhow!("it has no number; dump again without --natural-primary"))
    }
}

#[derive(Default)]
struct Profile {
    organisation_type: Option<i64>,
    line: Line,
}

/// What belongs to users, by their numbers, and what that points to.
#[derive(Default)]
struct Belongings {
    profiles: HashMap<i64, Profile>,
    history: HashMap<i64, Vec<(String, i64, String)>>,
    consents: HashMap<i64, Vec<(i64, ConsentLine)>>,
    organisation_types: HashMap<i64, String>,
    policies: HashMap<i64, String>,
    without_link: usize,
    unknown: BTreeMap<String, usize>,
    unusable: usize,
}

/// Hands the users of a dump to `importing`.
pub(super) fn read(file: &Path, importing: &mut Importing<'_>) -> anyhow::Result<()> {
    if file == Path::new("-") {
        bail!("a dump of Django is read twice; name a file instead of -");
    }
    let mut found = Belongings::default();
    each_row(file, |row| {
        if let Err(err) = found.keep(&row, importing) {
            importing.add(row.place(), Err(err))?;
        }
        Ok(())
    })?;
    each_row(file, |row| {
        if row.model == "auth.user" {
            let user = found.user(&row).and_then(|it| it.record(importing.now));
            importing.add(row.place(), user)?;
        }
        Ok(())
    })?;
    found.say_what_is_left();
    Ok(())
}

impl Belongings {
    fn keep(&mut self, row: &Row, importing: &mut Importing<'_>) -> anyhow::Result<()> {
        match row.model.as_str() {
            "auth.user" => {}
            "minisass_authentication.lookup" => {
                self.organisation_types
                    .insert(row.pk()?, row.get("description")?);
            }
            "minisass_authentication.userprofile" => {
                self.profiles.insert(row.key("user")?, profile(row)?);
            }
            "minisass_authentication.passwordhistory" => {
                let made = row.time("timestamp")?.context("timestamp: it is missing")?;
                let earlier = (made, row.pk()?, row.get("hashed_password")?);
                self.history
                    .entry(row.key("user")?)
                    .or_default()
                    .push(earlier);
            }
            "minisass.privacypolicy" | "minisass_authentication.privacypolicy" => {
                let policy = PolicyLine {
                    version: row.get("version")?,
                    url: row.get("link")?,
                    published_at: row.time("published_at")?.unwrap_or_default(),
                };
                self.without_link += usize::from(policy.url.is_empty());
                self.policies.insert(row.pk()?, policy.version.clone());
                importing.publish(policy.recorded()?);
            }
            "minisass.privacypolicyconsent" | "minisass_authentication.privacypolicyconsent" => {
                // Null says nothing either way.
                if let Some(is_given) = row.get::<Option<bool>>("consent_given")? {
                    let consent = ConsentLine {
                        version: String::new(),
                        is_given,
                        given_at: row.time("consent_date")?.unwrap_or_default(),
                        address: row.get("ip_address")?,
                    };
                    let of_user = self.consents.entry(row.key("user")?).or_default();
                    of_user.push((row.key("policy")?, consent));
                }
            }
            other => *self.unknown.entry(other.to_owned()).or_default() += 1,
        }
        Ok(())
    }

    /// The user of a row, with all that belongs to them.
    fn user(&mut self, row: &Row) -> anyhow::Result<Line> {
        let id = row.pk()?;
        let profile = self.profiles.remove(&id).unwrap_or_default();
        let organisation_type = profile.organisation_type;
        let organisation_type = organisation_type.and_then(|it| self.organisation_types.get(&it));
        let stored: String = row.get("password")?;
        let hash = Some(&stored).filter(|it| Hasher::is_usable(it)).cloned();
        let is_chosen = !stored.is_empty() && !stored.starts_with('!');
        self.unusable += usize::from(is_chosen && hash.is_none());
        let is_staff = row.get("is_staff")? || row.get("is_superuser")?;
        let mut consents = Vec::new();
        for (policy, consent) in self.consents.remove(&id).unwrap_or_default() {
            let version = self.policies.get(&policy);
            let version = version.with_context(|| {
                format!(
                    "consents: the dump has no policy {policy}; dump minisass.privacypolicy too"
                )
            })?;
            consents.push(ConsentLine {
                version: version.clone(),
                ..consent
            });
        }
        Ok(Line {
            id: Some(id),
            username: row.get("username")?,
            email: row.get("email")?,
            first_name: row.get("first_name")?,
            last_name: row.get("last_name")?,
            is_active: Some(row.get("is_active")?),
            is_staff,
            created_at: row.time("date_joined")?,
            last_login_at: row.time("last_login")?,
            organisation_type: organisation_type.cloned().unwrap_or_default(),
            consents,
            password_history: self.earlier(id, &stored),
            password_hash: hash,
            ..profile.line
        })
    }

    /// Earlier passwords, the oldest first. Django's history has the current one too.
    fn earlier(&mut self, user: i64, current: &str) -> Vec<EarlierLine> {
        let mut history = self.history.remove(&user).unwrap_or_default();
        history.retain(|(_, _, hash)| hash != current && Hasher::is_usable(hash));
        history.sort();
        let line = |(created_at, _, password_hash)| EarlierLine {
            password_hash,
            created_at,
        };
        history.into_iter().map(line).collect()
    }

    fn say_what_is_left(&self) {
        for (model, count) in &self.unknown {
            note(&super::output::visible(&format!(
                "{model}: {count} rows have no place here"
            )));
        }
        let left = self.profiles.len() + self.history.len() + self.consents.len();
        for (count, what) in [
            (
                left,
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
        ] {
            if count > 0 {
                note(&format!("{count} {what}"));
            }
        }
    }
}

fn profile(row: &Row) -> anyhow::Result<Profile> {
    Ok(Profile {
        organisation_type: row.get("organisation_type")?,
        line: Line {
            organisation_name: row.get("organisation_name")?,
            country: row.get("country")?,
            is_expert: row.get("is_expert")?,
            upload_preference: row.get("upload_preference")?,
            ..Line::default()
        },
    })
}

/// Hands over one row after the other, so that the array is never in memory as a whole.
fn each_row(file: &Path, mut act: impl FnMut(Row) -> anyhow::Result<()>) -> anyhow::Result<()> {
    let mut stopped = None;
    let mut json = serde_json::Deserializer::from_reader(BufReader::new(File::open(file)?));
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
