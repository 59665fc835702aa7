//! What Django's `manage.py dumpdata` wrote: rows that come in any order. It is read twice: first what
//! belongs to users, which is put aside on the disk, then the users.

use std::collections::{BTreeMap, HashMap};
use std::io::BufRead;

use anyhow::{Context, bail};

use super::blacklist::Blacklist;
use super::django_row::{Row, natural_key};
use super::import::{Importer, Open};
use super::line::{ConsentLine, EarlierLine, Line};
use super::report::{NoPassword, Origin};
use super::rows::{RawRow, Rows, model_of};
use crate::crypto::Hasher;
use crate::domain::counted;
use crate::store::transfer::Scratch;

/// The model of users, unless a project has its own.
pub const USER: &str = "auth.user";

/// How many models are named.
const NAMED: usize = 10;

// The models whose rows belong to users. The consents have moved from one application to another.
const PROFILE: &str = "minisass_authentication.userprofile";
const HISTORY: &str = "minisass_authentication.passwordhistory";
const CONSENT: &str = "minisass.privacypolicyconsent";
const OLD_CONSENT: &str = "minisass_authentication.privacypolicyconsent";

const LOOKUP: &str = "minisass_authentication.lookup";
const POLICIES: [&str; 2] = [
    "minisass.privacypolicy",
    "minisass_authentication.privacypolicy",
];

// Of SimpleJWT.
const ISSUED: &str = "token_blacklist.outstandingtoken";
const BLACKLISTED: &str = "token_blacklist.blacklistedtoken";

/// When an earlier password was set, its row, and its hash.
type Earlier = (String, i64, String);

/// The models of a project, in small letters as a dump writes them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Models {
    pub user: String,
    /// Beside that of the miniSASS service.
    pub profile: Option<String>,
}

/// Rows of a model that is none of ours.
#[derive(Default)]
struct PassedOver {
    rows: usize,
    /// As far as the first row tells.
    are_like_users: bool,
}

/// What belongs to users, and what that points to.
struct Belongings {
    models: Models,
    users: usize,
    profiles: usize,
    /// Fields of profiles that the first user has, whose model was not named as that of profiles.
    not_taken: Vec<&'static str>,
    /// Rows by the key of their user, as JSON.
    rows: Scratch,
    blacklist: Blacklist,
    /// Whether some name their user by a natural key.
    are_natural: bool,
    kept: usize,
    taken: usize,
    organisation_types: HashMap<String, String>,
    policies: HashMap<String, String>,
    without_link: usize,
    renumbered: usize,
    passed_over: BTreeMap<String, PassedOver>,
}

/// Hands the users of a dump to `importer`.
pub fn read(open: Open<'_>, models: &Models, importer: &mut Importer<'_>) -> anyhow::Result<()> {
    let mut found = Belongings {
        models: models.clone(),
        users: 0,
        profiles: 0,
        not_taken: Vec::new(),
        rows: importer.scratch()?,
        blacklist: Blacklist::new(importer.scratch()?),
        are_natural: false,
        kept: 0,
        taken: 0,
        organisation_types: HashMap::new(),
        policies: HashMap::new(),
        without_link: 0,
        renumbered: 0,
        passed_over: BTreeMap::new(),
    };
    importer.doing("reading what belongs to users");
    each_row(open()?, |model, raw| {
        importer.check_interrupt()?;
        found.take(model, raw, importer)
    })?;
    found.check()?;
    each_row(open()?, |model, raw| {
        if !model.eq_ignore_ascii_case(&found.models.user) {
            return Ok(());
        }
        match Row::read(raw) {
            Ok(row) => {
                let mut origin = row.origin(raw.line);
                let user = found.user(&row, &mut origin);
                importer.add(origin, user)
            }
            Err(err) => importer.add(at_line(model, raw), Err(err)),
        }
    })?;
    let refused = found.blacklist.refused(importer.now)?;
    importer.refuse(&refused)?;
    if !refused.is_empty() {
        let (one, many) = ("blacklisted token is", "blacklisted tokens are");
        let tokens = counted(refused.len(), one, many);
        importer.note(&format!("{tokens} refused here too"));
    }
    found.say_what_is_left(importer);
    Ok(())
}

fn at_line(model: &str, raw: &RawRow<'_>) -> Origin {
    Origin::at(format!("{model} at line {}", raw.line))
}

impl Belongings {
    /// Takes a row of any model but that of users.
    fn take(
        &mut self,
        model: &str,
        raw: &RawRow<'_>,
        importer: &mut Importer<'_>,
    ) -> anyhow::Result<()> {
        if model.eq_ignore_ascii_case(&self.models.user) {
            self.users += 1;
            if self.is_profile(model) {
                self.profiles += 1;
            } else if self.users == 1 && self.models.profile.is_none() {
                self.not_taken = Row::read(raw).map_or_else(|_| Vec::new(), |it| it.of_profile());
            }
            return Ok(());
        }
        if !self.is_ours(model) {
            let over = self.passed_over.entry(model.to_owned()).or_default();
            if over.rows == 0 {
                over.are_like_users = Row::read(raw).is_ok_and(|it| it.is_like_a_user());
            }
            over.rows += 1;
            return Ok(());
        }
        match Row::read(raw) {
            Ok(row) => match self.owner(&row, importer) {
                Ok(Some(user)) => self.put_aside(&user, &row),
                Ok(None) => Ok(()),
                Err(err) => importer.add(row.origin(raw.line), Err(err)),
            },
            Err(err) => importer.add(at_line(model, raw), Err(err)),
        }
    }

    fn is_ours(&self, model: &str) -> bool {
        let all = [PROFILE, HISTORY, CONSENT, OLD_CONSENT, ISSUED, BLACKLISTED];
        let mut all = all.into_iter().chain(POLICIES).chain([LOOKUP]);
        self.is_profile(model) || all.any(|it| it == model)
    }

    fn is_profile(&self, model: &str) -> bool {
        let own = self.models.profile.as_deref();
        model == PROFILE || own.is_some_and(|it| it.eq_ignore_ascii_case(model))
    }

    /// Whom a row belongs to, if it belongs to a user.
    fn owner(&mut self, row: &Row, importer: &mut Importer<'_>) -> anyhow::Result<Option<String>> {
        match row.model.as_str() {
            LOOKUP => {
                self.organisation_types
                    .insert(row.must_have_key()?, row.get("description")?);
            }
            model if POLICIES.contains(&model) => {
                let policy = row.policy()?;
                self.without_link += usize::from(policy.url.is_empty());
                self.policies
                    .insert(row.must_have_key()?, policy.version.clone());
                importer.publish(policy.recorded()?);
            }
            ISSUED => self
                .blacklist
                .issue(&row.must_have_key()?, &row.issued()?)?,
            BLACKLISTED => self.blacklist.end(row.owner("token")?),
            model if self.is_profile(model) => {
                self.profiles += 1;
                // A profile may have the key of its user for its own.
                let owner = row.owner("user");
                return owner.or_else(|err| row.key().ok_or(err)).map(Some);
            }
            _ => return row.owner("user").map(Some),
        }
        Ok(None)
    }

    /// Refuses a dump without what it should hold, before anything is written.
    fn check(&self) -> anyhow::Result<()> {
        let Models { user, profile } = &self.models;
        let with_count = |(model, over): (&String, &PassedOver)| {
            format!("{model} ({})", counted(over.rows, "row", "rows"))
        };
        let all = self.passed_over.iter();
        let alike: Vec<_> = all.clone().filter(|(_, it)| it.are_like_users).collect();
        // The blacklist alone may follow the users.
        if self.users == 0 && (self.blacklist.is_empty() || !alike.is_empty()) {
            if let Some((model, _)) = alike.first() {
                bail!(
                    "it holds no users of the model {user}; these look like users: {}; add --user-model {model}",
                    alike
                        .iter()
                        .copied()
                        .map(with_count)
                        .collect::<Vec<_>>()
                        .join(", ")
                );
            }
            let models: Vec<_> = all.take(NAMED).map(with_count).collect();
            let holds = if models.is_empty() {
                "no rows at all".to_owned()
            } else {
                format!("no users of the model {user}, but {}", models.join(", "))
            };
            bail!("it holds {holds}; dump the app of the users too");
        }
        if let Some(profile) = profile.as_ref().filter(|_| self.profiles == 0) {
            bail!(
                "it holds no rows of the model {profile}; leave --profile-model out, or dump its app too"
            );
        }
        Ok(())
    }

    fn put_aside(&mut self, user: &str, row: &Row) -> anyhow::Result<()> {
        self.kept += 1;
        self.are_natural |= user.starts_with('[');
        let text = serde_json::to_string(row)?;
        Ok(self.rows.keep(user, &text)?)
    }

    /// The user of a row, with all that belongs to them.
    fn user(&mut self, row: &Row, origin: &mut Origin) -> anyhow::Result<Line> {
        let id = row.pk.as_i64();
        origin.keeps_number = id.is_some();
        origin.is_renumbered = id.is_none();
        let is_active: Option<bool> = row.get("is_active")?;
        origin.is_inactive = is_active == Some(false);
        self.renumbered += usize::from(id.is_none());
        let stored: String = row.get("password")?;
        let hash = Some(&stored).filter(|it| Hasher::is_usable(it)).cloned();
        if hash.is_none() {
            origin.without_password = Some(NoPassword::Unusable(why_without(&stored)));
        }
        let email = row.text(&["email"])?;
        let mut username = row.text(&["username"])?;
        let mut keys: Vec<String> = row.key().into_iter().collect();
        if self.are_natural {
            keys.extend([&username, &email].map(|it| natural_key(it)));
            keys.dedup();
        }
        // Projects whose users log in by address have no user names.
        if username.trim().is_empty() {
            username.clone_from(&email);
        }
        let mut line = Line::default();
        let mut history = Vec::new();
        if self.is_profile(&row.model) {
            self.add(row, &mut line, &mut history)?;
        }
        for key in &keys {
            for text in self.rows.of(key)? {
                let row: Row = serde_json::from_str(&text)?;
                self.taken += 1;
                self.add(&row, &mut line, &mut history)
                    .with_context(|| row.origin(0).place)?;
            }
        }
        Ok(Line {
            id,
            username,
            email,
            first_name: row.text(&["first_name", "name", "full_name"])?,
            last_name: row.get("last_name")?,
            is_active,
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
            model if self.is_profile(model) => {
                line.organisation_type = self.organisation_type(row)?;
                line.organisation_name = row.text(&["organisation_name", "organization_name"])?;
                line.country = row.text(&["country"])?;
                line.is_expert = row.get("is_expert")?;
                line.upload_preference = row.get("upload_preference")?;
            }
            HISTORY => {
                let made = row.time("timestamp")?.context("timestamp: it is missing")?;
                let number = row.pk.as_i64().unwrap_or_default();
                history.push((made, number, row.get("hashed_password")?));
            }
            _ => {
                let policy = row.owner("policy")?;
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

    /// A word, or a row of the model that has the words.
    fn organisation_type(&self, row: &Row) -> anyhow::Result<String> {
        let names = ["organisation_type", "organization_type"];
        let name = names.into_iter().find(|it| row.fields.contains_key(*it));
        let Some(name) = name else {
            return Ok(String::new());
        };
        row.get::<serde_json::Value>(name)?;
        let known = row
            .owner(name)
            .ok()
            .and_then(|it| self.organisation_types.get(&it));
        match (known, &row.fields[name]) {
            (Some(word), _) | (None, serde_json::Value::String(word)) => Ok(word.clone()),
            _ => Ok(String::new()),
        }
    }

    fn say_what_is_left(&self, importer: &mut Importer<'_>) {
        for (model, over) in &self.passed_over {
            importer.pass_over(model.clone(), over.rows);
        }
        if !self.not_taken.is_empty() {
            let (fields, model) = (self.not_taken.join(", "), &self.models.user);
            importer.note(&format!(
                "users of {model} have {fields}, which stay behind; add --profile-model {model} to take them \
                 along"
            ));
        }
        for (count, one, many, more) in [
            (
                self.kept.saturating_sub(self.taken),
                "profile, history or consent belongs",
                "profiles, histories or consents belong",
                "to nobody in the dump; their field `user` has to be the key of a user",
            ),
            (
                self.renumbered,
                "user has",
                "users have",
                "no number in the dump, so a new one is given in the order of the file; tokens of \
                 Django's are not good here",
            ),
            (
                self.without_link,
                "privacy policy has",
                "privacy policies have",
                "no link; the address stays empty",
            ),
            (
                self.blacklist.without_token(),
                "blacklisted token is",
                "blacklisted tokens are",
                "not in the dump; dump token_blacklist.outstandingtoken too",
            ),
        ] {
            if count > 0 {
                importer.note(&format!("{} {more}", counted(count, one, many)));
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

/// Why a user comes over without a password.
fn why_without(stored: &str) -> String {
    let kind = Hasher::unusable_kind(stored);
    if stored.is_empty() || stored.starts_with('!') {
        return "no password could log in there; `reset send` lets them choose one".to_owned();
    }
    format!(
        "no password comes along: hashes of the kind {kind} are not read, or cost too much; `reset send` lets them choose one"
    )
}

/// Hands over one row after the other, so that the dump is never in memory as a whole.
fn each_row(
    dump: impl BufRead,
    mut act: impl FnMut(&str, &RawRow<'_>) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    let mut rows = Rows::new(dump);
    while let Some(row) = rows.next()? {
        let Some(model) = model_of(row.text) else {
            let line = row.line;
            bail!("it is not what dumpdata writes: the object at line {line} has no model");
        };
        // Django finds a model by its name in any case.
        act(&model.to_ascii_lowercase(), &row)?;
    }
    Ok(())
}
