//! What mails say. HTML is escaped by the template engine.

use minijinja::{Environment, context};

use crate::domain::{MailKind, User};
use crate::failure::Failure;

/// A mail without its envelope.
#[derive(Clone, Debug)]
pub struct Letter {
    /// Which mail it is.
    pub kind: MailKind,
    /// One line.
    pub subject: String,
    /// For programs that show text.
    pub text: String,
    /// For programs that show HTML; says the same.
    pub html: String,
}

impl Letter {
    /// The mail that lets somebody choose a new password.
    ///
    /// # Errors
    /// If a template is broken.
    pub fn password_reset(user: &User, link: &str, minutes: u64) -> Result<Self, Failure> {
        let values =
            context! { username => user.username.as_str(), link => link, minutes => minutes };
        Ok(Self {
            kind: MailKind::PasswordReset,
            subject: "Reset your miniSASS password".to_owned(),
            text: render(
                "reset.txt",
                include_str!("templates/password-reset.txt"),
                &values,
            )?,
            html: render(
                "reset.html",
                include_str!("templates/password-reset.html"),
                &values,
            )?,
        })
    }
}

fn render(name: &str, template: &str, values: &minijinja::Value) -> Result<String, Failure> {
    let mut environment = Environment::new();
    // Escaping follows the ending of the name.
    environment.set_auto_escape_callback(minijinja::default_auto_escape_callback);
    environment
        .render_named_str(name, template, values)
        .map_err(Failure::when("writing a mail"))
}
