//! What became of the users of a batch: counted, and said.

use anyhow::{Context, anyhow, bail};

use super::choices::{NoAddress, OnDuplicate};
use super::import::{Importer, Rows};
use super::report::{Case, NoPassword, Origin, Outcome};
use super::unshown::quoted;
use crate::domain::{Email, UserRef, Username};
use crate::failure::Failure;
use crate::store::transfer::Fate;

/// What each of the short forms of a user stands for, in their order.
const ALL: usize = 0;
const NAME: usize = 1;
const ADDRESS: usize = 2;
const NUMBER: usize = 3;

/// What became of a user whom the database was asked to add.
enum Became {
    /// It may have another name and address now.
    Added(Option<Box<(Username, Email)>>),
    Present,
    /// Somebody before has the name or the address.
    Duplicate(anyhow::Error),
}

impl Importer<'_> {
    /// Counts the users of a batch, and says what is to be said of them.
    pub(super) fn count(
        &mut self,
        rows: Rows,
        fates: Vec<Fate>,
        is_held_back: bool,
    ) -> Result<(), Failure> {
        let mut fates = fates.into_iter();
        let failed_before = self.summary.failed;
        let (mut added, mut came, mut new_keys) = (0, Vec::new(), Vec::new());
        for (origin, row) in rows {
            let became = row.and_then(|keys| {
                let fate = fates.next();
                let fate = fate.context("the database does not say what became of it")?;
                Ok((self.became(fate, &keys)?, keys))
            });
            match became {
                Ok((Became::Added(to), keys)) => {
                    self.say_notes(&origin);
                    added += 1;
                    new_keys.extend(keys);
                    came.push((origin, to, true));
                }
                Ok((Became::Present, _)) => {
                    self.summary.present += 1;
                    came.push((origin, None, false));
                }
                Ok((Became::Duplicate(why), _)) => {
                    self.say_notes(&origin);
                    added += self.duplicate(&origin, &why);
                }
                Err(err) => {
                    self.say_notes(&origin);
                    self.fail(&origin, &err);
                }
            }
        }
        let has_failures = self.summary.failed > failed_before;
        if is_held_back || has_failures && !self.options.skip_failures {
            self.summary.held_back += added;
            return Ok(());
        }
        self.summary.added += added;
        self.seen.extend(new_keys);
        came.iter()
            .try_for_each(|(origin, to, is_new)| self.came(origin, to.as_deref(), *is_new))
    }

    /// Whether the user is new, or there already.
    fn became(&self, fate: Fate, keys: &[u64]) -> anyhow::Result<Became> {
        let is_seen = |which: usize| keys.get(which).is_some_and(|it| self.seen.contains(it));
        let is_duplicate = fate.is_duplicate() || is_seen(NAME) || is_seen(ADDRESS);
        let why = match fate {
            Fate::Present => return Ok(Became::Present),
            Fate::Added | Fate::Changed(_) if is_seen(ALL) => return Ok(Became::Present),
            Fate::Added | Fate::Changed(_) if is_duplicate || is_seen(NUMBER) => {
                anyhow!("its number, user name or address stands earlier in the file")
            }
            Fate::Added => return Ok(Became::Added(None)),
            Fate::Changed(to) => return Ok(Became::Added(Some(to))),
            Fate::Clash { with, owner } => anyhow!("its {with} belongs to user {owner}"),
            Fate::NoSuchPolicy(version) => {
                let version = quoted(&version);
                bail!("consents: version {version} is not published; run `policy publish` first")
            }
        };
        if is_duplicate {
            Ok(Became::Duplicate(why))
        } else {
            Err(why)
        }
    }

    /// Says what was found out about somebody when their line was read.
    fn say_notes(&mut self, origin: &Origin) {
        for (outcome, reason) in &origin.notes {
            self.say(Case::new(*outcome, origin, reason.clone()));
        }
    }

    /// Says what is to be said of somebody who came over. Whoever was there already came before: they
    /// may still need a link to choose a password.
    fn came(
        &mut self,
        origin: &Origin,
        to: Option<&(Username, Email)>,
        is_new: bool,
    ) -> Result<(), Failure> {
        if let Some((name, email)) = to {
            let reason = format!("it came over as {name}, {email}: its own is taken");
            self.say(Case::new(Outcome::Changed, origin, reason));
        }
        self.summary.without_password += usize::from(is_new && origin.without_password.is_some());
        if let (true, Some(NoPassword::Unusable(why))) = (is_new, &origin.without_password) {
            self.say(Case::new(Outcome::NoPassword, origin, why.clone()));
        }
        let is_numbered = origin.is_renumbered && self.options.with_numbers;
        let wants_reset =
            self.options.with_resets && origin.without_password.is_some() && !origin.is_inactive;
        if !is_numbered && !wants_reset {
            return Ok(());
        }
        let email = to.map_or_else(
            || Email::parse(origin.email.trim()).ok(),
            |it| Some(it.1.clone()),
        );
        let name = || Username::typed(origin.username.trim()).map(UserRef::Username);
        let Some(who) = email.map(UserRef::Email).or_else(name) else {
            return Ok(());
        };
        if is_numbered {
            let found = self.host.find(self.store.user(&who))?;
            let reason = "its key is no number, so it has a new one".to_owned();
            let id = found.map(|it| it.id.0);
            self.say(Case {
                id,
                ..Case::new(Outcome::Numbered, origin, reason)
            });
        }
        if wants_reset {
            self.without_password.keep(self.put_aside, &who)?;
        }
        Ok(())
    }

    /// How many are added for somebody whose name or address is taken.
    fn duplicate(&mut self, origin: &Origin, why: &anyhow::Error) -> usize {
        match self.options.on_duplicate {
            Some(OnDuplicate::Skip) => self.skip(origin, why),
            // A dry run only, whose batches do not know each other.
            Some(OnDuplicate::Suffix) if self.options.dry_run => {
                let reason = format!("{why:#}; it would get another one");
                self.say(Case::new(Outcome::Changed, origin, reason));
                return 1;
            }
            _ => {
                self.summary.duplicates += 1;
                self.fail(origin, why);
            }
        }
        0
    }

    fn fail(&mut self, origin: &Origin, why: &anyhow::Error) {
        self.summary.failed += 1;
        self.summary.without_address += usize::from(why.is::<NoAddress>());
        self.say(Case::new(Outcome::Failed, origin, format!("{why:#}")));
    }
}
