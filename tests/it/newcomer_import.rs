//! What somebody meets who imports the wrong file, or the right one once more.

use serde_json::json;

use crate::move_dump::{HASH, dump, import, summary};
use crate::server::Site;

const SECRET: &str = "7w$+x0(q2^n!c=#r8@k5%z&h3*m_b1)v9-pf4jd6sgty";

#[test]
fn no_kind_of_import_shows_what_stands_in_a_file_of_another_kind() {
    let site = Site::with_database();
    let file = site.path("secret-key");
    let file = file.to_str().expect("UTF-8");
    for text in [
        SECRET.to_owned(),
        format!("{SECRET}\n"),
        format!("\n{SECRET}\n{SECRET}"),
    ] {
        std::fs::write(file, &text).expect("a file");
        for kind in ["django", "jsonl", "csv"] {
            let said = site.run(&["user", "import", "--from", kind, file]);
            assert_eq!(said.code, Some(1), "{kind}: {text:?}");
            let (err, out) = (&said.err, &said.out);
            assert!(
                !err.contains("7w$") && !out.contains("7w$"),
                "{kind}: {err}{out}"
            );
        }
    }
}

#[test]
fn a_file_that_cannot_be_read_has_no_table_of_zeros() {
    let site = Site::with_database();
    for kind in ["django", "jsonl", "csv"] {
        let said = site.run_with(&["user", "import", "--from", kind, "-"], SECRET);
        assert_eq!(said.out, "", "{kind}");
        said.refusal();
    }
}

#[test]
fn who_is_there_already_is_counted_as_present_and_not_spoken_of() {
    let site = Site::new();
    let users = dump(&[
        ("4711", "digits@example.org", HASH),
        ("eve@example.org", "mallory@example.org", HASH),
        ("blank", "", HASH),
        ("none", "none@example.org", "!"),
    ]);
    let again = ["--on-blank-email", "placeholder"];
    let first = import(&site, &users, &again);
    let counted = summary(&first);
    assert_eq!(counted["added"], 4, "{}", first.err);
    assert_eq!(
        (&counted["changed"], &counted["without_password"]),
        (&json!(2), &json!(1))
    );
    assert_eq!(
        counted["problems"].as_array().map(Vec::len),
        Some(4),
        "{counted}"
    );
    let dry = [&again[..], &["--dry-run"]].concat();
    for more in [&again[..], &dry] {
        let second = import(&site, &users, more);
        let counted = summary(&second);
        assert_eq!(
            (&counted["added"], &counted["present"]),
            (&json!(0), &json!(4))
        );
        assert_eq!(
            (&counted["changed"], &counted["without_password"]),
            (&json!(0), &json!(0))
        );
        assert_eq!(counted["problems"], json!([]));
        let said = second
            .err
            .replace("this was a dry run; nothing was changed\n", "");
        assert_eq!(said, "", "{more:?}");
    }
}
