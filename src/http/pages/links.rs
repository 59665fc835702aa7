//! Our own small pages: no scripts, nothing from outside, good on a phone and in the dark.

use minijinja::{Environment, context};

use crate::failure::Failure;

/// The form that a reset link leads to, and that is sent to `action`; `refusal` says why the last
/// password was not taken.
pub(crate) fn new_password(
    action: &str,
    least: usize,
    refusal: Option<&str>,
) -> Result<String, Failure> {
    render(
        include_str!("new-password.html"),
        &context! { title => "Choose a new password", action => action, least => least, refusal => refusal },
    )
}

/// The password is set.
pub(crate) fn password_updated() -> Result<String, Failure> {
    notice(
        "Password changed",
        "Your new password is set. You have been logged out everywhere; log in with it now.",
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
pub(crate) fn confirm(what: Confirmation, action: &str) -> Result<String, Failure> {
    let (title, text, button) = match what {
        Confirmation::Account => (
            "Confirm your account",
            "One click, and your miniSASS account is ready.",
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
        &context! { title => title, text => text, button => button, action => action },
    )
}

/// It is confirmed.
pub(crate) fn confirmed(what: Confirmation) -> Result<String, Failure> {
    match what {
        Confirmation::Account => notice(
            "Account confirmed",
            "Thank you. You can log in to miniSASS now.",
        ),
        Confirmation::Address => notice(
            "Address changed",
            "Thank you. Mail from miniSASS goes to your new address now.",
        ),
    }
}

/// It was confirmed before, maybe by this very link. `next` leads on to the front end, if there is one.
pub(crate) fn already_confirmed(what: Confirmation, next: Option<&str>) -> Result<String, Failure> {
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
    render(
        include_str!("notice.html"),
        &context! { title => title, text => text, next => next },
    )
}

/// The link of an account to be confirmed does not work. The form, which is sent to `action`, has
/// another one mailed; `refusal` says why the last address was not taken.
pub(crate) fn ask_again(action: &str, refusal: Option<&str>) -> Result<String, Failure> {
    render(
        include_str!("ask-again.html"),
        &context! {
            title => "This link does not work",
            text => "It is too old, or a newer mail has replaced it. If your account is not confirmed yet, have another link sent to you, and open the newest mail.",
            action => action,
            refusal => refusal,
        },
    )
}

/// Another link is on its way, if there is an account to be confirmed.
pub(crate) fn sent_again() -> Result<String, Failure> {
    notice(
        "Look into your mail",
        "If an account with this address waits to be confirmed, a new link is on its way to it.",
    )
}

/// The link to a new address does not work.
pub(crate) fn bad_address_link() -> Result<String, Failure> {
    notice(
        "This link does not work",
        "It is too old, or a newer mail has replaced it. Open the newest mail, or log in and change your address again.",
    )
}

/// Somebody else was faster.
pub(crate) fn address_taken() -> Result<String, Failure> {
    notice(
        "This address is taken",
        "Another account has this address by now. Yours keeps the one it had.",
    )
}

/// The link to choose a password does not work.
pub(crate) fn bad_link() -> Result<String, Failure> {
    notice(
        "This link does not work",
        "It has been used, or it is too old. Ask for a new one where you log in, and open the newest mail.",
    )
}

fn notice(title: &str, text: &str) -> Result<String, Failure> {
    render(
        include_str!("notice.html"),
        &context! { title => title, text => text },
    )
}

fn render(page: &str, values: &minijinja::Value) -> Result<String, Failure> {
    let load = || {
        let mut environment = Environment::new();
        // The names end in `.html`, so what is filled in is escaped.
        environment.add_template("layout.html", include_str!("layout.html"))?;
        environment.add_template("page.html", page)?;
        environment.get_template("page.html")?.render(values)
    };
    load().map_err(Failure::when("rendering a page"))
}
