//! Every setting there is: flags, variables and TOML keys all follow from this list.

use std::fmt;

use anyhow::anyhow;

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
    pub(crate) fn flag(&self) -> String {
        self.key.replace('_', "-")
    }

    pub(crate) fn variable(&self) -> String {
        format!("{PREFIX}{}", self.key.to_uppercase())
    }
}

const fn setting(
    key: &'static str,
    default: Option<&'static str>,
    example: &'static str,
    help: &'static str,
) -> Setting {
    Setting {
        key,
        default,
        example,
        help,
    }
}

/// The list, in the order of the reference.
pub(crate) const SETTINGS: &[Setting] = &[
    setting(
        "data_dir",
        Some("./minisass-data"),
        "/var/lib/minisass-auth",
        "Folder of the database, keys and mails",
    ),
    setting(
        "database",
        None,
        "/var/lib/minisass-auth/auth.db",
        "The database file [default: auth.db in data_dir]",
    ),
    setting(
        "backup_every",
        Some(""),
        "1d",
        "How often, 10 minutes at least, the server backs up into data_dir/backups [default: never]",
    ),
    setting(
        "backup_keep",
        Some("7"),
        "7",
        "So many of the server's own backups are kept",
    ),
    setting(
        "listen",
        Some("127.0.0.1:8000"),
        "127.0.0.1:8000",
        "Address and port, or unix:/path",
    ),
    setting(
        "public_url",
        None,
        "https://auth.example.org",
        "The only base of links in mail [default: http://<listen> on loopback]",
    ),
    setting(
        "frontend_url",
        None,
        "https://www.example.org",
        "Where mailed links send the browser",
    ),
    setting(
        "scrypt",
        Some("ln=17,r=8,p=1"),
        "ln=17,r=8,p=1",
        "Cost of new password hashes",
    ),
    setting(
        "hash_threads",
        None,
        "2",
        "Hashing threads; each needs 128·r·2^ln bytes [default: cores]",
    ),
    setting(
        "hash_queue",
        Some("64"),
        "64",
        "Logins that may wait for a hashing thread",
    ),
    setting(
        "password_min_length",
        Some("8"),
        "8",
        "Characters that a password needs, 8 or more",
    ),
    setting(
        "password_history",
        Some("24"),
        "24",
        "Earlier passwords that are refused; 0 refuses none",
    ),
    setting(
        "access_ttl",
        Some("60m"),
        "60m",
        "How long an access token is good",
    ),
    setting(
        "session_ttl",
        Some("30d"),
        "30d",
        "How long a session of a web login lasts",
    ),
    setting(
        "mobile_session_ttl",
        Some("90d"),
        "90d",
        "How long a session of the Android client lasts",
    ),
    setting(
        "token_session_ttl",
        Some("1d"),
        "1d",
        "How long a session of token/ lasts",
    ),
    setting(
        "reset_ttl",
        Some("60m"),
        "60m",
        "How long a reset link works",
    ),
    setting(
        "activation_ttl",
        Some("7d"),
        "7d",
        "How long the links of all other mails work",
    ),
    setting(
        "require_verified_email",
        Some("false"),
        "true",
        "Whether a new account is inactive until its mailed link is used",
    ),
    setting(
        "rotate_refresh",
        Some("false"),
        "true",
        "Whether a refresh token is good only once",
    ),
    setting(
        "throttle",
        Some("true"),
        "true",
        "Whether attempts, requests and mails are limited",
    ),
    setting(
        "trusted_proxies",
        Some(""),
        "127.0.0.1,10.0.0.0/8",
        "Proxies whose X-Forwarded-For is believed",
    ),
    setting(
        "cors_origins",
        Some(""),
        "https://www.example.org",
        "Origins whose pages may call the API",
    ),
    setting(
        "mail_from",
        Some("minisass@localhost"),
        "miniSASS <no-reply@example.org>",
        "Sender of mails",
    ),
    setting(
        "contact_to",
        Some(""),
        "team@example.org",
        "Who reads the contact form [default: there is none]",
    ),
    setting(
        "smtp_url",
        None,
        "smtp://user:password@mail.example.org:587?tls=required",
        "The mail server, smtp:// or smtps:// [default: mails become files]",
    ),
    setting(
        "smtp_url_file",
        None,
        "/etc/minisass-auth/smtp_url",
        "A private file that holds smtp_url, for one with a password",
    ),
    setting(
        "smtp_ca_file",
        None,
        "/etc/ssl/our-own-ca.pem",
        "Authorities, beside the public ones, that may vouch for the mail server",
    ),
    setting(
        "smtp_timeout",
        Some("30s"),
        "30s",
        "How long the mail server may take for each answer",
    ),
    setting(
        "mail_retry",
        Some("1m"),
        "1m",
        "After how long a mail is tried again, the first time",
    ),
    setting(
        "mail_templates",
        None,
        "/etc/minisass-auth/mails",
        "A folder with templates that replace the built-in ones of the same name",
    ),
    setting(
        "log_format",
        None,
        "json",
        "text or json [default: text on a terminal]",
    ),
    // From here on: reserved for what this version does not do yet. Only the default is taken.
    setting(
        "signing_algorithm",
        Some("HS256"),
        "HS256",
        "How tokens are signed (HS256 only, so far)",
    ),
];

/// The settings of which only the default is taken.
pub(crate) const RESERVED: [&str; 1] = ["signing_algorithm"];

/// Every error about a setting names it and shows a right example.
pub(crate) fn wrong(key: &str, what: impl fmt::Display) -> anyhow::Error {
    let setting = SETTINGS.iter().find(|it| it.key == key);
    let example = setting.map_or("", |it| it.example);
    anyhow!("the setting {key} is wrong: {what}; a right one is {key} = {example:?}")
}
