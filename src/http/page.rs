//! Our own small pages: no scripts, nothing from outside, good on a phone and in the dark.

use minijinja::{Environment, context};

use crate::failure::Failure;

/// The form that a reset link leads to; `refusal` says why the last password was not taken.
pub(super) fn new_password(
    uid: &str,
    token: &str,
    least: usize,
    refusal: Option<&str>,
) -> Result<String, Failure> {
    let action = format!("/authentication/api/update-password-reset/{uid}/{token}/");
    render(
        include_str!("pages/new-password.html"),
        &context! { title => "Choose a new password", action => action, least => least, refusal => refusal },
    )
}

/// The password is set.
pub(super) fn password_updated() -> Result<String, Failure> {
    notice(
        "Password changed",
        "Your new password is set. You have been logged out everywhere; log in with it now.",
    )
}

/// The link does not work.
pub(super) fn bad_link() -> Result<String, Failure> {
    notice(
        "This link does not work",
        "It has been used, or it is too old. Ask for a new one where you log in, and open the newest mail.",
    )
}

fn notice(title: &str, text: &str) -> Result<String, Failure> {
    render(
        include_str!("pages/notice.html"),
        &context! { title => title, text => text },
    )
}

fn render(page: &str, values: &minijinja::Value) -> Result<String, Failure> {
    let load = || {
        let mut environment = Environment::new();
        // The names end in `.html`, so what is filled in is escaped.
        environment.add_template("layout.html", include_str!("pages/layout.html"))?;
        environment.add_template("page.html", page)?;
        environment.get_template("page.html")?.render(values)
    };
    load().map_err(Failure::when("rendering a page"))
}
