//! The master key, which seals the keys in the database: whoever has one of the two has nothing.

use std::path::Path;

use ring::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use zeroize::Zeroizing;

use super::key_file::{check_folder, create_private, make_private_folder, text_of};
use super::own_key;
use super::published_key::decoded;
use super::random::Random;
use super::weak_key::{Weakness, weakness};
use crate::domain::{KeyPurpose, SealedKey, Timestamp};
use crate::failure::Failure;

const BYTES: usize = 32;

/// Why a text is no master key.
#[derive(Debug, thiserror::Error)]
pub enum NotAMasterKey {
    #[error("it is too weak: {0}")]
    Weak(Weakness),
    #[error("it is not 32 bytes in base64 or in hexadecimal digits")]
    Form,
}

/// What seals the keys in the database. It is never stored there.
#[derive(Clone)]
pub struct MasterKey(Zeroizing<Vec<u8>>);

impl MasterKey {
    /// Reads what this program makes, and what `openssl rand -base64 32` or `-hex 32` print.
    pub fn parse(text: &[u8]) -> Result<Self, NotAMasterKey> {
        if let Some(why) = weakness(text) {
            return Err(NotAMasterKey::Weak(why));
        }
        let bytes = own_key::random_in(text).or_else(|| decoded(text));
        let bytes = bytes.map(Zeroizing::new).filter(|it| it.len() == BYTES);
        bytes.map(Self).ok_or(NotAMasterKey::Form)
    }

    /// Reads the key in its file, if that is there.
    pub fn read(path: &Path, folder: &Path) -> Result<Option<Self>, Failure> {
        if !path.try_exists().unwrap_or(true) {
            return Ok(None);
        }
        check_folder(folder)?;
        let text = text_of(path)?;
        let parsed = Self::parse(&text).map_err(|why| {
            let shown = path.display();
            let what = "put the one there that sealed the keys in the database";
            Failure::new("reading the master key", format!("{shown}: {why}; {what}"))
        });
        parsed.map(Some)
    }

    /// Makes the file, unless somebody else is faster, and reads it.
    pub fn make(path: &Path, folder: &Path, random: &Random) -> Result<Self, Failure> {
        make_private_folder(folder)?;
        create_private(path, &Zeroizing::new(own_key::make(random)?)).map_err(|failure| {
            let why = failure.chain();
            let what =
                "let this user write there, or name a master key by the setting master_key_file";
            Failure::new(
                "making the master key",
                format!("{}: {why}; {what}", path.display()),
            )
        })?;
        let made = Self::read(path, folder)?;
        made.ok_or_else(|| Failure::new("making the master key", "somebody removed it"))
    }

    /// One that goes with this process.
    pub fn passing(random: &Random) -> Result<Self, Failure> {
        let bytes: [u8; BYTES] = random.bytes()?;
        Ok(Self(Zeroizing::new(bytes.to_vec())))
    }

    /// Seals a secret, and with it what is said of it: no row can stand for another one.
    pub fn seal(
        &self,
        label: Label<'_>,
        secret: &[u8],
        made_at: Timestamp,
        random: &Random,
    ) -> Result<SealedKey, Failure> {
        let nonce = random.bytes()?;
        // In a place of its final size: growing would leave a copy of the secret behind.
        let mut sealed = Zeroizing::new(Vec::with_capacity(secret.len() + AES_256_GCM.tag_len()));
        sealed.extend_from_slice(secret);
        let done = self.cipher().and_then(|it| {
            let nonce = Nonce::assume_unique_for_key(nonce);
            it.seal_in_place_append_tag(nonce, Aad::from(label.bytes(made_at)), &mut *sealed)
        });
        done.map_err(|_| Failure::new("sealing a key", "the cipher refuses it"))?;
        Ok(SealedKey {
            name: label.name.to_owned(),
            purpose: label.purpose,
            algorithm: label.algorithm.to_owned(),
            made_at,
            nonce,
            sealed: sealed.to_vec(),
        })
    }

    /// The secret, if this key sealed it under that name, for that purpose.
    pub fn open(&self, key: &SealedKey) -> Option<Zeroizing<Vec<u8>>> {
        let label = Label {
            name: &key.name,
            purpose: key.purpose,
            algorithm: &key.algorithm,
        };
        let mut secret = Zeroizing::new(key.sealed.clone());
        let nonce = Nonce::assume_unique_for_key(key.nonce);
        let cipher = self.cipher().ok()?;
        let opened = cipher.open_in_place(nonce, Aad::from(label.bytes(key.made_at)), &mut secret);
        let length = opened.ok()?.len();
        secret.truncate(length);
        Some(secret)
    }

    fn cipher(&self) -> Result<LessSafeKey, ring::error::Unspecified> {
        UnboundKey::new(&AES_256_GCM, &self.0).map(LessSafeKey::new)
    }
}

/// What is sealed together with a secret, and with the time at which that was made.
#[derive(Clone, Copy)]
pub struct Label<'a> {
    pub name: &'a str,
    pub purpose: KeyPurpose,
    pub algorithm: &'a str,
}

impl Label<'_> {
    /// Each part is told apart from the next one by its length.
    fn bytes(self, made_at: Timestamp) -> Vec<u8> {
        let parts = [
            "minisass-auth key",
            self.purpose.as_str(),
            self.algorithm,
            self.name,
            &made_at.0.to_string(),
        ];
        let part = |it: &str| [&(it.len() as u64).to_be_bytes()[..], it.as_bytes()].concat();
        parts.map(part).concat()
    }
}
