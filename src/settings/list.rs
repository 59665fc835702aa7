//! Every setting there is: flags, variables and TOML keys all follow from this list.

use std::fmt;

/// What every variable of ours starts with.
pub(crate) const PREFIX: &str = "MINISASS_AUTH_";

/// A setting: its TOML key, from which its flag and its variable follow.
pub(crate) struct Setting {
    pub(crate) key: &'static str,
    pub(crate) default: Option<&'static str>,
    /// A right value, for error messages.
    pub(crate) example: &'static str,
    pub(crate) help: &'static str,
}

impl Setting {
    /// The default is a right value too.
    const fn default(mut self, text: &'static str) -> Self {
        self.default = Some(text);
        self.example = text;
        self
    }

    const fn example(mut self, text: &'static str) -> Self {
        self.example = text;
        self
    }

    const fn help(mut self, text: &'static str) -> Self {
        self.help = text;
        self
    }

    /// Whether its value is a number. A mode of a file is none: its zero counts.
    pub(crate) fn is_number(&self) -> bool {
        let number = self.example.parse::<u64>();
        number.is_ok_and(|it| it.to_string() == self.example)
    }

    pub(crate) fn is_truth(&self) -> bool {
        ["true", "false"].contains(&self.example)
    }

    pub(super) fn is_list(&self) -> bool {
        ["trusted_proxies", "cors_origins"].contains(&self.key)
    }

    /// A right line of a settings file.
    pub(super) fn line(&self) -> String {
        let Self { key, example, .. } = self;
        match example {
            // The one that happens to be the example may be the wrong one.
            _ if self.is_truth() => format!("{key} = true or {key} = false"),
            _ if self.is_number() => format!("{key} = {example}"),
            _ => format!("{key} = {example:?}"),
        }
    }

    /// The only right values, where there are a few.
    pub(crate) fn choices(&self) -> &'static [&'static str] {
        match self.key {
            "log_format" => &["text", "json"],
            _ if self.is_truth() => &["true", "false"],
            _ => &[],
        }
    }

    /// The default in words: in the list or, where it follows from something else, in the help.
    pub(crate) fn default_in_help(&self) -> String {
        let default = self.default.filter(|it| !it.is_empty());
        default.map_or_else(String::new, |it| format!(" [default: {it}]"))
    }

    pub(crate) fn flag(&self) -> String {
        self.key.replace('_', "-")
    }

    pub(crate) fn variable(&self) -> String {
        format!("{PREFIX}{}", self.key.to_uppercase())
    }
}

const fn setting(key: &'static str) -> Setting {
    Setting {
        key,
        default: None,
        example: "",
        help: "",
    }
}

/// The list, in the order of the reference.
pub(crate) const SETTINGS: &[Setting] = &[
    setting("data_dir")
        .default("./minisass-data")
        .example("/var/lib/minisass-auth")
        .help("Folder of the database, the master key and mails"),
    setting("database")
        .example("/var/lib/minisass-auth/auth.db")
        .help(
            "The database: a file, or postgres://user@host/name?sslmode=verify-full \
             [default: auth.db in data_dir]",
        ),
    setting("database_password_file")
        .example("/etc/minisass-auth/database_password")
        .help("A private file that holds the password of a postgres:// database"),
    setting("master_key_file")
        .example("/etc/minisass-auth/master.key")
        .help(
            "A private file with the key that seals those in the database \
             [default: keys/master.key in data_dir]",
        ),
    setting("backup_every").default("").example("1d").help(
        "How often, 10 minutes at least, the server backs up into data_dir/backups \
             [default: never]",
    ),
    setting("backup_keep")
        .default("7")
        .help("So many of the server's own backups are kept"),
    setting("audit_keep")
        .default("365d")
        .help("After how long rows of the audit trail go, a day at least, or never"),
    setting("mail_keep")
        .default("30d")
        .help("After how long mails go that were sent or failed, a day at least, and their files"),
    setting("listen")
        .default("127.0.0.1:8000")
        .help("Address and port, or unix:/path"),
    setting("metrics_listen")
        .example("127.0.0.1:9100")
        .help("Address and port of /metrics, or unix:/path [default: as listen]"),
    setting("listen_mode")
        .default("0660")
        .help("Mode of a Unix socket: who may open it, and is believed about where requests come from"),
    setting("listen_group")
        .example("www-data")
        .help("Group of a Unix socket, such as that of the proxy [default: our own]"),
    setting("keep_alive")
        .default("75s")
        .help("How long an idle connection is kept; a proxy should close before that"),
    setting("public_url")
        .example("https://auth.example.org")
        .help("The only base of links in mail [default: http://<listen> on loopback]"),
    setting("issuer").example("https://auth.example.org").help(
        "Who tokens say they are from; another one ends all of \
         them [default: public_url]",
    ),
    setting("frontend_url")
        .example("https://www.example.org")
        .help("Where mailed links send the browser; it must not redirect to another origin"),
    setting("scrypt")
        .default("ln=17,r=8,p=1")
        .help("Cost of new password hashes"),
    setting("hash_threads")
        .example("2")
        .help("Hashing threads; each needs 128·r·2^ln bytes [default: cores]"),
    setting("hash_queue")
        .default("64")
        .help("Logins that may wait for a hashing thread"),
    setting("password_min_length")
        .default("8")
        .help("Characters that a password needs, 8 or more"),
    setting("password_history")
        .default("24")
        .help("Earlier passwords that are refused; 0 refuses none"),
    setting("access_ttl")
        .default("60m")
        .help("How long an access token is good"),
    setting("session_ttl")
        .default("30d")
        .help("How long a session of a web login lasts"),
    setting("mobile_session_ttl")
        .default("90d")
        .help("How long a session of the Android client lasts"),
    setting("token_session_ttl")
        .default("1d")
        .help("How long a session of token/ lasts"),
    setting("reset_ttl")
        .default("60m")
        .help("How long a reset link works"),
    setting("activation_ttl")
        .default("7d")
        .help("How long the links of all other mails work"),
    setting("require_verified_email")
        .default("false")
        .example("true")
        .help("Whether a new account is inactive until its mailed link is used"),
    setting("rotate_refresh")
        .default("false")
        .example("true")
        .help("Whether a refresh token is good only once"),
    setting("throttle")
        .default("true")
        .help("Whether attempts, requests and mails are limited"),
    setting("trusted_proxies")
        .default("")
        .example("127.0.0.1,10.0.0.0/8")
        .help("Proxies whose X-Forwarded-For is believed"),
    setting("max_connections_per_client").default("100").help(
        "Connections that one address may have at once; 0 is any number; trusted_proxies are exempt",
    ),
    setting("cors_origins")
        .default("")
        .example("https://www.example.org")
        .help("Origins whose pages may call the API"),
    setting("docs")
        .default("true")
        .example("false")
        .help("Whether there are pages: /, /docs/, /openapi.json, and one for each endpoint"),
    setting("mail_from")
        .default("minisass@localhost")
        .example("miniSASS <no-reply@example.org>")
        .help("Sender of mails"),
    setting("contact_to")
        .default("")
        .example("team@example.org")
        .help("Who reads the contact form [default: nobody, and contact-us refuses messages]"),
    setting("smtp_url")
        .example("smtp://user:password@mail.example.org:587?tls=required")
        .help("The mail server, smtp:// or smtps:// [default: mails become files]"),
    setting("smtp_url_file")
        .example("/etc/minisass-auth/smtp_url")
        .help("A private file that holds smtp_url, for one with a password"),
    setting("smtp_hello")
        .example("auth.example.org")
        .help("The name in EHLO [default: host of public_url]"),
    setting("smtp_ca_file")
        .example("/etc/ssl/our-own-ca.pem")
        .help("Authorities, beside the public ones, that may vouch for the mail server"),
    setting("smtp_timeout")
        .default("30s")
        .help("How long the mail server may take for each answer"),
    setting("mail_retry")
        .default("1m")
        .help("After how long a mail is tried again, the first time"),
    setting("mail_templates")
        .example("/etc/minisass-auth/mails")
        .help("A folder with templates that replace the built-in ones of the same name"),
    setting("log_format")
        .example("json")
        .help("text or json [default: text on a terminal]"),
    // From here on: reserved for what this version does not do yet. Only the default is taken.
    setting("signing_algorithm")
        .default("HS256")
        .help("How tokens are signed (HS256 only, so far)"),
];

/// The settings of which only the default is taken.
pub(crate) const RESERVED: [&str; 1] = ["signing_algorithm"];

/// Every error about a setting names it and shows a right example.
#[derive(Debug, thiserror::Error)]
#[error("the setting {key} is wrong: {what}; a right one is {line}")]
pub(super) struct Wrong {
    pub(super) key: String,
    what: String,
    line: String,
}

impl Wrong {
    /// Says that a variable sets it.
    pub(super) fn of_variable(mut self) -> Self {
        let name = self.key.to_uppercase();
        self.what = format!("{} (the variable {PREFIX}{name} sets it)", self.what);
        self
    }
}

/// See [`Wrong`].
pub(crate) fn wrong(key: &str, what: impl fmt::Display) -> anyhow::Error {
    let setting = SETTINGS.iter().find(|it| it.key == key);
    let wrong = Wrong {
        key: key.to_owned(),
        what: what.to_string(),
        line: setting.map_or_else(String::new, Setting::line),
    };
    wrong.into()
}
