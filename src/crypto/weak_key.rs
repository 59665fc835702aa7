//! Why a text is too weak to sign tokens with: too short, published, repeated, without variety, or
//! made of what people think of first.

use std::collections::{HashMap, HashSet};

use super::own_key::is_own;
use super::published_key::{decoded, is_published};

/// HS256 needs as many bits as its hash has (RFC 7518, section 3.2).
const LEAST_BYTES: usize = 32;

/// Each of 32 random hexadecimal digits adds 4 bits at best, and 3.5 as they fall.
const LEAST_BITS: f64 = 90.0;

/// What is judged of a longer key. In a very long one of few different characters, short blocks come
/// back by chance.
const JUDGED: usize = 256;

/// Django puts it before the keys that it makes for development.
const FOR_DEVELOPMENT: &[u8] = b"django-insecure-";

/// Whoever tries the likeliest keys first comes to a random one later than this: so many decimal
/// digits has the number of tries.
const LEAST_DIGITS: f64 = 20.0;

/// What zxcvbn judges at once: it counts to 64 bits.
const PIECE: usize = 16;

/// What is judged at once where words may follow each other without a mark; few are longer.
const WORD: usize = 12;

/// What is more behind the words of a key is no end of them.
const LONGEST_REST: usize = 8;

/// What stands between the words of a text that somebody wrote.
const BETWEEN_WORDS: &str = " -_.,:;!?'";

/// What people write in the place of a key, beside the words that zxcvbn knows.
const PLACEHOLDERS: &str = "secret key jwt token tokens password change changeme replace example sign \
    signed signing your own default production authentication auth django insecure super random \
    string custom here please test testing development dev private hs256 must least characters long \
    strong safe server session cookie app application insert generate this that for the with use \
    used using only never should value minisass";

/// The order in which that site counts.
const COUNTED: &[u8] = b"abcdefghjkmnpqrstuvwxyzABCDEFGHJKMNPQRSTUVWXYZ23456789";

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
    #[error("it is made of words or patterns, and can be guessed")]
    Guessable,
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
    } else if !is_own(key) && is_guessable(judged) {
        Some(Weakness::Guessable)
    } else {
        let rest = key.strip_prefix(FOR_DEVELOPMENT)?;
        Some(weakness(rest).unwrap_or(Weakness::ForDevelopment))
    }
}

/// Whether the words and patterns in it leave few tries: in the key, or in what it says in hexadecimal
/// digits or in base64.
fn is_guessable(key: &[u8]) -> bool {
    let is_soon = |it: &[u8]| is_counted(it) || is_soon_guessed(it);
    is_soon(key) || decoded(key).is_some_and(|it| is_even(&it) || is_soon(&it))
}

/// Whether every other character is three behind the one before, as in `5v8y/B?D(G+KbPeShVmYq3t6w9z$C&F)`:
/// a site that makes keys for tutorials counts like this.
fn is_counted(key: &[u8]) -> bool {
    let place = |byte: &u8| COUNTED.iter().position(|it| it == byte);
    let pairs = key.iter().zip(key.iter().skip(2));
    let steps = pairs.filter_map(|(it, next)| {
        let ahead = COUNTED.len() + place(next)? - place(it)?;
        Some(ahead % COUNTED.len())
    });
    let steps: Vec<usize> = steps.collect();
    let counted = steps.iter().filter(|it| (2..=4).contains(*it)).count();
    steps.len() * 4 > key.len() && counted * 2 > steps.len()
}

/// Of bytes that are no text zxcvbn says nothing.
fn is_soon_guessed(key: &[u8]) -> bool {
    let text = std::str::from_utf8(key).ok();
    let text = text.filter(|it| it.bytes().all(|b| b == b' ' || b.is_ascii_graphic()));
    text.is_some_and(|it| digits([it]).min(digits(words(it))) < LEAST_DIGITS)
}

/// The parts of what somebody wrote; the whole of anything else.
fn words(text: &str) -> Vec<&str> {
    let is_mark = |c: char| !c.is_ascii_alphanumeric();
    let mut marks = text.chars().filter(|c| is_mark(*c));
    if marks.all(|c| BETWEEN_WORDS.contains(c)) {
        text.split(is_mark).flat_map(glued_words).collect()
    } else {
        glued_words(text)
    }
}

/// The words of letters that follow each other without a mark: a capital behind a small letter begins one.
fn glued_words(text: &str) -> Vec<&str> {
    // A year, say, and a mark stand behind the words of many.
    let letters = text.trim_end_matches(|c: char| !c.is_ascii_alphabetic());
    let rest = &text[letters.len()..];
    if rest.len() > LONGEST_REST || !letters.bytes().all(|b| b.is_ascii_alphabetic()) {
        return vec![text];
    }
    let bytes = letters.as_bytes();
    let mut words = Vec::new();
    let mut start = 0;
    for place in 1..bytes.len() {
        if bytes[place].is_ascii_uppercase() && bytes[place - 1].is_ascii_lowercase() {
            words.push(&letters[start..place]);
            start = place;
        }
    }
    words.extend([&letters[start..], rest]);
    words
}

/// How many decimal digits the number of tries has until these ASCII texts are guessed one after the
/// other.
fn digits<'a>(texts: impl IntoIterator<Item = &'a str>) -> f64 {
    let known: Vec<&str> = PLACEHOLDERS.split_whitespace().collect();
    let digits_of = |piece: &str| zxcvbn::zxcvbn(piece, &known).guesses_log10().max(0.0);
    let digits_of_all = |text: &str| {
        let pieces = text.as_bytes().chunks(PIECE);
        let pieces = pieces.filter_map(|it| std::str::from_utf8(it).ok());
        let digits: f64 = pieces.map(digits_of).sum();
        if digits >= LEAST_DIGITS && is_of_one_case(text) {
            digits_where_cut_best(text, digits_of)
        } else {
            digits
        }
    };
    texts.into_iter().map(digits_of_all).sum()
}

/// Whether it may be words without marks between them: a random key has letters of both cases, or
/// digits.
fn is_of_one_case(text: &str) -> bool {
    let count = |is: fn(&u8) -> bool| text.bytes().filter(is).count();
    let most = count(u8::is_ascii_lowercase).max(count(u8::is_ascii_uppercase));
    most * 4 >= text.len() * 3
}

/// The digits of an ASCII text that is cut where the fewest come out, or [`LEAST_DIGITS`] if there are
/// that many.
fn digits_where_cut_best(text: &str, digits_of: impl Fn(&str) -> f64) -> f64 {
    // Of the text up to each place.
    let mut least = vec![0.0];
    for end in 1..=text.len() {
        let start = end.saturating_sub(WORD);
        let cuts = (start..end).map(|at| least[at] + digits_of(&text[at..end]));
        least.push(cuts.fold(f64::INFINITY, f64::min));
        // No piece leads past all of these.
        if least[start..].iter().all(|it| *it >= LEAST_DIGITS) {
            break;
        }
    }
    least.last().copied().unwrap_or_default()
}

/// Whether most bytes are as far from the one before as others are: `000102…` in hexadecimal digits.
fn is_even(bytes: &[u8]) -> bool {
    let steps = steps(bytes);
    let different: HashSet<&u8> = steps.iter().collect();
    different.len() * 2 < steps.len()
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
