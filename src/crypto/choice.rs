//! Making the hash of a password that somebody chose, unless it is one of their earlier ones.

use super::cost::Cost;
use super::scrypt::OwnHash;
use super::stored::Stored;
use crate::domain::Password;
use crate::failure::Failure;

/// An imported salt that is shorter is not used again.
const SALT_BYTES: usize = 16;

/// What became of a choice.
pub enum Choice {
    /// It is one of the earlier passwords.
    Used,
    /// Its hash, as a PHC string.
    New(String),
}

/// The hashes of one password: as many as may be made.
pub(super) struct Choosing<'a> {
    password: &'a Password,
    /// How many more may be made.
    left: usize,
    /// Those of our own kind, by salt and cost.
    made: Vec<OwnHash>,
}

impl<'a> Choosing<'a> {
    pub(super) fn new(password: &'a Password, budget: usize) -> Self {
        Self {
            password,
            left: budget,
            made: Vec::new(),
        }
    }

    /// The hash of the password at `cost`, unless it is one of `used`, the likeliest first. All of a
    /// user's passwords have one salt, so that the new hash is compared with all of them at once.
    /// Those with another salt, cost or kind cost a hash each: beyond the budget they are not
    /// compared.
    pub(super) fn run(
        &mut self,
        cost: Cost,
        fresh_salt: &[u8; SALT_BYTES],
        used: &[String],
    ) -> Result<Choice, Failure> {
        let used: Vec<_> = used.iter().filter_map(|it| Stored::parse(it)).collect();
        let salt = used.iter().find_map(|it| salt_of(it, cost));
        let password = self.password.as_bytes();
        let new = OwnHash::make(cost, password, salt.unwrap_or(fresh_salt))?;
        self.left = self.left.saturating_sub(1);
        self.made.push(new.clone());
        let is_used = used.iter().any(|it| self.is_of(it));
        Ok(if is_used {
            Choice::Used
        } else {
            Choice::New(new.to_string())
        })
    }

    /// How many more hashes may be made.
    pub(super) fn left(&self) -> usize {
        self.left
    }

    fn is_of(&mut self, stored: &Stored) -> bool {
        match stored {
            Stored::Own(own) => {
                if self.left > 0 && !self.made.iter().any(|it| it.is_like(own)) {
                    self.left -= 1;
                    self.made.extend(own.of(self.password.as_bytes()));
                }
                let mut alike = self.made.iter().filter(|it| it.is_like(own));
                alike.any(|it| it.is_of_same_password(own))
            }
            Stored::Foreign(foreign) => {
                let spellings = self.password.spellings().take(self.left);
                let (is_right, hashes) = foreign.matches_any(spellings);
                self.left -= hashes;
                is_right
            }
        }
    }
}

fn salt_of(stored: &Stored, cost: Cost) -> Option<&[u8]> {
    match stored {
        Stored::Own(own) if own.cost == cost => Some(own.salt()),
        Stored::Own(_) | Stored::Foreign(_) => None,
    }
    .filter(|salt| salt.len() >= SALT_BYTES)
}
