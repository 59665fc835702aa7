//! Files that people have for a dump: packed, piped, broken, or something else.

use std::io::{Read, Write};
use std::process::{Command, Stdio};

use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::{Value, json};

use crate::move_dump::{HASH, dump, import, import_file, person};
use crate::server::{Site, run};

fn ada() -> String {
    dump(&[("ada", "ada@example.org", HASH)])
}

fn packed(text: impl AsRef<[u8]>) -> Vec<u8> {
    let mut packer = GzEncoder::new(Vec::new(), Compression::fast());
    packer.write_all(text.as_ref()).expect("memory");
    packer.finish().expect("memory")
}

fn wide(text: &str, with_mark: bool, swap: bool) -> Vec<u8> {
    let mark = if with_mark { "\u{feff}" } else { "" };
    let units = mark.encode_utf16().chain(text.encode_utf16());
    let units = units.collect::<Vec<_>>();
    let bytes = units.iter().map(|it| {
        if swap {
            it.to_be_bytes()
        } else {
            it.to_le_bytes()
        }
    });
    bytes.flatten().collect()
}

#[test]
fn a_dump_comes_in_however_it_is_packed_and_whatever_brings_it() {
    let lines = ada().trim_matches(['[', ']']).to_owned() + "\n";
    let spread =
        serde_json::to_string_pretty(&serde_json::from_str::<Value>(&ada()).expect("JSON"))
            .expect("JSON");
    let mark = "\u{feff}";
    let files = [
        ada().into_bytes(),
        lines.clone().into_bytes(),
        spread.into_bytes(),
        format!("{mark}{}", ada()).into_bytes(),
        format!("{mark}{lines}").into_bytes(),
        packed(ada()),
        packed(&lines),
        packed(format!("{mark}{}\r\n", ada())),
        // Two files, packed one after the other.
        [packed(&ada()[..40]), packed(&ada()[40..])].concat(),
    ];
    for file in files {
        let shown = String::from_utf8_lossy(&file[..file.len().min(40)]).into_owned();
        let site = Site::new();
        assert_eq!(import(&site, &file, &[]).json()["added"], 1, "{shown}");
        // Through a pipe it can be read only once.
        let site = Site::new();
        std::fs::write(site.path("file"), &file).expect("a file");
        let arguments = [
            "--format", "json", "user", "import", "--from", "django", "-",
        ];
        let mut piped = site.command(&arguments);
        piped.stdin(std::fs::File::open(site.path("file")).expect("the file"));
        let output = piped
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .output()
            .expect("the program");
        let summary: Value = serde_json::from_slice(&output.stdout).expect("JSON");
        assert_eq!(summary["added"], 1, "{shown}");
        let left: Vec<_> = std::fs::read_dir(site.data())
            .expect("a folder")
            .map(|it| it.expect("a file").file_name())
            .filter(|it| it.to_string_lossy().ends_with(".tmp"))
            .collect();
        assert!(left.is_empty(), "{left:?}");
        let site = Site::new();
        let fifo = site.path("fifo").display().to_string();
        run(Command::new("mkfifo").arg(&fifo), "").ok();
        let (into, bytes) = (fifo.clone(), file.clone());
        let writer = std::thread::spawn(move || std::fs::write(into, bytes));
        let said = import_file(&site, &fifo, &[]);
        writer.join().expect("a writer").expect("a reader");
        assert_eq!(said.json()["added"], 1, "{shown}");
    }
}

#[test]
fn other_files_of_users_are_unpacked_too() {
    for (kind, text) in [
        (
            "jsonl",
            "{\"username\": \"ada\", \"email\": \"ada@example.org\"}\n",
        ),
        ("csv", "username,email\nada,ada@example.org\n"),
    ] {
        let site = Site::new();
        std::fs::write(site.path("users.gz"), packed(text)).expect("a file");
        let file = site.path("users.gz").display().to_string();
        let import = ["--format", "json", "user", "import", &file, "--from", kind];
        assert_eq!(site.run(&import).json()["added"], 1, "{kind}");
        std::fs::write(site.path("users.gz"), wide(text, true, false)).expect("a file");
        let said = site.run(&import);
        assert!(said.err.contains("UTF-16"), "{kind}: {}", said.err);
    }
}

#[test]
fn what_is_no_dump_is_called_by_its_name() {
    let ada = ada();
    let row = ada.trim_matches(['[', ']']);
    let in_latin_1 = ada.replace("\"ada\"", "\"Zo?\"");
    let in_latin_1 = in_latin_1
        .bytes()
        .map(|it| if it == b'?' { 0xeb } else { it });
    let in_latin_1 = in_latin_1.collect();
    let cases: Vec<(Vec<u8>, &[&str])> = vec![
        (Vec::new(), &["it is empty"]),
        (b" \n\n".to_vec(), &["it is empty"]),
        (wide(&ada, true, false), &["UTF-16", "iconv"]),
        (wide(&ada, true, true), &["UTF-16"]),
        (wide(&ada, false, false), &["UTF-16"]),
        (wide(&ada, false, true), &["UTF-16"]),
        (
            format!("Loading settings…\n{ada}").into(),
            &["line 1", "something stands before the rows"],
        ),
        (
            format!("\n\n[INFO] ready\n{ada}").into(),
            &["line 3", "before the rows"],
        ),
        (
            format!("[2026-01-02 03:04] ready\n{ada}").into(),
            &["line 1"],
        ),
        (format!("{ada}\nbye").into(), &["line 2", "after the rows"]),
        (
            format!("[{row},\nWarning: slow\n{row}]").into(),
            &["line 2", "among the rows"],
        ),
        (
            format!("{row}\nWarning: slow\n{row}\n").into(),
            &["line 2", "among the rows"],
        ),
        (ada[..ada.len() - 1].into(), &["not the whole dump"]),
        (
            ada[..ada.len() / 2].into(),
            &["not the whole dump", "line 1"],
        ),
        (
            b"<?xml version=\"1.0\"?>\n<django-objects/>".to_vec(),
            &["XML", "--format json"],
        ),
        (
            b"- model: auth.user\n  pk: 1\n".to_vec(),
            &["YAML", "--format json"],
        ),
        (b"---\n- model: auth.user\n".to_vec(), &["YAML"]),
        (
            b"SQLite format 3\0abc".to_vec(),
            &["SQLite database", "dumpdata"],
        ),
        (b"PGDMP\x01\x0e".to_vec(), &["PostgreSQL", "dumpdata"]),
        (b"PK\x03\x04abcdef".to_vec(), &["ZIP"]),
        (b"BZh91AY&SY".to_vec(), &["bzip2 -dc"]),
        (b"\xfd7zXZ\0\0\x04".to_vec(), &["xz -dc"]),
        (b"\x28\xb5\x2f\xfd\x04\x00".to_vec(), &["zstd -dc"]),
        (packed("<?xml?>"), &["XML"]),
        (
            b"--\n-- PostgreSQL database dump\n--\n".to_vec(),
            &["SQL", "dumpdata"],
        ),
        (
            b"INSERT INTO auth_user VALUES (1);\n".to_vec(),
            &["SQL", "dumpdata"],
        ),
        (
            [&b"dump.json"[..], &[0; 248], b"ustar\x0000", &[0; 247]].concat(),
            &["tar -xf"],
        ),
        (packed(packed(&ada)), &["packed twice", "gzip -dc"]),
        (b"[]".to_vec(), &["it holds no rows at all; dump the app"]),
        (in_latin_1, &["not UTF-8", "iconv"]),
        (
            b"{\"username\": \"ada\"}\n".to_vec(),
            &["line 1", "no model"],
        ),
        (
            b"username,email\nada,ada@example.org\n".to_vec(),
            &["line 1", "before the rows"],
        ),
        (packed(&ada)[..40].to_vec(), &["cannot read"]),
    ];
    for (file, parts) in cases {
        let site = Site::new();
        let said = import(&site, &file, &[]);
        let shown = String::from_utf8_lossy(&file[..file.len().min(40)]).into_owned();
        assert_eq!(said.code, Some(1), "{shown}: {}", said.err);
        for part in parts {
            assert!(said.err.contains(part), "{shown}: {part}: {}", said.err);
        }
        let list = site.run(&["user", "list", "--format", "json"]);
        let is_none = list.err.contains("there is no database");
        assert!(is_none || list.json() == json!([]), "{shown}");
    }
}

#[test]
fn a_file_of_another_kind_says_which_kind_it_is() {
    let site = Site::new();
    for (kind, text, hint) in [
        ("jsonl", ada(), "--from django"),
        (
            "jsonl",
            ada().trim_matches(['[', ']']).to_owned(),
            "--from django",
        ),
        ("jsonl", "username,email\n".to_owned(), "--from csv"),
        ("csv", ada(), "--from django"),
        ("csv", "{\"username\": \"ada\"}".to_owned(), "--from jsonl"),
    ] {
        let said = site.run_with(&["user", "import", "-", "--from", kind], &text);
        assert_eq!(said.code, Some(1), "{kind}");
        assert!(said.err.contains(hint), "{kind}: {hint}: {}", said.err);
    }
}

#[test]
fn a_row_that_is_passed_over_is_not_judged() {
    let deep = format!("{}1{}", "[".repeat(5000), "]".repeat(5000));
    let braces = "{\"a\": \"}]\\\"{\", \"model\": \"auth.user\"}";
    let values = [
        "NaN",
        "Infinity",
        "-Infinity",
        "1e999",
        &deep,
        "\"\\ud800\"",
        braces,
        "01",
        "\u{7f}",
        "'x'",
    ];
    for value in values {
        let over = format!(r#"{{"pk": "x", "fields": {{"ph": {value}}}, "model": "rivers.site"}}"#);
        let first = format!(r#"{{"model": "rivers.site", "pk": 1, "fields": {{"ph": {value}}}}}"#);
        let site = Site::new();
        let ada = ada();
        let text = format!("[{over}, {}, {first}]", ada.trim_matches(['[', ']']));
        let said = import(&site, text, &[]);
        let shown = &value[..value.len().min(20)];
        assert!(
            said.err.contains("rivers.site: 2 rows have no place here"),
            "{shown}: {}",
            said.err
        );
        let summary = said.json();
        assert_eq!(summary["added"], 1, "{shown}");
        assert_eq!(summary["passed_over"], json!({"rivers.site": 2}));
    }
}

#[test]
fn a_value_that_is_none_in_a_field_of_ours_is_named() {
    for name in ["date_joined", "last_login", "is_active", "first_name"] {
        for value in ["NaN", "-Infinity", "1e999", "bare"] {
            let mut row = person(1, "ada", "ada@example.org", HASH);
            row["fields"][name] = "HERE".into();
            let text = format!("[{}]", row.to_string().replace("\"HERE\"", value));
            let site = Site::new();
            let said = import(&site, text, &[]);
            assert_eq!(said.code, Some(1), "{name}: {value}");
            assert!(
                said.err
                    .contains(&format!("{name}: its value is none that JSON has")),
                "{name}: {value}: {}",
                said.err
            );
        }
    }
}

#[test]
fn a_packed_file_that_is_cut_off_or_damaged_is_called_so() {
    let lines = r#"{"username": "bo", "email": "bo@example.org"}"#.to_owned() + "\n";
    let whole = packed(lines.repeat(50));
    let mut changed = whole.clone();
    let middle = changed.len() / 2;
    changed[middle] ^= 0xff;
    let mut other_sum = whole.clone();
    let end = other_sum.len() - 8;
    other_sum[end] ^= 0xff;
    for bytes in [
        &whole[..whole.len() / 2],
        &whole[..12],
        &changed,
        &other_sum,
    ] {
        let site = Site::new();
        let file = site.path("users.jsonl.gz");
        std::fs::write(&file, bytes).expect("a file");
        let said = site.run(&["user", "import", file.to_str().expect("UTF-8")]);
        assert_eq!(said.code, Some(1));
        assert!(said.err.contains("cut off or damaged"), "{}", said.err);
        assert!(!said.err.contains("deflate"), "{}", said.err);
    }
}

#[test]
fn nor_is_a_field_of_a_user_that_is_passed_over() {
    let deep = format!("{}1{}", "[".repeat(500), "]".repeat(500));
    for value in [
        "NaN",
        "-Infinity",
        "1e999",
        "[NaN, {\"a\": [Infinity, \"NaN\"]}, 1]",
        &deep,
    ] {
        let row = person(1, "ada", "ada@example.org", HASH).to_string();
        let row = row.replacen(
            "\"fields\":{",
            &format!("\"fields\":{{\"score\":{value},"),
            1,
        );
        let site = Site::new();
        let said = import(&site, format!("[{row}]"), &[]);
        assert_eq!(
            said.code,
            Some(0),
            "{}: {}",
            &value[..value.len().min(20)],
            said.err
        );
        let server = site.start(&[]);
        assert_eq!(server.login("ada@example.org").status, 200);
    }
}

#[test]
fn a_row_that_is_ours_and_broken_is_named_and_the_others_come_in() {
    let good = person(2, "ada", "ada@example.org", HASH).to_string();
    let broken = r#"{"model": "auth.user", "pk": 1, "fields": {"username": bad word}}"#;
    let site = Site::new();
    let said = import(
        &site,
        format!("[{good},\n{broken}]"),
        &["--on-error", "skip"],
    );
    assert!(
        said.err
            .contains("auth.user at line 2: it is not what dumpdata writes"),
        "{}",
        said.err
    );
    let list = site.run(&["user", "list", "--format", "json"]).json();
    assert_eq!(list[0]["username"], "ada");
}

#[test]
fn a_row_of_any_length_is_passed_over_in_little_memory() {
    // Made while it is read, so that the test needs no disk either.
    let site = Site::new();
    let mut command = site.command(&[
        "--format", "json", "user", "import", "--from", "django", "-",
    ]);
    command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = command.spawn().expect("the program");
    let mut stdin = child.stdin.take().expect("standard input");
    let mut write = |text: &[u8]| stdin.write_all(text).expect("a pipe");
    write(br#"[{"model": "rivers.photo", "pk": 1, "fields": {"pixels": ""#);
    for _ in 0..40 {
        write(&vec![b'x'; 1 << 20]);
    }
    write(b"\"}},");
    write(
        person(1, "ada", "ada@example.org", HASH)
            .to_string()
            .as_bytes(),
    );
    write(b"]");
    drop(stdin);
    let mut out = String::new();
    child
        .stdout
        .take()
        .expect("standard output")
        .read_to_string(&mut out)
        .expect("text");
    assert!(child.wait().expect("its end").success(), "{out}");
    let summary: Value = serde_json::from_str(&out).expect("JSON");
    assert_eq!(summary["added"], 1);
}
