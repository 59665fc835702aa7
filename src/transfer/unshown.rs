//! What is said of a file that does not fit, without what may be a secret in it: somebody's hash may stand
//! in the wrong column.

use serde_json::error::Category;

/// No number, time, name of a version or word for yes or no is as long.
const LONGEST: usize = 32;

/// A value in quotation marks, if it can be no hash.
pub(super) fn quoted(value: &str) -> String {
    if value.len() >= LONGEST || value.contains('$') {
        "what stands there".to_owned()
    } else {
        format!("{value:?}")
    }
}

/// A name or an address as it stands in the file, unless it is a hash.
pub(super) fn named(name: &str) -> String {
    let is_hash = name.len() >= LONGEST && name.contains('$');
    if is_hash {
        String::new()
    } else {
        name.to_owned()
    }
}

/// What serde says of JSON that does not fit: the kind of the value that it found, and not the value, as in
/// `invalid type: string "…", expected a boolean at line 1 column 20`. Every text here is a single line.
pub(super) fn misfit(err: &serde_json::Error) -> anyhow::Error {
    let said = err.to_string().replace(" at line 1 column ", " at column ");
    if said.starts_with("invalid unicode code point") {
        return anyhow::Error::msg(
            "it is not UTF-8; make it that, such as by: iconv -f WINDOWS-1252 -t UTF-8",
        );
    }
    match err.classify() {
        Category::Eof => return anyhow::Error::msg("its JSON breaks off"),
        Category::Syntax => return anyhow::anyhow!("its JSON cannot be read: {said}"),
        Category::Io | Category::Data => {}
    }
    let parts = said.rsplit_once(", expected ");
    anyhow::Error::msg(match parts.filter(|it| it.0.starts_with("invalid ")) {
        Some((found, expected)) => {
            let found = found.split(['"', '`']).next().unwrap_or_default();
            format!("{}, expected {expected}", found.trim_end())
        }
        None => said,
    })
}
