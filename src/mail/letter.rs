//! What mails say. HTML is escaped by the template engine.

use minijinja::{Environment, UndefinedBehavior, context};
use serde_json::Value;

use crate::domain::{Email, MailKind};
use crate::failure::Failure;

/// A mail without its envelope.
#[derive(Clone, Debug)]
pub struct Letter {
    /// Which mail it is.
    pub kind: MailKind,
    /// One line.
    pub subject: &'static str,
    /// For programs that show text.
    pub text: String,
    /// For programs that show HTML; says the same.
    pub html: String,
    /// Where an answer goes, if not to the sender.
    pub reply_to: Option<Email>,
}

/// What a letter tells of.
#[derive(Clone, Debug, Default)]
pub struct Facts {
    /// Whom it greets.
    pub username: Option<String>,
    /// Where its button leads.
    pub link: Option<String>,
    /// How many minutes the link still works.
    pub minutes: u64,
    /// What else there is to say, by name.
    pub details: Value,
}

impl Letter {
    /// The letter of a kind about these facts.
    ///
    /// # Errors
    /// If a template is broken.
    pub fn new(kind: MailKind, facts: &Facts) -> Result<Self, Failure> {
        let (subject, text, html) = templates(kind);
        let values = context! {
            subject => subject,
            username => facts.username,
            link => facts.link,
            lasts => in_words(facts.minutes),
            details => facts.details,
        };
        let reply_to = match kind {
            MailKind::Contact => facts.details["email"].as_str(),
            _ => None,
        };
        Ok(Self {
            kind,
            subject,
            text: render("letter.txt", text, &values)?,
            html: render("letter.html", html, &values)?,
            reply_to: reply_to.and_then(|it| Email::parse(it).ok()),
        })
    }
}

/// Subject, text and HTML.
fn templates(kind: MailKind) -> (&'static str, &'static str, &'static str) {
    macro_rules! both {
        ($subject:literal, $name:literal) => {
            (
                $subject,
                include_str!(concat!("templates/", $name, ".txt")),
                include_str!(concat!("templates/", $name, ".html")),
            )
        };
    }
    match kind {
        MailKind::Activation => both!("Confirm your miniSASS account", "activation"),
        MailKind::PasswordReset => both!("Reset your miniSASS password", "password-reset"),
        MailKind::Invitation => both!("Your miniSASS account", "invitation"),
        MailKind::AddressChange => {
            both!("Confirm your new address for miniSASS", "address-change")
        }
        MailKind::AddressNotice => {
            both!("The address of your miniSASS account", "address-notice")
        }
        MailKind::PasswordChanged => {
            both!("Your miniSASS password was changed", "password-changed")
        }
        MailKind::Contact => both!("A message from the miniSASS contact form", "contact"),
    }
}

/// "60 minutes", "7 days": the largest unit that does not promise too much.
fn in_words(minutes: u64) -> String {
    match minutes {
        0..=1 => "a minute".to_owned(),
        2..=119 => format!("{minutes} minutes"),
        120..=2879 => format!("{} hours", minutes / 60),
        _ => format!("{} days", minutes / (24 * 60)),
    }
}

fn render(name: &str, template: &str, values: &minijinja::Value) -> Result<String, Failure> {
    let load = || {
        let mut environment = Environment::new();
        // Escaping follows the ending of the name.
        environment.set_auto_escape_callback(minijinja::default_auto_escape_callback);
        environment.set_undefined_behavior(UndefinedBehavior::SemiStrict);
        environment.add_template("layout.html", include_str!("templates/layout.html"))?;
        environment.render_named_str(name, template, values)
    };
    load().map_err(Failure::when("writing a mail"))
}
