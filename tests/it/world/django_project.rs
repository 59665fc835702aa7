//! Django projects of three kinds, each dumped in six ways by `tests/world/django/make.py`.

use std::process::Command;

use serde_json::Value;
use tempfile::TempDir;

use super::{file, python};
use crate::server::{PASSWORD, run};

/// A project with ada, who is staff, bo, who is not active, and cy, all with [`PASSWORD`].
pub struct Project {
    folder: TempDir,
    /// `users`: their keys by name; of `jwt`, `tokens` of cy: `access`, and two refresh tokens,
    /// `good` and `blacklisted`.
    pub facts: Value,
}

impl Project {
    /// What signs the tokens.
    pub const SECRET_KEY: &str = "7w$+x0(q2^n!c=#r8@k5%z&h3*m_b1)v9-pf4jd6sgty";

    /// `plain`, `uuid` or `jwt`.
    #[track_caller]
    pub fn make(kind: &str) -> Option<Self> {
        let folder = tempfile::tempdir().expect("a folder");
        let mut maker = Command::new(python()?);
        // Nothing compiled is left beside the sources.
        maker.arg("-B").arg(file("django/make.py"));
        maker.args([kind, Self::SECRET_KEY, PASSWORD]);
        let facts = run(maker.current_dir(folder.path()), "").json();
        Some(Self { folder, facts })
    }

    /// `dump.json`, `indented.json`, `dump.jsonl`, `dump.json.gz`, `natural-foreign.json`,
    /// `natural.json`, or `app-LABEL.json` of one app.
    pub fn dump(&self, name: &str) -> String {
        self.folder.path().join(name).display().to_string()
    }
}
