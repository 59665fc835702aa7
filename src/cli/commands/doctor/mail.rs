//! The way out for mails, and who reads the contact form.

use super::finding::{Finding, Subject};
use crate::cli::job;
use crate::private_file::layout;

const CHECK: &str = "smtp";

/// Messages would otherwise go where nobody looks.
pub(crate) fn contact(subject: &Subject<'_>) -> Finding {
    let check = "contact_to";
    let Some(settings) = &subject.settings else {
        return Finding::skipped(check, "the settings are wrong");
    };
    match &settings.rules.contact_to {
        Some(email) => Finding::ok(check, format!("the contact form goes to {email}")),
        None => Finding::warning(
            check,
            "nobody reads the contact form: contact-us refuses messages",
            "set contact_to to the address of somebody who does",
        ),
    }
}

pub(crate) fn check(subject: &Subject<'_>) -> anyhow::Result<Finding> {
    let (Some(settings), Some(mailer)) = (&subject.settings, &subject.mailer) else {
        return Ok(Finding::skipped(CHECK, "the settings are wrong"));
    };
    let server = settings.mail.server.as_ref();
    let server = server.map_or_else(String::new, ToString::to_string);
    Ok(match job::runtime()?.block_on(mailer.greet()) {
        Ok(None) => Finding::warning(
            CHECK,
            format!(
                "no mail server is set: each mail becomes a file in {}",
                subject.data_dir.join(layout::OUTBOX).display()
            ),
            "set smtp_url, or smtp_url_file if it holds a password",
        ),
        Ok(Some(answer)) => Finding::ok(CHECK, format!("{server}, says: {answer}")),
        Err(refusal) => Finding::failed(CHECK, format!("{server}: {refusal}"), refusal.hint),
    })
}
