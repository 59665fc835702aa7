//! Keys that anybody can look up.

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use ring::digest;

/// Keys of texts that people copy from, without what is neither letter nor digit and in small
/// letters.
const PUBLISHED: [&str; 26] = [
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
    // Tutorials of ASP.NET.
    "thisisusedtosignandverifyjwttokens",
    "thisismycustomsecretkey",
    // What people type who need a long text.
    "loremipsumdolorsitamet",
    "thequickbrownfoxjumpsover",
    // MD5 of nothing, and of the first words that come to mind: `secret`, `password`, `test`,
    // `admin`, `123456`, `hello` and `key`.
    "d41d8cd98f00b204e9800998ecf8427e",
    "5ebe2294ecd0e0f08eab7690d2a6ee69",
    "5f4dcc3b5aa765d61d8327deb882cf99",
    "098f6bcd4621d373cade4e832627b4f6",
    "21232f297a57a5a743894a0e4a801fc3",
    "e10adc3949ba59abbe56e057f20f883e",
    "5d41402abc4b2a76b9719d911017c592",
    "3c6e0b8a9c15224a8228b9a98ca1531d",
];

/// Words whose digest is no secret either, whatever it looks like.
const HASHED: &str = "secret password passwd key test admin root user changeme change-me django \
    minisass jwt token auth hello world foo bar foobar 123 1234 12345 123456 1234567 12345678 \
    123456789 1234567890 qwerty abc abc123 letmein welcome secretkey secret-key secret_key mykey \
    mysecret my-secret my_secret mysecretkey supersecret secret123 password1 password123 example \
    default dev development production 0 1 a x";

/// Also with other marks between the words, or with something before and behind.
pub(super) fn is_published(key: &[u8]) -> bool {
    let mut plain = key.to_ascii_lowercase();
    plain.retain(u8::is_ascii_alphanumeric);
    let holds = |published: &str| {
        let published = published.as_bytes();
        plain.windows(published.len()).any(|it| it == published)
    };
    PUBLISHED.iter().any(|it| holds(it)) || is_digest_of_a_word(key)
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
    let text = std::str::from_utf8(key).ok()?;
    let is_hex = text.len() % 2 == 0 && text.bytes().all(|b| b.is_ascii_hexdigit());
    if is_hex {
        let pairs = (0..text.len()).step_by(2);
        return pairs
            .map(|at| u8::from_str_radix(&text[at..at + 2], 16).ok())
            .collect();
    }
    let engines = [&STANDARD, &STANDARD_NO_PAD, &URL_SAFE_NO_PAD];
    engines.iter().find_map(|it| it.decode(text).ok())
}
