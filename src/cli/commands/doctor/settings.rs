//! The settings, and the address that everybody knows us by.

use super::finding::{Finding, Subject};
use crate::compose;
use crate::mail::Mailer;
use crate::settings::Settings;
use crate::settings::Values;

const ADVICE: &str = "run: minisass-auth config show";

/// The settings and the way out for mails, as far as they are right.
pub(crate) fn check(values: &Values) -> (Option<Settings>, Option<Mailer>, Finding) {
    let refused = |err: &anyhow::Error| Finding::refused("settings", &format!("{err:#}"), ADVICE);
    let settings = match Settings::parse(values) {
        Ok(settings) => settings,
        Err(err) => return (None, None, refused(&err)),
    };
    let public_url = compose::public_url(&settings, &settings.listen).ok();
    match compose::mailer(&settings, public_url.as_ref()) {
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
    match compose::public_url(settings, &settings.listen) {
        Err(err) => Finding::refused("public_url", &err.to_string(), ADVICE),
        Ok(url) if !url.is_https() && !url.is_loopback() => Finding::warning(
            "public_url",
            format!("{url} is not encrypted: passwords and tokens can be read on their way"),
            "put a proxy with TLS before it, and set public_url to its https:// address",
        ),
        Ok(url) => Finding::ok("public_url", url.to_string()),
    }
}
