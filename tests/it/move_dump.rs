//! Dumps of Django written by hand, for what a real project does not have.

use serde_json::{Value, json};

use crate::server::{Outcome, Site};

/// Of [`crate::server::PASSWORD`], as cheap as can be.
pub const HASH: &str = "pbkdf2_sha256$1$salt$16ooqREHNgwAegV/oPCcDMhe3m7exij4DRHWVz0xtaI=";

/// A row of a user.
pub fn person(pk: i64, name: &str, email: &str, hash: &str) -> Value {
    let fields = json!({"username": name, "email": email, "password": hash, "is_active": true});
    json!({"model": "auth.user", "pk": pk, "fields": fields})
}

/// A dump with a user for each of these, from number 101 on: name, address, hash.
pub fn dump(users: &[(&str, &str, &str)]) -> String {
    let rows = users.iter().zip(101..);
    Value::from_iter(rows.map(|((name, email, hash), pk)| person(pk, name, email, hash)))
        .to_string()
}

/// Imports a file of that text.
pub fn import(site: &Site, text: impl AsRef<[u8]>, more: &[&str]) -> Outcome {
    let file = site.path("dump.json");
    std::fs::write(&file, text).expect("a dump");
    import_file(site, &file.display().to_string(), more)
}

pub fn import_file(site: &Site, file: &str, more: &[&str]) -> Outcome {
    let import = [
        "--format", "json", "user", "import", "--from", "django", file,
    ];
    site.run(&[&import[..], more].concat())
}

/// What an import said on standard output, however it ended.
pub fn summary(said: &Outcome) -> Value {
    serde_json::from_str(&said.out).unwrap_or_else(|_| panic!("no summary: {said:?}"))
}
