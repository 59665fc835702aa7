//! The settings as `config show` prints them.

use serde::Serialize;
use serde_json::Value;

use super::list::{SETTINGS, Setting};
use super::listen::Listen;
use super::sources::{Source, Values};
use crate::domain::WebUrl;
use crate::mail::{Hello, SmtpServer};
use crate::store::Location;

/// A setting as it is printed. The names are stable.
#[derive(Serialize)]
pub(crate) struct Shown {
    key: &'static str,
    /// A number or a truth value where the setting is one.
    value: Value,
    source: Source,
}

impl Values {
    /// Every setting as it works, the wrong ones as they were written, without a password.
    pub(crate) fn shown(&self) -> Vec<Shown> {
        let shown = |key| match (self.optional(key), self.computed(key)) {
            (None, Some(computed)) => Shown {
                key,
                value: typed(key, &computed),
                source: Source::Default,
            },
            (text, _) => Shown {
                key,
                value: text.map_or(Value::Null, |it| typed(key, &without_password(key, &it))),
                source: self.source(key),
            },
        };
        SETTINGS.iter().map(|it| shown(it.key)).collect()
    }

    fn loopback_url(&self) -> Option<WebUrl> {
        self.parse::<Listen>("listen").ok()?.loopback_url()
    }

    /// The public URL, set or made up.
    fn known_url(&self) -> Option<WebUrl> {
        let set = self.url("public_url").ok()?;
        set.or_else(|| self.loopback_url())
    }

    /// A default that depends on other settings or on the machine.
    fn computed(&self, key: &str) -> Option<String> {
        let format = |is_json| if is_json { "json" } else { "text" };
        match key {
            "database" => Some(self.database().to_string()),
            "public_url" => self.loopback_url().map(|it| it.to_string()),
            "issuer" => Some(self.known_url()?.to_string()),
            "smtp_hello" => Some(Hello::of(&self.known_url()?).to_string()),
            "hash_threads" => Some(self.hash_threads().ok()?.to_string()),
            "log_format" => Some(format(self.json_log().ok()?).to_owned()),
            _ => None,
        }
    }
}

/// What is wrong stays as it was written.
fn typed(key: &str, text: &str) -> Value {
    let setting = SETTINGS.iter().find(|it| it.key == key);
    let is = |what: fn(&Setting) -> bool| setting.is_some_and(what);
    let number = || text.parse::<u64>().ok().filter(|_| is(Setting::is_number));
    let truth = || text.parse::<bool>().ok().filter(|_| is(Setting::is_truth));
    number()
        .map(Value::from)
        .or_else(|| truth().map(Value::from))
        .unwrap_or_else(|| text.into())
}

fn without_password(key: &str, text: &str) -> String {
    match key {
        "smtp_url" => SmtpServer::without_password(text)
            .unwrap_or_else(|_| "(not shown, because it is wrong)".to_owned()),
        "database" => Location::parse(text).map_or_else(
            |_| "(not shown, because it is wrong)".to_owned(),
            |it| it.to_string(),
        ),
        _ => WebUrl::without_login(text),
    }
}
