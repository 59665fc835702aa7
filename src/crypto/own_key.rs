//! Keys that this program makes: 256 random bits, and a mark that follows from them. By the mark it
//! knows later that nobody thought the key up. To find that out from the words that may be in it takes
//! lists of words, 5 MB of memory and half of the time of a start.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::digest::sha256;
use super::random::Random;
use crate::failure::Failure;

const RANDOM: usize = 32;
const MARK: usize = 4;

pub(super) fn make(random: &Random) -> Result<String, Failure> {
    let bytes: [u8; RANDOM] = random.bytes()?;
    Ok(URL_SAFE_NO_PAD.encode([&bytes[..], &mark(&bytes)].concat()))
}

pub(super) fn is_own(key: &[u8]) -> bool {
    random_in(key).is_some()
}

/// The random bits of a key that this program made.
pub(super) fn random_in(key: &[u8]) -> Option<Vec<u8>> {
    let mut bytes = URL_SAFE_NO_PAD.decode(key).ok()?;
    let (random, rest) = bytes.split_at_checked(RANDOM)?;
    if rest != mark(random) {
        return None;
    }
    bytes.truncate(RANDOM);
    Some(bytes)
}

fn mark(random: &[u8]) -> [u8; MARK] {
    let digest = sha256(&[b"a key of minisass-auth: ", random].concat());
    std::array::from_fn(|place| digest[place])
}
