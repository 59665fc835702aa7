//! Why a text is too weak to sign tokens with: too short, published, repeated, or without variety.

use std::collections::{HashMap, HashSet};

/// HS256 needs as many bits as its hash has (RFC 7518, section 3.2).
const LEAST_BYTES: usize = 32;

/// Each of 32 random hexadecimal digits adds 4 bits at best, and 3.5 as they fall.
const LEAST_BITS: f64 = 90.0;

/// What is judged of a longer key. In a very long one of few different characters, short blocks come
/// back by chance.
const JUDGED: usize = 256;

/// Django puts it before the keys that it makes for development.
const FOR_DEVELOPMENT: &[u8] = b"django-insecure-";

/// Keys that anybody can look up, without what is neither letter nor digit and in small letters. All
/// are those of texts that people copy from.
const PUBLISHED: [&str; 14] = [
    // The debugger at jwt.io, before 2025 and since.
    "your256bitsecret",
    "your384bitsecret",
    "your512bitsecret",
    "astringsecretatleast256bitslong",
    "avalidstringsecretthatisatleast384bitslong",
    "avalidstringsecretthatisatleast512bitslong",
    // RFC 7515, appendix A.1, and RFC 7520, section 3.5.
    "aym1sysppbydfgzld3umj1qzkobwvmkoqqestjqlrt1qs0gzh75aktmn3yj0ips4hcguutwjazzr1z9caow",
    "hjtxiz2usn5kbqfbttnwbpdmhkv8fjgonbc6mxccyg",
    // FastAPI, "OAuth2 with password, bearer with JWT tokens".
    "09d25e094faa6ca2556c818166b7a9563b93f7099f6f0f4caa6cf63b88e8d3e7",
    // Supabase, for a local installation.
    "supersecretjwttokenwithatleast32characterslong",
    // PostgREST, in its own tests.
    "reallyreallyreallyreallyverysafe",
    // Hasura, "JWT configuration".
    "3ek6fdo0c7tzbnvfjpmkndi2yaraakzqlk8o2ikoxqu4nf7edah8s3twphwrdwt6r",
    // Tutorials of Spring Security.
    "404e635266556a586e3272357538782f413f4428472b4b6250645367566b5970",
    "9a02115a835ee03d5fb83cd8a468ea33e4090aaaec87f53c9fa54512bbef4db8",
];

/// What is wrong with a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Weakness {
    #[error("it is shorter than 32 characters")]
    Short,
    #[error("it is published as an example, and everybody can look it up")]
    Published,
    #[error("it repeats a part of itself")]
    Repeats,
    #[error("it has too little variety, and can be guessed")]
    Monotonous,
    /// Nothing else is wrong with it.
    #[error("Django made it for development (django-insecure-), so it may stand in a repository")]
    ForDevelopment,
}

/// What is wrong with a key, if anything is.
pub(crate) fn weakness(key: &[u8]) -> Option<Weakness> {
    let judged = &key[..key.len().min(JUDGED)];
    if key.len() < LEAST_BYTES {
        Some(Weakness::Short)
    } else if is_published(key) {
        Some(Weakness::Published)
    } else if repeats(judged) {
        Some(Weakness::Repeats)
    } else if bits(judged) < LEAST_BITS || bits(&steps(judged)) < LEAST_BITS {
        Some(Weakness::Monotonous)
    } else {
        let rest = key.strip_prefix(FOR_DEVELOPMENT)?;
        Some(weakness(rest).unwrap_or(Weakness::ForDevelopment))
    }
}

/// Also with other marks between the words, or with something before and behind.
fn is_published(key: &[u8]) -> bool {
    let mut plain = key.to_ascii_lowercase();
    plain.retain(u8::is_ascii_alphanumeric);
    let holds = |published: &str| {
        let published = published.as_bytes();
        plain.windows(published.len()).any(|it| it == published)
    };
    PUBLISHED.iter().any(|it| holds(it))
}

/// Whether more than a quarter of all places look like an earlier one: three bytes that were there
/// before. Of a random key hardly any does.
fn repeats(key: &[u8]) -> bool {
    let different: HashSet<&[u8]> = key.windows(3).collect();
    different.len() * 4 < key.windows(3).len() * 3
}

/// From each byte to the next one: in `abcdef…` all are the same.
fn steps(key: &[u8]) -> Vec<u8> {
    let pairs = key.iter().zip(key.iter().skip(1));
    pairs.map(|(it, next)| next.wrapping_sub(*it)).collect()
}

/// The entropy of the bytes, if each were drawn by itself (Shannon).
fn bits(bytes: &[u8]) -> f64 {
    let mut counts: HashMap<u8, u32> = HashMap::new();
    for byte in bytes {
        *counts.entry(*byte).or_default() += 1;
    }
    let all = f64::from(u32::try_from(bytes.len()).unwrap_or(u32::MAX));
    let of = |count: u32| f64::from(count) * (all / f64::from(count)).log2();
    counts.into_values().map(of).sum()
}
