//! The master key that a setting names: the same file on every machine.

use std::path::PathBuf;

use anyhow::anyhow;

use super::secret;
use super::sources::Values;
use crate::crypto::MasterKey;

const KEY: &str = "master_key_file";

pub(super) fn named(values: &Values) -> anyhow::Result<Option<MasterKey>> {
    if values.optional(KEY).is_none() {
        return Ok(None);
    }
    let file = values.file_of(KEY);
    let shown = file.as_ref().map_or_else(
        || "standard input".to_owned(),
        |it: &PathBuf| it.display().to_string(),
    );
    if file
        .as_ref()
        .is_some_and(|it| !it.try_exists().unwrap_or(true))
    {
        return Err(anyhow!(
            "there is no {shown}, which master_key_file names; put your copy of the master key there{}",
            make_one(&shown)
        ));
    }
    let text = secret::named(KEY, values)?;
    let key = MasterKey::parse(text.trim().as_bytes());
    let key = key.map_err(|why| {
        let make_one = file.as_ref().map_or_else(String::new, |_| make_one(&shown));
        anyhow!(
            "the master key in {shown} is none: {why}; put your copy of the master key there{make_one}"
        )
    });
    key.map(Some)
}

fn make_one(shown: &str) -> String {
    format!(
        ", or, if this is a first start or it is lost, make one: (umask 077; openssl rand -base64 32 > \
         {shown}); if it was lost, then run `key rotate --discard-old`"
    )
}
