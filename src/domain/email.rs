//! An e-mail address: parse, and the canonical form that makes it unique.

use std::fmt;

use email_address::{EmailAddress, Options};

use super::invalid::Rule;
use super::text::{check_text, nfc};

/// The longest address that SMTP can carry (RFC 5321, section 4.5.3.1.3, less the angle brackets).
const MAX_LENGTH: usize = 254;

/// An address that mail can be sent to: a dot-atom of ASCII, an `@`, and a domain of two or more
/// labels (RFC 5322, section 3.4.1). Quoted local parts, domain literals and non-ASCII local parts
/// are refused: many mail servers cannot deliver to them. Domains may be internationalised.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Email {
    shown: String,
    canonical: String,
}

impl Email {
    /// Reads an address. White space around it is no part of it.
    pub fn parse(raw: &str) -> Result<Self, Rule> {
        let raw = raw.trim();
        if raw.is_empty() {
            return Err(Rule::Blank);
        }
        check_text(raw, MAX_LENGTH)?;
        let shown = nfc(raw).into_owned();
        let canonical = canonical_address(&shown).ok_or(Rule::NotAnEmail)?;
        Ok(Self { shown, canonical })
    }

    /// Restores an address that was parsed before it was stored.
    pub fn stored(shown: String) -> Self {
        let canonical = canonical_address(&shown).unwrap_or_else(|| shown.to_lowercase());
        Self { shown, canonical }
    }

    /// As its owner wrote it.
    pub fn as_str(&self) -> &str {
        &self.shown
    }

    /// Lower-case local part, domain as A-labels (RFC 5890): equal for addresses that are the same.
    pub fn canonical(&self) -> &str {
        &self.canonical
    }

    /// As it travels: the local part as its owner wrote it, the domain as A-labels.
    pub fn on_the_wire(&self) -> String {
        on_the_wire(&self.shown)
    }

    /// For a page that others may look at: whoever has the address knows it again, and nobody learns it.
    pub fn masked(&self) -> String {
        let (local, domain) = self.shown.rsplit_once('@').unwrap_or((&self.shown, ""));
        let first = local.chars().next().map(String::from);
        format!("{}…@{domain}", first.unwrap_or_default())
    }

    /// The part before the `@`.
    pub fn local_part(&self) -> &str {
        self.shown
            .rsplit_once('@')
            .map_or(&*self.shown, |(local, _)| local)
    }
}

impl fmt::Display for Email {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.shown)
    }
}

/// An address as mail servers and headers take it, with A-labels for a domain of other letters.
pub fn on_the_wire(address: &str) -> String {
    let ascii = address
        .rsplit_once('@')
        .filter(|(_, domain)| !domain.is_ascii())
        .and_then(|(local, domain)| Some(format!("{local}@{}", ascii_host(domain)?)));
    ascii.unwrap_or_else(|| address.to_owned())
}

/// The name of a host as A-labels, if it can be one.
pub fn ascii_host(name: &str) -> Option<String> {
    idna::domain_to_ascii_strict(name).ok()
}

fn canonical_address(raw: &str) -> Option<String> {
    let (local, domain) = raw.rsplit_once('@')?;
    let domain = ascii_host(domain)?;
    let address = format!("{}@{domain}", local.to_ascii_lowercase());
    let options = Options::default()
        .with_required_tld()
        .without_display_text()
        .without_domain_literal();
    let valid = address.is_ascii()
        && address.len() <= MAX_LENGTH
        && !local.starts_with('"')
        && domain
            .rsplit('.')
            .next()
            .is_some_and(|top| !top.bytes().all(|b| b.is_ascii_digit()))
        && EmailAddress::parse_with_options(&address, options).is_ok();
    valid.then_some(address)
}
