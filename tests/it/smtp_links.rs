//! Links stand in mails as they are: no encoding breaks one, in a file or on its way.

use std::fs;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::reset::links;
use crate::server::{Site, until};
use crate::smtp::{arrived, site, start};
use crate::smtp_server::MailServer;

/// How the two parts of a message are encoded.
fn encodings(message: &str) -> [String; 2] {
    let name = "Content-Transfer-Encoding: ";
    let mut found = message.lines().filter_map(|it| it.strip_prefix(name));
    [(); 2].map(|()| found.next().expect("an encoding").trim().to_owned())
}

/// That the link stands whole in both parts, and both travel so; three times, the HTML part has it
/// twice. No line is too long for a mail server.
#[track_caller]
fn assert_unbroken(message: &str, base: &str, encoding: [&str; 2]) {
    assert_eq!(encodings(message), encoding, "{message}");
    let found = links(message);
    let are_ours = found.iter().all(|it| it.starts_with(base));
    assert!(found.len() >= 2 && are_ours, "{message}");
    assert_eq!(message.matches(&found[0]).count(), found.len(), "{message}");
    assert!(found.iter().all(|it| *it == found[0]), "{found:?}");
    let token = found[0]
        .trim_end_matches('/')
        .rsplit('/')
        .next()
        .expect("a token");
    assert!(token.len() > 40 && !token.contains('='), "{token}");
    assert!(message.split("\r\n").all(|it| it.len() <= 998));
    assert!(!message.replace("\r\n", "").contains(['\r', '\n']));
}

fn eml(site: &Site) -> String {
    until("a mail", || {
        let files = fs::read_dir(site.data().join("outbox")).ok()?;
        let mut paths = files.flatten().map(|it| it.path());
        let path = paths.find(|it| it.to_string_lossy().ends_with("-password-reset.eml"))?;
        fs::read_to_string(path).ok()
    })
}

#[test]
fn links_in_files_stay_whole_however_long_names_and_addresses_are() {
    let long = format!("https://auth.example.org/{}", "a/long/path-to/".repeat(40));
    let long = long.trim_end_matches('/');
    for (base, name, encoding) in [
        ("https://auth.example.org", "ada", ["7bit", "7bit"]),
        (long, "ada", ["7bit", "7bit"]),
        (
            "https://auth.example.org",
            "jürgen-müller",
            ["8bit", "8bit"],
        ),
    ] {
        let site = Site::new();
        let create = [
            "user",
            "create",
            "--username",
            name,
            "--email",
            "ada@example.org",
        ];
        site.run(&[&create[..], &["--no-password", "--public-url", base]].concat())
            .ok();
        let database = site.database();
        let is_confirmed = "UPDATE users SET email_confirmed_at = 1";
        database.change(is_confirmed);
        database.change("DELETE FROM outbox");
        site.run(&["reset", "send", "ada@example.org"]).ok();
        let _server = site.start(&["--public-url", base]);
        assert_unbroken(&eml(&site), base, encoding);
    }
}

#[test]
fn long_lines_of_templates_go_on_in_the_next_line_at_a_space() {
    let site = site(&["ada"]);
    let folder = site.path("mails");
    fs::create_dir(&folder).expect("a folder");
    let words = "rivers are fine ".repeat(90);
    for name in ["password-reset.txt", "password-reset.html"] {
        let link = "{{ link }}";
        fs::write(
            folder.join(name),
            format!("{words}{link} {words}\r\nend\rof it"),
        )
        .expect("a template");
    }
    site.run(&["reset", "send", "ada"]).ok();
    let _server = site.start(&["--mail-templates", folder.to_str().expect("UTF-8")]);
    let mail = eml(&site);
    assert_unbroken(&mail, "http://127.0.0.1", ["7bit", "7bit"]);
    assert!(mail.contains("\r\nend\r\nof it"), "{mail}");
    let text = mail.replace("\r\n", " ");
    assert_eq!(text.matches("rivers are fine").count(), 4 * 90);
}

/// A reset mail to somebody whose name is not ASCII, as it came over the wire.
fn sent(manners: &[&str]) -> (String, Vec<String>, Site) {
    let (mail, site) = (MailServer::start(manners), site(&["ada"]));
    let name = "UPDATE users SET username = 'jürgen', email_confirmed_at = 1";
    site.database().change(name);
    site.run(&["reset", "send", "ada@example.org"]).ok();
    let _server = start(&site, &mail, &[]);
    let received = arrived(&mail, 1).remove(0);
    (received.message, received.options, site)
}

#[test]
fn over_the_wire_8_bits_are_used_where_the_server_takes_them() {
    let (message, options, _site) = sent(&[]);
    assert_unbroken(&message, "http://127.0.0.1", ["8bit", "8bit"]);
    assert!(message.contains("Hello jürgen,"), "{message}");
    assert_eq!(options, ["BODY=8BITMIME"]);

    let (message, options, _site) = sent(&["--no-8bitmime"]);
    assert!(message.is_ascii() && options.is_empty(), "{options:?}");
    assert_eq!(encodings(&message), ["base64", "base64"], "{message}");
    assert!(message.split("\r\n").all(|it| it.len() <= 998));
    let decoded = decoded(&message);
    assert!(decoded.contains("Hello jürgen,"), "{decoded}");
    let found = links(&decoded);
    assert!(found.len() >= 3, "{decoded}");
    let is_whole = |it: &String| *it == found[0] && it.starts_with("http://127.0.0.1");
    assert!(found.iter().all(is_whole), "{found:?}");
}

#[test]
fn a_mail_in_ascii_travels_as_it_is_where_8_bits_are_not_taken() {
    let (mail, site) = (MailServer::start(&["--no-8bitmime"]), site(&["ada"]));
    site.run(&["reset", "send", "ada"]).ok();
    let _server = start(&site, &mail, &[]);
    let received = arrived(&mail, 1).remove(0);
    assert_unbroken(&received.message, "http://127.0.0.1", ["7bit", "7bit"]);
}

/// Both parts of a message in base64, as a mail program shows them.
fn decoded(message: &str) -> String {
    let parts = message.split("Content-Transfer-Encoding: base64\r\n\r\n");
    let decode = |part: &str| {
        let lines = part.split("\r\n--").next().expect("a body");
        let bytes = STANDARD.decode(lines.replace("\r\n", ""));
        String::from_utf8(bytes.expect("base64")).expect("UTF-8")
    };
    parts.skip(1).map(decode).collect()
}
