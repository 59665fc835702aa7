//! Keys that anybody can look up.

use base64::Engine;
use base64::alphabet::{STANDARD, URL_SAFE};
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use ring::digest;

/// Keys of texts that people copy from, each below the place where it stands.
const PUBLISHED: &str = include_str!("published_keys.txt");

/// Words whose digest is no secret either, whatever it looks like.
const HASHED: &str = "secret password passwd key test admin root user changeme change-me django \
    minisass jwt token auth hello world foo bar foobar 123 1234 12345 123456 1234567 12345678 \
    123456789 1234567890 qwerty abc abc123 letmein welcome secretkey secret-key secret_key mykey \
    mysecret my-secret my_secret mysecretkey supersecret secret123 password1 password123 example \
    default dev development production 0 1 a x";

/// Also with other marks between the words, with something before and behind, or with the same bytes in
/// other digits.
pub(super) fn is_published(key: &[u8]) -> bool {
    let lines = PUBLISHED.lines().filter(|it| !it.starts_with("# "));
    let published: Vec<&[u8]> = lines.map(str::as_bytes).collect();
    let is_it = |form: &Vec<u8>| {
        let plain = plain(form);
        published
            .iter()
            .any(|it| holds(&plain, it) || forms(it).contains(form))
    };
    forms(key).iter().any(is_it) || is_digest_of_a_word(key)
}

/// In small letters, without what is neither letter nor digit.
fn plain(text: &[u8]) -> Vec<u8> {
    let mut plain = text.to_ascii_lowercase();
    plain.retain(u8::is_ascii_alphanumeric);
    plain
}

fn holds(plain_key: &[u8], published: &[u8]) -> bool {
    let published = plain(published);
    !published.is_empty() && plain_key.windows(published.len()).any(|it| it == published)
}

/// A key and what it says in hexadecimal digits and in base64: some programs use the one, some another.
fn forms(key: &[u8]) -> Vec<Vec<u8>> {
    let once: Vec<Vec<u8>> = [from_hex(key), from_base64(key)]
        .into_iter()
        .flatten()
        .collect();
    let twice: Vec<Vec<u8>> = once.iter().filter_map(|it| decoded(it)).collect();
    [vec![key.to_vec()], once, twice].concat()
}

/// Whether it is a SHA of nothing or of one of the words, in hexadecimal digits or in base64.
fn is_digest_of_a_word(key: &[u8]) -> bool {
    let Some(bytes) = decoded(key) else {
        return false;
    };
    let kinds = [
        &digest::SHA1_FOR_LEGACY_USE_ONLY,
        &digest::SHA256,
        &digest::SHA384,
        &digest::SHA512,
    ];
    let kinds = kinds.iter().filter(|it| it.output_len() == bytes.len());
    let mut kinds = kinds.peekable();
    if kinds.peek().is_none() {
        return false;
    }
    let words = || HASHED.split_whitespace().chain([""]);
    kinds.any(|kind| {
        let is_of = |text: &str| digest::digest(kind, text.as_bytes()).as_ref() == bytes;
        // Of `echo` there is a line break too.
        words().any(|it| is_of(it) || is_of(&format!("{it}\n")))
    })
}

/// The bytes that a key says in hexadecimal digits or in base64, if it does.
pub(super) fn decoded(key: &[u8]) -> Option<Vec<u8>> {
    from_hex(key).or_else(|| from_base64(key))
}

fn from_hex(key: &[u8]) -> Option<Vec<u8>> {
    let text = std::str::from_utf8(key).ok()?;
    let is_hex = text.len() % 2 == 0 && text.bytes().all(|b| b.is_ascii_hexdigit());
    let pairs = (0..text.len()).step_by(2).filter(|_| is_hex);
    let bytes = pairs.map(|at| u8::from_str_radix(&text[at..at + 2], 16).ok());
    bytes.collect::<Option<Vec<u8>>>().filter(|_| is_hex)
}

/// In either alphabet, with or without padding, and with the last bits that some programs leave there.
fn from_base64(key: &[u8]) -> Option<Vec<u8>> {
    let rules = GeneralPurposeConfig::new()
        .with_decode_allow_trailing_bits(true)
        .with_decode_padding_mode(DecodePaddingMode::Indifferent);
    let engines = [&STANDARD, &URL_SAFE].map(|it| GeneralPurpose::new(it, rules));
    engines.iter().find_map(|it| it.decode(key).ok())
}
