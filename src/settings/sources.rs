//! The texts of the settings, and where each came from.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use anyhow::{anyhow, bail};
use serde::Serialize;
use toml::Value;

use super::list::{PREFIX, SETTINGS, Setting, wrong};
use super::service_variables::{is_link_name, is_of_service};
use crate::domain::{ALIKE, StandIn, similarity, without_mark};
use crate::failure::in_words;
use crate::private_file::lent::fault_of_rights;
use crate::private_file::owner::{is_service_account, reader_of};

/// The settings file, if nobody names another one.
pub(crate) const USUAL_FILE: &str = "/etc/minisass-auth.toml";

/// The file that stands for standard input.
pub(super) const STANDARD_INPUT: &str = "-";

/// Who says what a setting is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Source {
    Flag,
    Environment,
    Credential,
    File,
    Default,
}

/// The texts of the settings, as they were said and not yet understood.
pub(crate) struct Values {
    found: BTreeMap<&'static str, (String, Source)>,
    /// The settings file, if there is one on the disk.
    pub(crate) file: Option<String>,
    problems: Problems,
}

/// What could not be read, or names no setting.
#[derive(Default)]
struct Problems {
    first: Option<anyhow::Error>,
    /// Whether one of them may say where the data is.
    hide_data: bool,
}

impl Problems {
    fn add(&mut self, key: &str, problem: anyhow::Error) {
        let near = alike(key);
        let is_of_data = |it: &&str| ["data_dir", "database"].contains(it);
        self.hide_data |= near.is_empty() || near.iter().any(is_of_data);
        self.first.get_or_insert(problem);
    }
}

impl Values {
    /// Reads all sources: a flag stands over a variable, over a credential, over the file, over the default.
    /// `flag` finds what the command line says of a key.
    pub(crate) fn read(flag: impl Fn(&str) -> Option<String>) -> Self {
        let (mut environment, mut problems) = environment();
        let usual = || {
            // One that is a link and leads nowhere is not passed over.
            std::fs::symlink_metadata(USUAL_FILE)
                .is_ok()
                .then(|| USUAL_FILE.to_owned())
        };
        let file = flag("config")
            .or_else(|| environment.remove("config"))
            .or_else(usual);
        let written = file.as_deref().map(|it| toml_file(it, &mut problems));
        let mut written = written.unwrap_or_default();
        let found = SETTINGS.iter().filter_map(|setting| {
            let key = setting.key;
            let from = |text: Option<String>, source| text.map(|it| (it, source));
            let said = from(flag(key), Source::Flag)
                .or_else(|| from(environment.remove(key), Source::Environment))
                .or_else(|| from(credential(key), Source::Credential))
                .or_else(|| from(written.remove(key), Source::File))
                .or_else(|| from(setting.default.map(str::to_owned), Source::Default));
            Some((key, said?))
        });
        Self {
            found: found.collect(),
            file: file.filter(|it| it != STANDARD_INPUT),
            problems,
        }
    }

    /// Whether it is known where the data is: what could not be read may name another folder.
    pub(crate) fn knows_data_dir(&self) -> bool {
        !self.problems.hide_data || self.source("data_dir") != Source::Default
    }

    /// Refuses a path of the file for everybody that commands in other folders would find elsewhere.
    pub(super) fn check_whole(&self, key: &'static str, path: &Path) -> anyhow::Result<()> {
        let is_everybodys = self.file.as_deref() == Some(USUAL_FILE);
        if is_everybodys && self.source(key) == Source::File && path.is_relative() {
            let what = "it starts with no /, and commands in other folders would find another one";
            return Err(wrong(key, what));
        }
        if path.starts_with("~") {
            let what =
                "no shell has read it, so ~ would be a folder of this name; write the whole path";
            return Err(wrong(key, what));
        }
        Ok(())
    }

    /// The file of a setting, if that is one on the disk.
    pub(super) fn file_of(&self, key: &'static str) -> Option<PathBuf> {
        let path = self.optional(key).filter(|it| it != STANDARD_INPUT);
        path.map(PathBuf::from)
    }

    /// Refuses sources that could not be read whole, that name what is no setting, or that a tool has
    /// still to put something into.
    pub(crate) fn check_sources(&self) -> anyhow::Result<()> {
        if let Some(problem) = &self.problems.first {
            bail!("{problem:#}");
        }
        let mut texts = self.found.iter();
        let stand_in = texts.find_map(|(key, (text, _))| Some((key, StandIn::of(text)?)));
        if let Some((key, other)) = stand_in {
            return Err(wrong(key, other));
        }
        Ok(())
    }

    pub(crate) fn source(&self, key: &'static str) -> Source {
        self.found.get(key).map_or(Source::Default, |it| it.1)
    }

    pub(super) fn is_of_environment(&self, key: &str) -> bool {
        let found = self.found.get(key);
        found.is_some_and(|it| it.1 == Source::Environment)
    }

    pub(crate) fn optional(&self, key: &'static str) -> Option<String> {
        let (text, _) = self.found.get(key)?;
        Some(text.clone()).filter(|it| !it.is_empty())
    }
}

/// A shell and systemd take such marks away.
fn is_quoted(text: &str) -> bool {
    ['"', '\''].iter().any(|mark| {
        let inner = text.strip_prefix(*mark);
        inner.is_some_and(|it| it.ends_with(*mark))
    })
}

type Texts = BTreeMap<String, String>;

fn is_known(key: &str) -> bool {
    SETTINGS.iter().any(|it| it.key == key)
}

/// Our variables by key. A variable that names no setting is a mistake somebody wants to know of.
fn environment() -> (Texts, Problems) {
    let (mut found, mut problems) = (Texts::new(), Problems::default());
    for (name, value) in std::env::vars_os() {
        let Some(key) = name.to_str().and_then(|it| it.strip_prefix(PREFIX)) else {
            continue;
        };
        let key = key.to_lowercase();
        let is_known = key == "config" || is_known(&key);
        if !is_known && is_of_service(&key, &value, is_link) {
            continue;
        }
        if !is_known {
            let (shown, near) = (key.to_uppercase(), suggestion(&key));
            let problem = anyhow!("{PREFIX}{shown} is set, but there is no setting {key}{near}");
            problems.add(&key, problem);
        } else if value.to_str().is_some_and(is_quoted) {
            let what = "its variable has quotation marks around it, which the `--env-file` of a \
                        container keeps; leave them out";
            problems.add(&key, anyhow!("the setting {key} is wrong: {what}"));
        } else if let Ok(value) = value.into_string() {
            // What a secret of Kubernetes was made of by `echo` ends with a line break.
            found.insert(key, value.trim_end_matches(['\r', '\n']).to_owned());
        } else {
            let problem = anyhow!("the setting {key} is wrong: it is not valid UTF-8");
            problems.add(&key, problem);
        }
    }
    (found, problems)
}

/// The file that systemd lends this process for `key` (`LoadCredential=smtp_url:…` for `smtp_url_file`).
fn credential(key: &str) -> Option<String> {
    let name = key.strip_suffix("_file")?;
    let file = Path::new(&std::env::var_os("CREDENTIALS_DIRECTORY")?).join(name);
    file.exists().then(|| file.display().to_string())
}

/// Whether our variable of this key is Docker's name of a linked container.
fn is_link(key: &str) -> bool {
    let value = std::env::var(format!("{PREFIX}{}", key.to_uppercase()));
    value.is_ok_and(|it| is_link_name(&it))
}

/// The settings in a file.
fn toml_file(path: &str, problems: &mut Problems) -> Texts {
    let (shown, read) = match path {
        STANDARD_INPUT => ("standard input", io::read_to_string(io::stdin())),
        path => (path, std::fs::read_to_string(path)),
    };
    let text = read.map_err(|err| unreadable(shown, &err));
    let table = match text.and_then(|it| table_of(shown, &it)) {
        Ok(table) => table,
        Err(problem) => {
            problems.hide_data = true;
            problems.first.get_or_insert(problem);
            return Texts::new();
        }
    };
    let mut found = Texts::new();
    for (key, value) in table {
        let text = match SETTINGS.iter().find(|it| it.key == key) {
            Some(setting) => text_of(setting, value),
            None if value.is_table() => Err(anyhow!(
                "{shown}: [{key}] begins a section, and settings stand in none; leave that line out"
            )),
            None => Err(anyhow!(
                "{shown}: there is no setting {key}{}",
                suggestion(&key)
            )),
        };
        match text {
            Ok(text) => drop(found.insert(key, text)),
            Err(problem) => problems.add(&key, problem),
        }
    }
    found
}

fn table_of(shown: &str, text: &str) -> anyhow::Result<toml::Table> {
    // Files that were joined have a mark each.
    let text: String = text.split_inclusive('\n').map(without_mark).collect();
    text.parse().map_err(|err: toml::de::Error| {
        let before = err.span().and_then(|it| text.get(..it.start));
        let line = before.map_or(0, |it| it.matches('\n').count());
        let message = err.message().replace('\n', ", ");
        let setting = text.lines().nth(line).and_then(meant_in);
        let line_text = text.lines().nth(line).unwrap_or_default().trim_start();
        let advice = match setting {
            None if [";", "//", "--"].iter().any(|it| line_text.starts_with(it)) => {
                "; a comment begins with #".to_owned()
            }
            Some(it) if message.starts_with("duplicate") => {
                format!("; leave out one of those that set {}", it.key)
            }
            Some(it) => format!("; a right one is {}", it.line()),
            None => String::new(),
        };
        anyhow!(
            "{shown} is not valid TOML in line {}: {message}{advice}",
            line + 1
        )
    })
}

/// The setting that a line is about, though it may be written as other programs want it.
fn meant_in(line: &str) -> Option<&'static Setting> {
    let line = line.trim_start();
    let line = line.strip_prefix("export ").unwrap_or(line).to_lowercase();
    let name = line.strip_prefix(&PREFIX.to_lowercase()).unwrap_or(&line);
    let end = name.find(|it: char| !it.is_ascii_lowercase() && it != '_');
    SETTINGS
        .iter()
        .find(|it| it.key == &name[..end.unwrap_or(name.len())])
}

/// The text that a value in a settings file stands for. A text is right for every setting.
fn text_of(setting: &Setting, value: Value) -> anyhow::Result<String> {
    let (is_number, is_list) = (setting.is_number(), setting.is_list());
    let is = match value {
        Value::String(text) => return Ok(text),
        Value::Integer(number) if is_number => return Ok(number.to_string()),
        Value::Boolean(truth) if setting.is_truth() => return Ok(truth.to_string()),
        Value::Array(items) if is_list => match items.iter().map(Value::as_str).collect() {
            Some::<Vec<_>>(texts) => return Ok(texts.join(",")),
            None => "a list of something else",
        },
        Value::Array(_) => "a list",
        Value::Table(_) => "a table",
        Value::Boolean(_) => "true or false",
        Value::Datetime(_) => "a time",
        Value::Integer(_) => "a number",
        Value::Float(_) => "a number with a point",
    };
    let belongs = match setting {
        _ if is_number => "a whole number",
        _ if is_list => "a list of texts",
        _ if setting.is_truth() => "true or false",
        _ => "a text in quotation marks",
    };
    let what = format!("{belongs} belongs there, and this is {is}");
    Err(wrong(setting.key, what))
}

/// A package lends the file to the group of the user that the server runs as.
fn unreadable(path: &str, err: &io::Error) -> anyhow::Error {
    let is_denied = err.kind() == io::ErrorKind::PermissionDenied;
    let file = Path::new(path);
    // Of one that is root's alone nobody else knows whom it is for.
    let is_meant = is_denied && (reader_of(file).is_some() || is_service_account());
    let fault = is_meant.then(|| fault_of_rights(file, None)).flatten();
    let why = match fault {
        Some(fault) => format!("{}; {}", fault.what, fault.advice),
        None => in_words(err),
    };
    anyhow!("cannot read the settings file {path}: {why}")
}

/// What to say of a key that names no setting.
fn suggestion(key: &str) -> String {
    match &alike(key)[..] {
        [] => "; `minisass-auth help settings` lists them all".to_owned(),
        near => format!("; did you mean {}?", near.join(" or ")),
    }
}

/// The setting whose name looks most like what was written, or those that share a word with it.
fn alike(key: &str) -> Vec<&'static str> {
    let key = &*key.to_lowercase();
    let key = key.strip_prefix("minisass_auth_").unwrap_or(key);
    let words: Vec<&str> = key.split('_').filter(|word| word.len() > 2).collect();
    let names = || SETTINGS.iter().map(|it| it.key);
    let most = names()
        .filter(|name| similarity(name, key) > ALIKE)
        .max_by(|one, other| similarity(one, key).total_cmp(&similarity(other, key)));
    match most {
        Some(name) => vec![name],
        None => names()
            .filter(|name| words.iter().any(|word| name.contains(word)))
            .collect(),
    }
}
