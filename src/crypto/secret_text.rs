//! The secret of another service, as somebody copied it out of that service's settings.

use crate::domain::StandIn;

/// What a text is instead of a secret alone.
#[derive(Debug, thiserror::Error)]
pub enum NotASecret {
    #[error("this is a line of a shell script (export …); give the secret alone")]
    Export,
    #[error("this is a line of a settings file ({0}…); give the secret alone")]
    Setting(String),
    #[error("this is a piece of a program ({0}…); give the secret alone")]
    Program(String),
    #[error("{0}; give the secret alone")]
    StandIn(StandIn),
    #[error("this is {0}, which others can read; give the secret that signs the tokens")]
    Published(&'static str),
    #[error("this stands in quotes; give the secret alone")]
    Quoted,
    #[error("there is a comment behind it; give the secret alone")]
    Comment,
    #[error("these are several lines; give the secret alone")]
    Lines,
    #[error("there are characters in it that cannot be seen; give the secret alone")]
    Invisible,
}

/// What texts in programs stand between, straight or as word processors draw it.
const QUOTES: [char; 13] = [
    '\'', '"', '`', '“', '”', '„', '‟', '‘', '’', '‚', '‛', '«', '»',
];

/// The secret alone, without the white space and the byte order mark around it.
pub(crate) fn secret_of(text: &str) -> Result<&str, NotASecret> {
    let secret = text.trim_start_matches('\u{feff}').trim();
    if let Some(other) = StandIn::of(secret) {
        return Err(NotASecret::StandIn(other));
    }
    if secret.contains(['\n', '\r']) {
        return Err(NotASecret::Lines);
    }
    if secret.starts_with("export ") {
        return Err(NotASecret::Export);
    }
    if let Some(kind) = published_kind(secret) {
        return Err(NotASecret::Published(kind));
    }
    if let Some(name) = setting_of(secret) {
        return Err(NotASecret::Setting(name));
    }
    if let Some(start) = start_of_program(secret) {
        return Err(NotASecret::Program(start.to_owned()));
    }
    if is_reference(secret) {
        return Err(NotASecret::StandIn(StandIn::Place));
    }
    if is_quoted(secret) {
        return Err(NotASecret::Quoted);
    }
    if [" #", " //", "\t#", "\t//"]
        .iter()
        .any(|it| secret.contains(it))
    {
        return Err(NotASecret::Comment);
    }
    // A key that somebody can type has none of these, and a copy from a page may.
    let is_seen = |c: char| c == ' ' || !c.is_control() && !c.is_whitespace() && !is_format(c);
    if !secret.chars().all(is_seen) {
        return Err(NotASecret::Invisible);
    }
    Ok(secret)
}

/// What a text is that goes around in the open: whoever has seen it could sign tokens with it.
fn published_kind(text: &str) -> Option<&'static str> {
    let lower = text.to_ascii_lowercase();
    let starts = |beginnings: &[&str]| beginnings.iter().any(|it| lower.starts_with(it));
    let token = lower.trim_start_matches("authorization:").trim_start();
    let token = token.trim_start_matches("bearer").trim_start();
    // `{"` in base64: the header of a token.
    if token.starts_with("eyj") && token.split('.').count() == 3 {
        return Some("a token");
    }
    if starts(&["authorization:", "bearer ", "basic "]) {
        return Some("a header of a request");
    }
    if starts(&["ssh-", "ecdsa-sha2-", "sk-ssh-", "age1"]) {
        return Some("a public key");
    }
    if lower
        .split_once("://")
        .is_some_and(|(scheme, _)| scheme.chars().all(|c| c.is_ascii_alphabetic()))
    {
        return Some("a web address");
    }
    let hashes = [
        "$scrypt$",
        "$argon2",
        "$2a$",
        "$2b$",
        "$2y$",
        "$5$",
        "$6$",
        "scrypt$",
        "argon2$",
        "bcrypt$",
        "bcrypt_sha256$",
        "pbkdf2_",
        "md5$",
        "sha1$",
        "sha256:",
        "sha256-",
        "sha512:",
        "sha512-",
    ];
    starts(&hashes).then_some("a hash")
}

/// Characters without a width: joiners, marks of direction, byte order marks in the middle.
fn is_format(c: char) -> bool {
    matches!(c, '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}

/// The name before an equals sign or a colon, with that, if it is one that settings have. A key may hold these
/// too: Django's have no capitals, and in base64 nothing comes after an equals sign.
fn setting_of(secret: &str) -> Option<String> {
    let place = secret.find(['=', ':'])?;
    let (before, after) = secret.split_at(place);
    let name = before.trim_start_matches(['{', ' ', ',']).trim_end();
    let bare = name.trim_matches(QUOTES);
    let is_word = bare.starts_with(|c: char| c.is_ascii_alphabetic())
        && bare
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b"_-.".contains(&b));
    let lower = bare.to_ascii_lowercase();
    let says_key = lower.contains("secret") || lower.contains("key");
    let has_value = !after.trim_matches(['=', ':', ' ']).is_empty();
    let is_setting = if after.starts_with('=') {
        !bare.bytes().any(|b| b.is_ascii_lowercase())
            || lower.contains("secret")
            || lower.contains("_key")
    } else {
        says_key || bare != name
    };
    let sign = &after[..1];
    (is_word && has_value && is_setting).then(|| format!("{bare}{sign}"))
}

/// The beginning of a call that looks a setting up, or of an object in braces.
fn start_of_program(secret: &str) -> Option<&str> {
    let lower = secret.to_ascii_lowercase();
    if [
        "os.",
        "env(",
        "env.",
        "getenv(",
        "config(",
        "define(",
        "process.env",
        "environ",
    ]
    .iter()
    .any(|it| lower.starts_with(it))
    {
        return secret.split(['(', '[', '\'', '"']).next();
    }
    let is_object = secret.starts_with(['{', '[', '(']) && secret.ends_with(['}', ']', ')']);
    (is_object && secret.contains(QUOTES)).then(|| &secret[..1])
}

/// A name in the marks that templates and shells have for what they put in, or the path of a file. Keys of
/// Django have no slash, and those in base64 have capitals.
fn is_reference(secret: &str) -> bool {
    let marks = [
        ("${", "}"),
        ("$(", ")"),
        ("{{", "}}"),
        ("<", ">"),
        ("%", "%"),
    ];
    let within = marks.iter().find_map(|(before, after)| {
        secret
            .strip_prefix(before)
            .and_then(|it| it.strip_suffix(after))
    });
    let is_name = |b: u8| b.is_ascii_alphanumeric() || b" _-./:".contains(&b);
    let is_path = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b"_-./".contains(&b);
    within.is_some_and(|it| it.bytes().all(is_name))
        || secret.starts_with('/') && secret.bytes().all(is_path)
}

/// Also with the letters before it that Python has, and with a comma behind it.
fn is_quoted(secret: &str) -> bool {
    let inner = secret.trim_end_matches([',', ';', ' ']);
    let letters = inner
        .bytes()
        .take_while(|b| b"rbfuRBFU".contains(b))
        .count();
    let text = inner.get(letters.min(2)..).unwrap_or_default();
    [inner, text].iter().any(|it| {
        let first = it.chars().next().filter(|c| QUOTES.contains(c));
        let last = it.chars().next_back().filter(|c| QUOTES.contains(c));
        match (first, last) {
            (Some(first), Some(last)) if it.chars().count() > 1 => {
                first == last || !(first.is_ascii() || last.is_ascii())
            }
            // No keyboard has these for a key.
            (first, last) => [first, last].into_iter().flatten().any(|c| !c.is_ascii()),
        }
    })
}
