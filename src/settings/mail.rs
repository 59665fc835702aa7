//! The settings of the mail server, one of which may hold a password: it is never shown, and is not
//! taken from where others can read it.

use std::fs;
use std::io::{self, Read as _};
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context as _, anyhow, bail};
use zeroize::Zeroizing;

use super::list::wrong;
use super::secret::{self, check_source};
use super::sources::{Source, Values};
use crate::mail::{Hello, SmtpServer};

/// How mails leave.
#[derive(Clone, Debug)]
pub(crate) struct MailSettings {
    pub(crate) server: Option<SmtpServer>,
    /// By default the host of `public_url`, which may depend on the port that the server gets.
    pub(crate) hello: Option<Hello>,
    pub(crate) authorities: Option<Authorities>,
    pub(crate) timeout: Duration,
    pub(crate) templates: Option<PathBuf>,
}

impl MailSettings {
    pub(crate) fn parse(values: &Values) -> anyhow::Result<Self> {
        Ok(Self {
            server: server(values)?,
            hello: values.parse_optional("smtp_hello")?,
            authorities: Authorities::named(values)?,
            timeout: values.duration("smtp_timeout")?,
            templates: values.optional("mail_templates").map(PathBuf::from),
        })
    }
}

/// Certificates of those who may vouch for the mail server.
#[derive(Clone, Debug)]
pub(crate) enum Authorities {
    File(PathBuf),
    /// What came through standard input.
    Piped(Vec<u8>),
}

impl Authorities {
    fn named(values: &Values) -> anyhow::Result<Option<Self>> {
        let key = "smtp_ca_file";
        if let (None, Some(_)) = (values.file_of(key), values.optional(key)) {
            let mut bytes = Vec::new();
            let read = io::stdin().read_to_end(&mut bytes);
            read.context("cannot read standard input, which smtp_ca_file names")?;
            return Ok(Some(Self::Piped(bytes)));
        }
        Ok(values.file_of(key).map(Self::File))
    }

    pub(crate) fn read(&self) -> anyhow::Result<Vec<u8>> {
        match self {
            Self::File(path) => fs::read(path).with_context(|| {
                format!("cannot read {}, which smtp_ca_file names", path.display())
            }),
            Self::Piped(bytes) => Ok(bytes.clone()),
        }
    }
}

fn server(values: &Values) -> anyhow::Result<Option<SmtpServer>> {
    let url = values.optional("smtp_url").map(Zeroizing::new);
    let has_file = values.optional("smtp_url_file").is_some();
    let (key, url) = match (url, has_file) {
        (None, false) => return Ok(None),
        (Some(_), true) => bail!("smtp_url and smtp_url_file are both set; set one of them"),
        (Some(url), false) => ("smtp_url", url),
        (None, true) => ("smtp_url_file", secret::named("smtp_url_file", values)?),
    };
    let server: SmtpServer = url.trim().parse().map_err(|err| match key {
        "smtp_url" => wrong(key, err),
        // The path is right; an example of what it holds says more.
        _ => anyhow!(
            "{} (in the file that smtp_url_file names)",
            wrong("smtp_url", err)
        ),
    })?;
    if key == "smtp_url" && server.has_password() {
        check_source("smtp_url", "smtp_url_file", values)?;
    }
    Ok(Some(server))
}

/// The files outside the data folder that hold a password.
pub(crate) fn private_files(values: &Values) -> Vec<PathBuf> {
    let named = ["smtp_url_file", "database_password_file", "master_key_file"]
        .into_iter()
        .filter(|it| values.source(it) != Source::Credential)
        .filter_map(|it| values.file_of(it));
    let url = values
        .optional("smtp_url")
        .filter(|_| values.source("smtp_url") == Source::File)
        .map(Zeroizing::new);
    // A wrong address may hold a password too.
    let is_secret = |url: Zeroizing<String>| {
        let server = url.trim().parse::<SmtpServer>();
        server.map_or(true, |it| it.has_password())
    };
    let settings = values.file.as_ref().filter(|_| url.is_some_and(is_secret));
    named.chain(settings.map(PathBuf::from)).collect()
}
