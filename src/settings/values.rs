//! From the text of a setting to its value.

use std::fmt;
use std::io::{self, IsTerminal};
use std::net::IpAddr;
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use ipnet::IpNet;

use super::list::{RESERVED, SETTINGS, wrong};
use super::sources::Values;
use crate::domain::{Email, WebUrl};

/// What the texts mean.
impl Values {
    /// The data folder; an empty path is refused by [`Values::text`].
    pub(crate) fn data_dir(&self) -> PathBuf {
        self.optional("data_dir").unwrap_or_default().into()
    }

    pub(crate) fn text(&self, key: &'static str) -> anyhow::Result<String> {
        self.optional(key).ok_or_else(|| wrong(key, "it is empty"))
    }

    pub(crate) fn parse<T: FromStr<Err: fmt::Display>>(
        &self,
        key: &'static str,
    ) -> anyhow::Result<T> {
        self.text(key)?.parse().map_err(|err| wrong(key, err))
    }

    pub(crate) fn parse_optional<T: FromStr<Err: fmt::Display>>(
        &self,
        key: &'static str,
    ) -> anyhow::Result<Option<T>> {
        self.optional(key).map(|_| self.parse(key)).transpose()
    }

    pub(crate) fn number(
        &self,
        key: &'static str,
        range: RangeInclusive<usize>,
    ) -> anyhow::Result<usize> {
        let number = self.text(key)?.parse().ok();
        number.filter(|it| range.contains(it)).ok_or_else(|| {
            let (least, most) = (range.start(), range.end());
            wrong(
                key,
                format!("it must be a whole number between {least} and {most}"),
            )
        })
    }

    pub(crate) fn hash_threads(&self) -> anyhow::Result<usize> {
        match self.optional("hash_threads") {
            Some(_) => self.number("hash_threads", 1..=1024),
            None => Ok(std::thread::available_parallelism().map_or(1, usize::from)),
        }
    }

    pub(crate) fn duration(&self, key: &'static str) -> anyhow::Result<Duration> {
        let duration = duration(&self.text(key)?).map_err(|err| wrong(key, err))?;
        // Tokens count whole seconds, and a century is a mistake.
        if !(1..=100 * 365 * 86_400).contains(&duration.as_secs()) {
            return Err(wrong(
                key,
                "it must lie between a second and a hundred years",
            ));
        }
        Ok(duration)
    }

    pub(crate) fn truth(&self, key: &'static str) -> anyhow::Result<bool> {
        let truth = self.text(key)?.parse().ok();
        truth.ok_or_else(|| wrong(key, "it must be true or false"))
    }

    /// For how long something stays that would grow for ever.
    pub(crate) fn keep(&self, key: &'static str) -> anyhow::Result<Duration> {
        let keep = self.duration(key)?;
        if keep < Duration::from_secs(86_400) {
            return Err(wrong(key, "it must be a day or more"));
        }
        Ok(keep)
    }

    /// As often as the server looks, and not more.
    pub(crate) fn backup_every(&self) -> anyhow::Result<Option<Duration>> {
        let key = "backup_every";
        let limited = self.optional(key).filter(|it| it != "never");
        let every = limited.map(|_| self.duration(key)).transpose()?;
        if every.is_some_and(|it| it < Duration::from_secs(600)) {
            return Err(wrong(key, "it must be 10 minutes or more"));
        }
        Ok(every)
    }

    pub(crate) fn audit_keep(&self) -> anyhow::Result<Option<Duration>> {
        let key = "audit_keep";
        let limited = self.optional(key).filter(|it| it != "never");
        limited.map(|_| self.keep(key)).transpose()
    }

    /// A mode of a file, in octal digits.
    pub(crate) fn mode(&self, key: &'static str) -> anyhow::Result<u32> {
        let text = self.text(key)?;
        let digits = text.strip_prefix("0o").unwrap_or(&text);
        let mode = u32::from_str_radix(digits, 8).ok();
        // Without the owner nobody could look whether the socket answers.
        mode.filter(|it| (0o600..=0o777).contains(it) && it & 0o600 == 0o600)
            .ok_or_else(|| {
                let what = "is no mode that lets the owner in, in octal digits";
                wrong(
                    key,
                    format!("{text} {what}; in a file it stands in quotation marks"),
                )
            })
    }

    pub(crate) fn email(&self, key: &'static str) -> anyhow::Result<Option<Email>> {
        self.optional(key)
            .map(|it| Email::parse(&it).map_err(|_| wrong(key, format!("{it} is no address"))))
            .transpose()
    }

    /// A web address without the slash at its end.
    pub(crate) fn url(&self, key: &'static str) -> anyhow::Result<Option<WebUrl>> {
        self.optional(key).map(|it| base(key, &it)).transpose()
    }

    pub(crate) fn origins(&self, key: &'static str) -> anyhow::Result<Vec<String>> {
        let origin = |raw: &String| {
            WebUrl::origin_of(raw).map_err(|_| {
                let shown = WebUrl::without_login(raw);
                let what = "is no origin, which is http or https, a host and perhaps a port";
                wrong(key, format!("{shown} {what}"))
            })
        };
        self.items(key).iter().map(origin).collect()
    }

    pub(crate) fn networks(&self, key: &'static str) -> anyhow::Result<Vec<IpNet>> {
        let parse = |item: &String| {
            let single = item.parse::<IpAddr>().map(IpNet::from);
            single
                .or_else(|_| item.parse::<IpNet>())
                .map_err(|_| wrong(key, format!("{item} is no address, and no network")))
        };
        self.items(key).iter().map(parse).collect()
    }

    /// Whether the log, which goes to standard error, is JSON.
    pub(crate) fn json_log(&self) -> anyhow::Result<bool> {
        match self.optional("log_format").as_deref() {
            None => Ok(!io::stderr().is_terminal()),
            Some("json") => Ok(true),
            Some("text") => Ok(false),
            Some(other) => Err(wrong(
                "log_format",
                format!("{other} is neither text nor json"),
            )),
        }
    }

    /// Refuses what the settings can say and this version does not do.
    pub(crate) fn unsupported(&self) -> anyhow::Result<()> {
        for setting in SETTINGS.iter().filter(|it| RESERVED.contains(&it.key)) {
            if self.optional(setting.key).as_deref() != setting.default.filter(|it| !it.is_empty())
            {
                return Err(wrong(setting.key, "this version cannot do that yet"));
            }
        }
        Ok(())
    }

    fn items(&self, key: &'static str) -> Vec<String> {
        let text = self.optional(key).unwrap_or_default();
        text.split(',')
            .map(|item| item.trim().to_owned())
            .filter(|item| !item.is_empty())
            .collect()
    }
}

/// A length of time as people write it, such as 90s or 1h 30m.
pub(crate) fn duration(raw: &str) -> Result<Duration, &'static str> {
    humantime::parse_duration(raw)
        .map_err(|_| "it must be a number with a unit behind it: s, m, h or d")
}

fn base(key: &'static str, raw: &str) -> anyhow::Result<WebUrl> {
    WebUrl::base(raw.trim()).map_err(|why| {
        let shown = WebUrl::without_login(raw);
        wrong(key, format!("{shown} {why}"))
    })
}
