//! The keys: which of them signs, which verify, and how they change.

use std::time::Duration;

use zeroize::Zeroizing;

use super::own_key;
use super::random::Random;
use super::seal::{Label, MasterKey};
use super::secret_text::{NotASecret, secret_of};
use super::weak_key::{Weakness, weakness};
use crate::domain::{KeyPurpose, SealedKey, Timestamp};
use crate::failure::Failure;

/// The signing keys, oldest first. The last one signs; all verify.
pub struct Keyring {
    pub(super) keys: Vec<OpenKey>,
}

/// A signing key, as it is in memory.
pub(super) struct OpenKey {
    pub(super) kid: String,
    pub(super) secret: Zeroizing<Vec<u8>>,
    /// When it was stored.
    pub(super) made_at: Timestamp,
}

impl OpenKey {
    /// How long it only verifies yet. Times are whole seconds, and those of other machines may differ.
    pub(super) fn settles_in(&self, now: Timestamp) -> Option<Duration> {
        let age = u64::try_from(now.seconds_since(self.made_at)).unwrap_or(0);
        let left = (SETTLING + Duration::from_secs(1)).checked_sub(Duration::from_secs(age));
        left.filter(|it| !it.is_zero())
    }
}

/// A signing key, without its secret.
#[derive(Clone, Debug)]
pub struct SigningKey {
    pub kid: String,
    /// Otherwise it only verifies.
    pub signs: bool,
    /// Whether another service made it, whose tokens it verifies too.
    pub is_imported: bool,
    /// Whether it is weak, and somebody allowed that.
    pub is_weak: bool,
    /// The length of the secret.
    pub bytes: usize,
    /// When it was made, if its name says so.
    pub made_at: Option<Timestamp>,
}

/// The end of the name of a key that another service made. Only such a key is tried on a token whose
/// header names no key.
const IMPORTED: &str = "-imported";

/// The end of the name of such a key that is weak, and was allowed to be.
const WEAK: &str = "-weak-imported";

/// Why a key was not imported or retired.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    #[error("there is no signing key {0:?}; `key list` shows them")]
    Unknown(String),
    #[error("this key is there already, as {0}; nothing was done")]
    Present(String),
    #[error(transparent)]
    NotASecret(#[from] NotASecret),
    #[error(
        "the key is too weak: {0}; give the other service a new one that is random, \
         such as `openssl rand -base64 48` prints, and import that"
    )]
    Weak(Weakness),
    #[error(
        "the key is too weak: {}; if its tokens have to go on being good, add --allow-weak",
        Weakness::ForDevelopment
    )]
    ForDevelopment,
    #[error(
        "the key is too weak: {0}; --allow-weak takes a random key behind django-insecure- and no other, \
         so give the other service a new one, such as `openssl rand -base64 48` prints"
    )]
    WeakAnyway(Weakness),
    #[error("{0} is the key that signs; run `key rotate` first, then retire it")]
    Signs(String),
    #[error(transparent)]
    Failed(#[from] Failure),
}

/// How long a new key only verifies. Servers look for new keys more often than that (`KEYS_PAUSE` in
/// `daemon/background.rs`; `LOOK` in `token.rs` lies between), so all of them know it before anybody
/// signs with it.
pub(super) const SETTLING: Duration = Duration::from_secs(2);

/// What the signing keys are for.
const HS256: &str = "HS256";

/// The name of the key of mailed links, and what it is for.
const LINKS: Label<'static> = Label {
    name: "links",
    purpose: KeyPurpose::Links,
    algorithm: "HMAC-SHA256",
};

impl Keyring {
    /// One without keys, for the name of the first.
    pub(crate) const fn empty() -> Self {
        Self { keys: Vec::new() }
    }

    /// Opens the stored signing keys.
    pub fn open(stored: &[SealedKey], master: &MasterKey) -> Result<Self, Failure> {
        let signing = stored.iter().filter(|it| it.purpose == KeyPurpose::Sign);
        let open = |key: &SealedKey| {
            Ok(OpenKey {
                kid: key.name.clone(),
                secret: opened(key, stored, master)?,
                made_at: key.made_at,
            })
        };
        Ok(Self {
            keys: signing.map(open).collect::<Result<_, Failure>>()?,
        })
    }

    /// The name and the text of a key, of the one that signs unless `kid` names another.
    pub fn text(&self, kid: Option<&str>) -> Result<(String, Zeroizing<String>), KeyError> {
        let mut keys = self.keys.iter().rev();
        let found = keys.find(|it| kid.is_none_or(|kid| it.kid == kid));
        let key = found.ok_or_else(|| KeyError::Unknown(kid.unwrap_or_default().to_owned()))?;
        let text =
            std::str::from_utf8(&key.secret).map_err(Failure::when("reading a key as text"))?;
        Ok((key.kid.clone(), Zeroizing::new(text.to_owned())))
    }

    /// The keys without their secrets, oldest first.
    pub fn list(&self) -> Vec<SigningKey> {
        let last = self.keys.len().saturating_sub(1);
        let keys = self.keys.iter().enumerate();
        keys.map(|(index, key)| SigningKey {
            kid: key.kid.clone(),
            signs: index == last,
            is_imported: is_imported(&key.kid),
            is_weak: is_weak(&key.kid),
            bytes: key.secret.len(),
            made_at: made_at(&key.kid),
        })
        .collect()
    }

    /// Whether there is this key, under this name.
    pub(crate) fn holds(&self, kid: &str, secret: &[u8]) -> bool {
        let mut keys = self.keys.iter();
        keys.any(|it| it.kid == kid && it.secret.as_slice() == secret)
    }

    /// A new key, sealed, which is to sign from now on.
    pub fn next(
        &self,
        master: &MasterKey,
        random: &Random,
        now: Timestamp,
    ) -> Result<SealedKey, Failure> {
        let kid = self.next_kid(random, now)?;
        let secret = Zeroizing::new(own_key::make(random)?);
        seal_signing(master, &kid, secret.as_bytes(), now, random)
    }

    /// The secret with which another service signs, such as Django's `SECRET_KEY`, sealed: it is to sign
    /// from now on, so that the services that verify with it go on doing so, and tokens of that service
    /// are good. A key that Django made for development is taken only if `allow_weak`.
    pub fn import(
        &self,
        text: &str,
        allow_weak: bool,
        master: &MasterKey,
        random: &Random,
        now: Timestamp,
    ) -> Result<SealedKey, KeyError> {
        let secret = secret_of(text)?;
        let ending = match weakness(secret.as_bytes()) {
            None => IMPORTED,
            Some(Weakness::ForDevelopment) if allow_weak => WEAK,
            Some(Weakness::ForDevelopment) => return Err(KeyError::ForDevelopment),
            Some(why) if allow_weak => return Err(KeyError::WeakAnyway(why)),
            Some(why) => return Err(KeyError::Weak(why)),
        };
        let same = |it: &&OpenKey| it.secret.as_slice() == secret.as_bytes();
        if let Some(key) = self.keys.iter().find(same) {
            return Err(KeyError::Present(key.kid.clone()));
        }
        let kid = self.next_kid(random, now)? + ending;
        let sealed = seal_signing(master, &kid, secret.as_bytes(), now, random);
        Ok(sealed?)
    }

    /// How long it takes yet until the last one signs everywhere.
    pub fn settles_in(&self, now: Timestamp) -> Option<Duration> {
        self.keys.last()?.settles_in(now)
    }

    /// Refuses a key that is not there, or that signs.
    pub fn check_may_retire(&self, kid: &str) -> Result<(), KeyError> {
        if !self.keys.iter().any(|it| it.kid == kid) {
            return Err(KeyError::Unknown(kid.to_owned()));
        }
        if self.keys.last().is_some_and(|it| it.kid == kid) {
            return Err(KeyError::Signs(kid.to_owned()));
        }
        Ok(())
    }

    /// A name that sorts after all others, whatever the clock says: of a time after theirs.
    fn next_kid(&self, random: &Random, now: Timestamp) -> Result<String, Failure> {
        let last = self.keys.last().map_or("", |it| it.kid.as_str());
        let suffix = u32::from_be_bytes(random.bytes()?);
        let (before, after_last) = match time_in(last) {
            Some((place, at)) => (&last[..place], at.plus(Duration::from_secs(1))),
            None => ("", now),
        };
        let name = |before: &str, at: Timestamp| {
            let at = at.to_string().replace([':', '-'], "");
            format!("{before}{at}-{suffix:08x}")
        };
        let kids = [name("", now), name(before, now.max(after_last))];
        let fits = kids.into_iter().find(|it| it.as_str() > last);
        // Somebody gave the last one a name of their own.
        Ok(fits.unwrap_or_else(|| name(&format!("{last}-"), now)))
    }
}

/// Seals a key that signs, which has been judged.
pub(crate) fn seal_signing(
    master: &MasterKey,
    kid: &str,
    secret: &[u8],
    made_at: Timestamp,
    random: &Random,
) -> Result<SealedKey, Failure> {
    let label = Label {
        name: kid,
        purpose: KeyPurpose::Sign,
        algorithm: HS256,
    };
    master.seal(label, secret, made_at, random)
}

/// The secret of one of the stored keys.
fn opened(
    key: &SealedKey,
    stored: &[SealedKey],
    master: &MasterKey,
) -> Result<Zeroizing<Vec<u8>>, Failure> {
    master.open(key).ok_or_else(|| {
        let is_any_ours = stored.iter().any(|it| master.open(it).is_some());
        let why = if is_any_ours {
            format!(
                "the row of {} in the database is not what was sealed; put a backup back with `db restore`",
                key.name
            )
        } else {
            "the keys in the database were sealed with another master key; put that one in its place (after a \
             move: keys/master.key of the old data folder), or, if it is lost, run `key rotate --discard-old`"
                .to_owned()
        };
        Failure::new("opening the keys", why)
    })
}

pub(super) fn is_imported(kid: &str) -> bool {
    kid.ends_with(IMPORTED)
}

pub(super) fn is_weak(kid: &str) -> bool {
    kid.ends_with(WEAK)
}

/// The time that [`Keyring::next_kid`] put in the name, and where it stands.
fn time_in(kid: &str) -> Option<(usize, Timestamp)> {
    let starts = kid.match_indices('-').map(|(place, _)| place + 1);
    let mut starts = std::iter::once(0).chain(starts);
    starts.find_map(|place| {
        let at = Timestamp::parse(kid[place..].split('-').next()?)?;
        Some((place, at))
    })
}

pub(crate) fn made_at(kid: &str) -> Option<Timestamp> {
    time_in(kid).map(|(_, at)| at)
}

/// The key that the tokens of mailed links are derived from.
pub struct LinkKey(pub(super) Zeroizing<Vec<u8>>);

impl LinkKey {
    /// Opens the stored key.
    pub fn open(stored: &[SealedKey], master: &MasterKey) -> Result<Self, Failure> {
        let key = stored.iter().find(|it| it.purpose == KeyPurpose::Links);
        let key = key.ok_or_else(|| {
            let why = "the key of mailed links is not in the database; put a backup back with `db restore`";
            Failure::new("opening the keys", why)
        })?;
        opened(key, stored, master).map(Self)
    }

    /// A new one, sealed.
    pub fn next(master: &MasterKey, random: &Random, now: Timestamp) -> Result<SealedKey, Failure> {
        let secret = Zeroizing::new(own_key::make(random)?);
        Self::seal(master, secret.as_bytes(), now, random)
    }

    pub(crate) fn seal(
        master: &MasterKey,
        secret: &[u8],
        now: Timestamp,
        random: &Random,
    ) -> Result<SealedKey, Failure> {
        master.seal(LINKS, secret, now, random)
    }

    pub(crate) fn is(&self, secret: &[u8]) -> bool {
        self.0.as_slice() == secret
    }
}
