//! The pages of mailed links. They load nothing, so they work where the documentation is turned off.

use minijinja::{Value, context};
use poem::http::HeaderValue;
use serde::Serialize;

use super::assets::{SHOW_PASSWORD, STYLE};
use super::template;
use crate::domain::Email;
use crate::failure::Failure;
use crate::http::wire::{Deployment, digest};

/// Lets exactly the style sheet and the script inside the pages in, and nothing that would be loaded.
/// No page may frame them. Their forms are sent to us, and the answer may lead on to the front end:
/// browsers hold that redirect against `form-action` too.
pub(crate) fn policy(deployment: &Deployment) -> HeaderValue {
    let frontend = deployment.frontend_url.as_ref();
    let frontend = frontend.map_or_else(String::new, |it| format!(" {}", it.policy_source()));
    let (style, script) = (digest(STYLE), digest(SHOW_PASSWORD));
    let policy = format!(
        "default-src 'none'; style-src '{style}'; script-src '{script}'; \
         form-action 'self'{frontend}; base-uri 'none'; frame-ancestors 'none'"
    );
    // An origin is ASCII.
    HeaderValue::try_from(policy).unwrap_or(HeaderValue::from_static("default-src 'none'"))
}

/// What a page is about: for whoever follows the link to know it again.
#[derive(Clone, Serialize)]
pub(crate) struct Account {
    label: &'static str,
    /// None if whoever follows the link may be a stranger to the account.
    username: Option<String>,
    /// Without most of what is before the `@`: the link may have been passed on.
    address: String,
}

impl Account {
    pub(crate) fn new(username: Option<String>, address: &Email) -> Self {
        Self {
            label: "Account",
            // Some are an address.
            username: username.filter(|it| !it.contains('@')),
            address: address.masked(),
        }
    }

    /// What somebody confirms. Whoever follows the link need not know who registered with this
    /// address, or wants to have it.
    pub(crate) fn to_be_confirmed(what: Confirmation, address: &Email) -> Self {
        let label = match what {
            Confirmation::Account => "Account",
            Confirmation::Address => "Address",
        };
        Self {
            label,
            ..Self::new(None, address)
        }
    }
}

/// The form that a reset link leads to, and that is sent to `action`; `refusal` says why the last
/// password was not taken.
pub(crate) fn new_password(
    action: &str,
    least: usize,
    account: Option<&Account>,
    refusal: Option<&str>,
) -> Result<String, Failure> {
    let title = "Choose a new password";
    let script = Value::from_safe_string(SHOW_PASSWORD.to_owned());
    render(
        include_str!("new-password.html"),
        context! { title, action, least, account, refusal, script },
    )
}

/// The password is set.
pub(crate) fn password_updated(
    account: Option<&Account>,
    way_on: Option<&str>,
) -> Result<String, Failure> {
    notice(
        "Password changed",
        "Your new password is set. You have been logged out everywhere; log in with it now.",
        account,
        way_on,
    )
}

/// What a page asks to confirm.
#[derive(Clone, Copy)]
pub(crate) enum Confirmation {
    /// A new account.
    Account,
    /// A new address of an account.
    Address,
}

/// The page with the button that confirms, by a form that is sent to `action`.
pub(crate) fn confirm(
    what: Confirmation,
    action: &str,
    account: &Account,
) -> Result<String, Failure> {
    let (title, text, button) = match what {
        Confirmation::Account => (
            "Confirm your account",
            "One click, and your miniSASS account is ready. If you did not open it, leave this page: \
             whoever did has chosen its password.",
            "Confirm my account",
        ),
        Confirmation::Address => (
            "Confirm your new address",
            "From then on, mail from miniSASS goes to this address, and you log in with it.",
            "Use this address",
        ),
    };
    render(
        include_str!("confirm.html"),
        context! { title, text, button, action, account },
    )
}

/// It is confirmed. `way_on` leads to the front end, if there is one.
pub(crate) fn confirmed(
    what: Confirmation,
    account: &Account,
    way_on: Option<&str>,
) -> Result<String, Failure> {
    let (title, text) = match what {
        Confirmation::Account => (
            "Account confirmed",
            "Thank you. You can log in to miniSASS now.",
        ),
        Confirmation::Address => (
            "Address changed",
            "Thank you. Mail from miniSASS goes to your new address now.",
        ),
    };
    notice(title, text, Some(account), way_on)
}

/// It was confirmed before, maybe by this very link.
pub(crate) fn already_confirmed(
    what: Confirmation,
    account: &Account,
    way_on: Option<&str>,
) -> Result<String, Failure> {
    let (title, text) = match what {
        Confirmation::Account => (
            "Account already confirmed",
            "Nothing is left to do. You can log in to miniSASS.",
        ),
        Confirmation::Address => (
            "Address already confirmed",
            "Nothing is left to do. Mail from miniSASS goes to this address.",
        ),
    };
    notice(title, text, Some(account), way_on)
}

/// The links of which another one may be asked for.
#[derive(Clone, Copy)]
pub(crate) enum Mailed {
    /// To confirm an account.
    Activation,
    /// To choose a password.
    Reset,
}

/// The link does not work. The form, which is sent to `action`, has another one mailed; `refusal` says
/// why the last address was not taken.
pub(crate) fn ask_again(
    what: Mailed,
    action: &str,
    refusal: Option<&str>,
    way_on: Option<&str>,
) -> Result<String, Failure> {
    let title = "This link does not work";
    let text = match what {
        Mailed::Activation => {
            "It is too old, or not whole. If your account is not confirmed yet, \
             have another link sent to you, and open the newest mail."
        }
        Mailed::Reset => {
            "It has been used, or it is too old, or not whole. Have another link sent to you, \
             and open the newest mail."
        }
    };
    render(
        include_str!("ask-again.html"),
        context! { title, text, action, refusal, way_on },
    )
}

/// Another link is on its way, if there is an account for it.
pub(crate) fn sent_again(what: Mailed, way_on: Option<&str>) -> Result<String, Failure> {
    let title = "Look into your mail";
    let text = match what {
        Mailed::Activation => {
            "If an account with this address waits to be confirmed, a new link is on its way to it."
        }
        Mailed::Reset => {
            "If there is an account with this address, a new link is on its way to it."
        }
    };
    notice(title, text, None, way_on)
}

/// The link to a new address does not work.
pub(crate) fn bad_address_link(way_on: Option<&str>) -> Result<String, Failure> {
    let title = "This link does not work";
    let text = "It is too old, or a newer mail has replaced it. Open the newest mail, or log in and \
                change your address again.";
    notice(title, text, None, way_on)
}

/// Somebody else was faster.
pub(crate) fn address_taken(way_on: Option<&str>) -> Result<String, Failure> {
    let title = "This address is taken";
    let text = "Another account has this address by now. Yours keeps the one it had.";
    notice(title, text, None, way_on)
}

fn notice(
    title: &str,
    text: &str,
    account: Option<&Account>,
    way_on: Option<&str>,
) -> Result<String, Failure> {
    render(
        include_str!("notice.html"),
        context! { title, text, account, way_on },
    )
}

fn render(page: &str, values: Value) -> Result<String, Failure> {
    let style = Value::from_safe_string(STYLE.to_owned());
    let values = context! { style, ..values };
    template::render(include_str!("layout.html"), page, &values)
}
