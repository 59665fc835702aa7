//! Tables of users: separators, truths, empty rows, and the line that an editor shows.

use serde_json::json;

use crate::server::{Outcome, Site};

fn import(site: &Site, table: impl AsRef<[u8]>) -> Outcome {
    let file = site.path("users.csv");
    std::fs::write(&file, table).expect("a table");
    let file = file.display().to_string();
    site.run(&["--format", "json", "user", "import", "--from", "csv", &file])
}

#[test]
fn every_spelling_of_yes_and_no_is_read() {
    for (yes, no) in [
        ("true", "false"),
        ("TRUE", "FALSE"),
        ("True", "False"),
        ("1", "0"),
        ("yes", "no"),
        ("Y", "N"),
        ("1.0", "0.0"),
        (" true ", ""),
        ("WAHR", "FALSCH"),
        ("VRAI", "FAUX"),
        ("VERO", "FALSO"),
        ("Verdadeiro", "Falso"),
        ("WAAR", "ONWAAR"),
        ("PRAWDA", "FAŁSZ"),
        ("DOĞRU", "YANLIŞ"),
        ("ИСТИНА", "ЛОЖЬ"),
    ] {
        let site = Site::new();
        let table =
            format!("username,email,is_staff\nada,ada@example.org,{yes}\nbo,bo@example.org,{no}\n");
        import(&site, table).ok();
        let users = site.run(&["user", "list", "--format", "json"]).json();
        let is = (&users[0]["is_staff"], &users[1]["is_staff"]);
        assert_eq!(is, (&json!(true), &json!(false)), "{yes} {no}");
    }
    let table = "username,email,is_staff\nada,ada@example.org,maybe\n";
    let said = import(&Site::new(), table);
    assert!(
        said.err
            .contains("line 2: is_staff: \"maybe\" is neither true nor false"),
        "{}",
        said.err
    );
}

#[test]
fn every_separator_and_way_to_write_a_header_is_read() {
    for table in [
        "username,email,first_name\nada,ada@example.org,\"a;b\"\n",
        "username;email;first_name\r\nada;ada@example.org;a,b\r\n",
        "username\temail\tfirst_name\nada\tada@example.org\ta b\n",
        "sep=;\r\nusername;email\r\nada;ada@example.org\r\n",
        "sep=|\nusername|email\nada|ada@example.org\n",
        "\"Username\";\"Email\";\"First name\"\nada;ada@example.org;A\n",
        " USERNAME , Email \nada,ada@example.org\n",
        "User-name;E-Mail\nada;ada@example.org\n",
        "E-mail,First name\nada@example.org,Ada\n",
        "username,email,,\nada,ada@example.org,,\n",
        "username,email\nada,ada@example.org,,,\n",
        ",username,email\n0,ada,ada@example.org\n",
        "username,email\rada,ada@example.org\r",
        "username,email\n,\n\"\",\"\"\n , \nada,ada@example.org\n,\n\n",
        "\u{feff}username,email\nada,ada@example.org",
    ] {
        let site = Site::new();
        let said = import(&site, table);
        assert_eq!(said.code, Some(0), "{table:?}: {}", said.err);
        assert_eq!(said.json()["added"], 1, "{table:?}");
        site.run(&["user", "show", "ada@example.org"]).ok();
    }
    let said = import(&Site::new(), ",username,email\n7,ada,ada@example.org\n");
    assert!(
        said.err.contains("column 1 has no name and is passed over"),
        "{}",
        said.err
    );
}

#[test]
fn a_wrong_row_is_found_at_the_line_that_an_editor_shows() {
    let text = "username,email\r\nada,ada@example.org\r\nbo,\r\n";
    for (table, line) in [
        (text.to_owned(), 3),
        (text.replace('\r', ""), 3),
        (text.replace('\n', ""), 3),
        (text.trim_end().to_owned(), 3),
        (format!("\u{feff}{text}"), 3),
        (format!("sep=,\r\n{text}"), 4),
        (text.replace("ada,ada@", "\"a\r\nd\",x@"), 4),
        (text.replace("ada,ada@", "\"a\nd\",x@"), 4),
        (text.replace("\r\nbo", "\r\n\r\n\r\nbo"), 5),
        (text.replace("\r\n", "\n").replace("\nbo", "\n\n,\n\nbo"), 6),
        // More than is read at once.
        (
            text.replace("\r\nbo", &("\r\n,".repeat(100_000) + "\r\nbo")),
            100_003,
        ),
    ] {
        let said = import(&Site::new(), &table);
        let part = format!("line {line}: email: This field may not be blank. (user bo)");
        let shown = &table[..table.len().min(60)];
        assert!(said.err.contains(&part), "{shown:?}: {part}: {}", said.err);
    }
}

#[test]
fn what_cannot_be_read_is_said_of_its_line() {
    for (table, part) in [
        (
            "username,email\nada\n".as_bytes(),
            "line 2: it has 1 cell, and the header has 2",
        ),
        (
            b"username,email\nada,ada@example.org,x\n",
            "line 2: it has 3 cells",
        ),
        (
            b"username,email,first_name\nada,ada@example.org,Zo\xeb\n",
            "line 2: first_name: it is not UTF-8",
        ),
        (
            b"username,e-post\nada,ada@example.org\n",
            "the column \"e-post\" is unknown; the columns are id, username",
        ),
        (b"username,username\nada,ada\n", "is there twice"),
        // What follows would be a part of her name.
        (
            b"username,email,first_name\nada,ada@example.org,\"Ada\nbo,bo@example.org,Bo\n",
            "line 2: a quote begins there that does not end",
        ),
        (
            b"username;email\r\nada;ada@example.org\r\n\"bo;bo@example.org",
            "line 3: a quote begins there that does not end",
        ),
        (
            b",\n,\n",
            "its first line names no column that is known; they are: id, username",
        ),
        (
            b"id,username,email\nx,ada,ada@example.org\n",
            "line 2: id: \"x\" is no number",
        ),
    ] {
        let said = import(&Site::new(), table);
        let shown = String::from_utf8_lossy(table);
        assert_eq!(said.code, Some(1), "{shown}");
        assert!(said.err.contains(part), "{shown}: {part}: {}", said.err);
    }
}

#[test]
fn those_who_have_neither_a_name_nor_an_address_are_not_taken_for_one() {
    let site = Site::new();
    let file = site.path("users.csv");
    std::fs::write(
        &file,
        "email,first_name\nada,Ada\nbo@,Bo\ndi@example.org,Di\n",
    )
    .expect("a table");
    let file = file.display().to_string();
    let placeholder = ["--on-blank-email", "placeholder", "--on-error", "skip"];
    let import = ["--format", "json", "user", "import", &file];
    let said = site.run(&[&import[..], &placeholder].concat());
    let summary: serde_json::Value = serde_json::from_str(&said.out).expect("a summary");
    assert_eq!(
        (&summary["added"], &summary["failed"]),
        (&json!(1), &json!(2))
    );
    assert!(!said.err.contains("add --on-blank-email"), "{}", said.err);
}

#[test]
fn numbers_with_a_fraction_and_times_without_a_zone_are_read() {
    let site = Site::new();
    let table = "id,username,email,created_at\n7.0,ada,ada@example.org,2020-01-02 03:04:05\n";
    import(&site, table).ok();
    let ada = site.run(&["user", "show", "7", "--format", "json"]).json();
    assert_eq!(ada["created_at"], "2020-01-02T03:04:05Z");
}

#[test]
fn lines_of_json_tell_an_unknown_field_and_take_null_for_what_is_left_out() {
    let site = Site::new();
    let import = ["--format", "json", "user", "import", "-"];
    let line = json!({"id": null, "username": "ada", "email": "ada@example.org", "first_name": null,
        "is_staff": null, "consents": null, "created_at": null});
    let said = site.run_with(&import, &line.to_string());
    assert_eq!(said.code, Some(0), "{}", said.err);
    for line in [
        r#"[9, "mallory", "m@example.org", "", "", true, true]"#,
        "null",
        "\"a\"",
    ] {
        let said = site.run_with(&import, &format!("{{}}\n{line}\n"));
        assert!(
            said.err.contains("line 2: it is no object of JSON"),
            "{}",
            said.err
        );
    }
    let line =
        json!({"username": "bo", "email": "bo@example.org", "nickname": null, "is_staff": null});
    let said = site.run_with(&import, &line.to_string());
    assert!(
        said.err.contains("line 1: ") && said.err.contains("`nickname`"),
        "{}",
        said.err
    );
}
