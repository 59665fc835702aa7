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

/// None where other machines can know who sends.
pub(crate) fn sender(subject: &Subject<'_>) -> Option<Finding> {
    let settings = subject.settings.as_ref()?;
    let is_lost = settings.mail.server.is_some() && settings.mail_from.is_of_localhost();
    is_lost.then(|| {
        Finding::warning(
            "mail_from",
            "mails are from an address at localhost, which other mail servers refuse",
            "set mail_from to an address of yours",
        )
    })
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
