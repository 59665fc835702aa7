//! What mails say: templates, compiled in or from the operator's folder. HTML is escaped by the
//! template engine.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use minijinja::{AutoEscape, Environment, HtmlEscape, State, UndefinedBehavior};

use crate::domain::{MailKind, without_mark};
use crate::failure::{self, Failure};

/// Characters of a subject; more is cut off, because some server on the way would.
const MOST_OF_A_SUBJECT: usize = 150;

/// What is rendered for each kind, beside the layout of all HTML parts.
const PARTS: [&str; 3] = ["subject.txt", "txt", "html"];

/// A template of the folder `templates` and its name.
macro_rules! template {
    ($name:literal) => {
        ($name, include_str!(concat!("templates/", $name)))
    };
}

/// The compiled-in templates by their file names.
const COMPILED_IN: [(&str, &str); 22] = [
    template!("layout.html"),
    template!("activation.subject.txt"),
    template!("activation.txt"),
    template!("activation.html"),
    template!("password-reset.subject.txt"),
    template!("password-reset.txt"),
    template!("password-reset.html"),
    template!("invitation.subject.txt"),
    template!("invitation.txt"),
    template!("invitation.html"),
    template!("address-change.subject.txt"),
    template!("address-change.txt"),
    template!("address-change.html"),
    template!("address-notice.subject.txt"),
    template!("address-notice.txt"),
    template!("address-notice.html"),
    template!("password-changed.subject.txt"),
    template!("password-changed.txt"),
    template!("password-changed.html"),
    template!("contact.subject.txt"),
    template!("contact.txt"),
    template!("contact.html"),
];

/// A mail without its envelope.
#[derive(Clone, Debug)]
pub struct Letter {
    /// Which mail it is: the name of its kind, or `test`.
    pub name: &'static str,
    /// One line without control characters.
    pub subject: String,
    /// For programs that show text.
    pub text: String,
    /// For programs that show HTML; says the same.
    pub html: String,
    /// Where answers go, if not to the sender.
    pub reply_to: Option<String>,
}

/// The templates of all letters.
pub struct Letters {
    sources: BTreeMap<&'static str, String>,
}

impl Letters {
    /// The compiled-in templates.
    pub fn compiled_in() -> Self {
        let sources = COMPILED_IN.map(|(name, source)| (name, source.to_owned()));
        Self {
            sources: sources.into(),
        }
    }

    /// The compiled-in templates, of which those that `folder` has are replaced. Each is rendered
    /// once, so that a mistake shows now and not in the first mail. Folders and names with a dot
    /// first are passed over: Kubernetes, desktops and editors leave them.
    pub fn overridden_by(folder: &Path) -> Result<Self, Failure> {
        let mut letters = Self::compiled_in();
        let doing = "reading the mail templates";
        let refuse = |what: String| Failure::new(doing, format!("{}: {what}", folder.display()));
        for entry in fs::read_dir(folder).map_err(|err| refuse(failure::in_words(&err)))? {
            let path = entry.map_err(|err| refuse(failure::in_words(&err)))?.path();
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            if name.starts_with('.') || path.is_dir() {
                continue;
            }
            let known = COMPILED_IN.iter().find(|it| it.0 == name);
            let Some((known, _)) = known else {
                let names = COMPILED_IN.map(|it| it.0).join(", ");
                return Err(refuse(format!(
                    "no mail uses the file {name}; remove it, or give it one of these names: {names}"
                )));
            };
            let source = fs::read_to_string(&path).map_err(|err| {
                let why = failure::in_words(&err);
                refuse(format!("{name} cannot be read: {why}"))
            })?;
            let source = without_mark(&source).to_owned();
            letters.sources.insert(known, source);
        }
        for kind in MailKind::ALL {
            letters.check(kind).map_err(refuse)?;
        }
        Ok(letters)
    }

    /// Says what is wrong with the templates of a kind.
    fn check(&self, kind: MailKind) -> Result<(), String> {
        let write = |link| {
            let values = sample(kind, link);
            let known: Vec<_> = values.0.keys().copied().collect();
            let known = known.join(", ");
            self.write(kind, values)
                .map_err(|err| format!("{}; this mail knows: {known}", err.chain()))
        };
        let one = write("https://one.example.org/MQ/4f2a/")?;
        if !kind.has_link() {
            return Ok(());
        }
        // A part that stays as it is when the link becomes another does not show it.
        let other = write("https://other.example.org/Mg/b81c/")?;
        let Some(part) = one.same_part(&other) else {
            return Ok(());
        };
        let or_layout = match part {
            "html" => ", or into layout.html,",
            _ => "",
        };
        Err(format!(
            "{}.{part} has no link, which this mail is for; put {{{{ link }}}} into it{or_layout}",
            kind.as_str()
        ))
    }

    /// The compiled-in templates by the names of their files, to start own ones from.
    pub fn files() -> impl Iterator<Item = (&'static str, &'static str)> {
        COMPILED_IN.into_iter()
    }

    /// The letter of a kind.
    pub fn write(&self, kind: MailKind, values: Values) -> Result<Letter, Failure> {
        let mut environment = Environment::new();
        environment.set_undefined_behavior(UndefinedBehavior::Strict);
        // Escaping follows the ending of the name.
        environment.set_auto_escape_callback(minijinja::default_auto_escape_callback);
        environment.set_formatter(|out, state, value| match value.as_str() {
            Some(text) if is_markup(state) && !value.is_safe() => {
                Ok(out.write_str(&escaped(text))?)
            }
            _ => minijinja::escape_formatter(out, state, value),
        });
        let names = PARTS.map(|part| format!("{}.{part}", kind.as_str()));
        for name in std::iter::once("layout.html").chain(names.iter().map(String::as_str)) {
            let source = self.sources.get(name).map_or("", String::as_str);
            environment.add_template(name, source).map_err(wrong)?;
        }
        let mut values = values.0;
        let render = |name: &String, values: &BTreeMap<&'static str, String>| {
            environment
                .get_template(name)
                .and_then(|it| it.render(values))
                .map_err(wrong)
        };
        let subject = one_line(&render(&names[0], &values)?);
        let text = render(&names[1], &values)?;
        values.insert("subject", subject.clone());
        Ok(Letter {
            name: kind.as_str(),
            subject,
            text,
            html: render(&names[2], &values)?,
            reply_to: values.remove("email").filter(|_| kind == MailKind::Contact),
        })
    }
}

impl Letter {
    /// A part that says the same as that of another letter.
    fn same_part(&self, other: &Self) -> Option<&'static str> {
        let [_, text, html] = PARTS;
        if self.text == other.text {
            return Some(text);
        }
        (self.html == other.html).then_some(html)
    }

    /// The mail that shows that mail works.
    pub fn test(public_url: &str) -> Self {
        let text = format!("This is a test: mails of {public_url} arrive here.\n");
        Self {
            name: "test",
            subject: "Test mail of miniSASS".to_owned(),
            html: format!("<p>{}</p>\n", escaped(text.trim_end())),
            text,
            reply_to: None,
        }
    }
}

/// What a letter speaks of, by the names that the templates use.
#[derive(Clone, Debug, Default)]
pub struct Values(BTreeMap<&'static str, String>);

impl Values {
    /// Adds a value.
    pub fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.0.insert(name, value.into());
        self
    }

    /// Adds a link that works for `seconds`.
    pub fn with_link(self, link: String, seconds: u64) -> Self {
        self.with("link", link).with("lasts", in_words(seconds))
    }
}

/// Seconds as somebody would say them: rather a little less than too much.
fn in_words(seconds: u64) -> String {
    // A mail is written some seconds after its link was.
    let (number, unit) = match seconds {
        0..=7200 => (seconds.div_ceil(60), "minute"),
        7201..172_800 => ((seconds + 300) / 3600, "hour"),
        _ => ((seconds + 3600) / 86_400, "day"),
    };
    let plural = if number == 1 { "" } else { "s" };
    format!("{number} {unit}{plural}")
}

/// Values as they may come, for the check at the start.
fn sample(kind: MailKind, link: &str) -> Values {
    let values = Values::default().with("public_url", "https://auth.example.org");
    let values = match kind {
        MailKind::Contact => values,
        _ => values.with("username", "ada"),
    };
    if kind.has_link() {
        return values.with_link(link.to_owned(), 3600);
    }
    let names = kind.details().iter();
    names.fold(values, |values, name| values.with(name, "text"))
}

fn is_markup(state: &State<'_, '_>) -> bool {
    matches!(state.auto_escape(), AutoEscape::Html)
}

/// A text as HTML. A slash stays one, as it may, so that links can be read in the source.
fn escaped(text: &str) -> String {
    HtmlEscape(text).to_string().replace("&#x2f;", "/")
}

/// White space of all kinds becomes one space, and control characters go: nothing in a subject can
/// start another header. Nor is it what mail programs decode, which could hide both (RFC 2047).
fn one_line(text: &str) -> String {
    let words: Vec<&str> = text.split_whitespace().collect();
    let line: String = words
        .join(" ")
        .chars()
        .filter(|it| !it.is_control())
        .collect();
    let shown = line.replace("=?", "= ?");
    shown.chars().take(MOST_OF_A_SUBJECT).collect()
}

/// The engine's errors name the file and the line.
fn wrong(err: minijinja::Error) -> Failure {
    let mut text = err.to_string();
    if let Some(cause) = std::error::Error::source(&err) {
        text = format!("{text}: {cause}");
    }
    Failure::new("writing a mail", one_line(&text))
}
