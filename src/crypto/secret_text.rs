//! The secret of another service, as somebody copied it out of that service's settings.

/// What a text is instead of a secret alone.
#[derive(Debug, thiserror::Error)]
pub enum NotASecret {
    #[error("this is a line of a shell script (export …)")]
    Export,
    #[error("this is a line of a settings file ({0}=…)")]
    Setting(String),
    #[error("this stands in quotes")]
    Quoted,
    #[error("these are several lines")]
    Lines,
}

/// The secret alone, without the white space and the byte order mark around it.
pub(crate) fn secret_of(text: &str) -> Result<&str, NotASecret> {
    let secret = text.trim_start_matches('\u{feff}').trim_ascii();
    if secret.contains(['\n', '\r']) {
        return Err(NotASecret::Lines);
    }
    if secret.starts_with("export ") {
        return Err(NotASecret::Export);
    }
    if let Some(name) = setting_of(secret) {
        return Err(NotASecret::Setting(name.to_owned()));
    }
    let is_quoted = |mark: char| {
        let inner = secret.strip_prefix(mark);
        inner.is_some_and(|it| it.ends_with(mark))
    };
    if ['\'', '"', '`'].into_iter().any(is_quoted) {
        return Err(NotASecret::Quoted);
    }
    Ok(secret)
}

/// The name before an equals sign, if it is one that settings have. A key may hold an equals sign
/// too: Django's have no capitals, and in base64 nothing comes after it.
fn setting_of(secret: &str) -> Option<&str> {
    let (name, value) = secret.split_once('=')?;
    let name = name.trim_end();
    let is_word = name.starts_with(|c: char| c.is_ascii_alphabetic())
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
    let has_capitals = !name.bytes().any(|b| b.is_ascii_lowercase());
    let lower = name.to_ascii_lowercase();
    let says_key = lower.contains("secret") || lower.contains("_key");
    let has_value = !value.trim_matches('=').is_empty();
    (is_word && has_value && (has_capitals || says_key)).then_some(name)
}
