//! Templates with what is filled in escaped.

use minijinja::{Environment, HtmlEscape, Value};

use crate::failure::Failure;

/// Renders `page`, which extends the template `layout.html`.
pub(super) fn render(layout: &str, page: &str, values: &Value) -> Result<String, Failure> {
    let load = || {
        let mut environment = Environment::new();
        environment.set_trim_blocks(true);
        environment.set_lstrip_blocks(true);
        environment.add_filter("prose", prose);
        // The names end in `.html`, so what is filled in is escaped.
        environment.add_template("layout.html", layout)?;
        environment.add_template("logo.svg", include_str!("assets/logo.svg"))?;
        environment.add_template("page.html", page)?;
        environment.get_template("page.html")?.render(values)
    };
    load().map_err(Failure::when("rendering a page"))
}

/// The document's texts are Markdown, of which they use backticks.
fn prose(text: &str) -> Value {
    let mut html = String::new();
    for (number, part) in text.split('`').enumerate() {
        let part = HtmlEscape(part);
        html += &if number % 2 == 0 {
            part.to_string()
        } else {
            format!("<code>{part}</code>")
        };
    }
    Value::from_safe_string(html)
}
