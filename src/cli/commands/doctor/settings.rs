//! The settings, and the address that everybody knows us by.

use std::net::IpAddr;

use super::finding::{Finding, Subject};
use crate::cli::commands::config;
use crate::compose::{self, Identity};
use crate::daemon;
use crate::domain::WebUrl;
use crate::failure;
use crate::mail::Mailer;
use crate::private_file::data_dir;
use crate::settings::{Listen, Settings, SocketAccess, Values};

const ADVICE: &str = "run: minisass-auth config show";

/// The settings and the way out for mails, as far as they are right.
pub(crate) fn check(values: &Values) -> (Option<Settings>, Option<Mailer>, Finding) {
    let refused =
        |err: &anyhow::Error| Finding::refused("settings", &failure::chain(err.chain()), ADVICE);
    let settings = match Settings::parse(values) {
        Ok(settings) => settings,
        Err(err) => return (None, None, refused(&err)),
    };
    let public_url = Identity::of(&settings, &settings.listen).public_url;
    let files = config::check_files(values, &settings);
    match files.and_then(|()| compose::mailer(&settings, public_url.as_ref())) {
        Ok(mailer) => {
            let finding = Finding::ok("settings", "all settings are right");
            (Some(settings), Some(mailer), finding)
        }
        Err(err) => (Some(settings), None, refused(&err)),
    }
}

pub(crate) fn public_url(subject: &Subject<'_>) -> Finding {
    let Some(settings) = &subject.settings else {
        return Finding::skipped("public_url", "the settings are wrong");
    };
    match Identity::of_command(settings).check_public_url() {
        Err(err) => Finding::refused("public_url", &err.to_string(), ADVICE),
        Ok(url) if !url.is_https() && !url.is_loopback() => Finding::warning(
            "public_url",
            format!("{url} is not encrypted: passwords and tokens can be read on their way"),
            "put a proxy with TLS before it, and set public_url to its https:// address",
        ),
        Ok(url) => Finding::ok("public_url", url.to_string()),
    }
}

/// None where guesses are limited, as they should be.
pub(crate) fn throttle(subject: &Subject<'_>) -> Option<Finding> {
    let is_off = |it: &&Settings| !it.rules.throttle;
    subject.settings.as_ref().filter(is_off).map(|_| {
        let finding = "passwords can be guessed as fast as they are hashed";
        Finding::warning(
            "throttle",
            finding,
            "leave throttle = false out, unless this is a test",
        )
    })
}

/// Whether those who are to reach the server can, and are told from each other.
pub(crate) fn listen(subject: &Subject<'_>) -> Finding {
    let Some(settings) = &subject.settings else {
        return Finding::skipped("listen", "the settings are wrong");
    };
    let (listen, access) = (&settings.listen, &settings.socket);
    // A server of ours has it.
    if subject.is_ours() && !data_dir::is_served(&subject.data_dir, subject.database.file()) {
        let data = &subject.data_dir;
        let main = daemon::check_listen(listen, access, data, "listen");
        let metrics = settings.metrics_listen.as_ref();
        let metrics = metrics.map_or(Ok(()), |it| {
            daemon::check_listen(it, access, data, "metrics-listen")
        });
        if let Err(err) = main.and(metrics) {
            return Finding::refused("listen", &err.to_string(), ADVICE);
        }
    }
    if let Some(all) = settings.trusts_all() {
        return Finding::warning(
            "listen",
            format!(
                "trusted_proxies is all of {all}: every client is believed about its address, also one that guesses"
            ),
            "name the addresses of your proxies only",
        );
    }
    let is_public = settings.public_url.as_ref().is_some_and(WebUrl::is_https);
    match listen {
        Listen::Unix(_) => socket(listen, access),
        Listen::Tcp(address) if is_public && is_distrusted(address.ip(), settings) => {
            Finding::warning(
                "listen",
                "public_url is https, so there is a proxy; it is not trusted, and all clients have its address",
                "set trusted_proxies to the address of the proxy, which has to send X-Forwarded-For",
            )
        }
        Listen::Tcp(_) => Finding::ok("listen", listen.to_string()),
    }
}

/// To open a socket is to write to it. Whoever may is believed about where requests come from.
fn socket(listen: &Listen, access: &SocketAccess) -> Finding {
    let may = |bits: u32| access.mode & bits == bits;
    let who = match &access.group {
        _ if may(0o006) => "every user of this machine can open",
        Some(group) if may(0o060) => &*format!("the group {group} can open"),
        _ => {
            let who = if may(0o060) { " and its group" } else { "" };
            return Finding::warning(
                "listen",
                format!("only this user{who} can open {listen}"),
                "set listen_group to the group of the proxy and listen_mode to 0660, and let the proxy \
                 send X-Forwarded-For",
            );
        }
    };
    Finding::ok("listen", format!("{who} {listen}"))
}

/// Whether the proxy is none of those that are believed. One before a loopback address comes from there.
fn is_distrusted(listen: IpAddr, settings: &Settings) -> bool {
    let trusted = &settings.trusted_proxies;
    trusted.is_empty() || listen.is_loopback() && !trusted.iter().any(|it| it.contains(&listen))
}
