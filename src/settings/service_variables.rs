//! Variables that start like ours and are none: Kubernetes makes some for every service, and Docker for
//! every link, so a service named `minisass-auth` gets `MINISASS_AUTH_PORT=tcp://10.0.0.1:8000`.

use std::ffi::OsStr;
use std::net::IpAddr;

/// Whether such a variable has this key, which is the rest of its name in small letters, and this
/// value. `is_link` says whether a key has the value by which Docker names a linked container.
pub(super) fn is_of_service(key: &str, value: &OsStr, is_link: impl Fn(&str) -> bool) -> bool {
    let value = value.to_str().unwrap_or_default();
    let words: Vec<&str> = key.split('_').collect();
    let is_link = key
        .split_once("env_")
        .is_some_and(|(link, _)| is_link(&format!("{link}name")));
    // Before these there may be more words: of a service whose name only starts like ours.
    let is_known = match words.as_slice() {
        [.., "service", "host"] => value.parse::<IpAddr>().is_ok(),
        [.., "port"] if value.contains("://") => true,
        [.., "port", "start" | "end"] => value.contains("://") || is_number(value),
        [.., "port", number, protocol] if is_port(number, protocol) => value.contains("://"),
        [.., "port", number, protocol, "start" | "end"] => {
            is_port(number, protocol) && value.contains("://")
        }
        [.., "port", number, protocol, "proto" | "port" | "addr"] => is_port(number, protocol),
        // What the linked container has in its own environment. No setting of ours begins like that.
        ["env", _, ..] => true,
        [.., "name"] => is_link_name(value),
        _ => false,
    };
    // After these there may be the name of the port.
    let is_named_port = words.windows(2).any(|it| it == ["service", "port"]) && is_number(value);
    is_known || is_named_port || is_link
}

/// What Docker says of a linked container: `/ours/theirs`.
pub(super) fn is_link_name(value: &str) -> bool {
    value.starts_with('/') && value.matches('/').count() == 2
}

fn is_port(number: &str, protocol: &str) -> bool {
    is_number(number) && ["tcp", "udp", "sctp"].contains(&protocol)
}

fn is_number(text: &str) -> bool {
    text.parse::<u16>().is_ok()
}
