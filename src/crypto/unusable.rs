//! What people call a stored hash that no login can check. Nothing of the hash itself is shown.

/// The name of its kind.
pub(super) fn kind(stored: &str) -> String {
    if stored.is_empty() || stored.starts_with('!') {
        return "no password".to_owned();
    }
    let is_hexadecimal = stored.bytes().all(|it| it.is_ascii_hexdigit());
    match (is_hexadecimal, stored.len(), stored.split_once('$')) {
        (true, 32, _) => "unsalted_md5".to_owned(),
        (true, 40, _) => "unsalted_sha1".to_owned(),
        (_, _, Some(("md5", rest))) if rest.starts_with('$') => "unsalted_md5".to_owned(),
        (_, _, Some(("sha1", rest))) if rest.starts_with('$') => "unsalted_sha1".to_owned(),
        (_, _, Some(("", rest))) => match rest.split('$').next() {
            Some(name) if is_name(name) => format!("${name}$"),
            _ => "unknown".to_owned(),
        },
        (_, _, Some((name, _))) if is_name(name) => name.to_owned(),
        _ => "unknown".to_owned(),
    }
}

/// Whether it can be the name of a kind, and no part of a hash.
fn is_name(text: &str) -> bool {
    let may_stand = |it: u8| it.is_ascii_lowercase() || it.is_ascii_digit() || b"_-".contains(&it);
    (1..=20).contains(&text.len()) && text.bytes().all(may_stand)
}
