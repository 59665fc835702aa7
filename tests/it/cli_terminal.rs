//! What people see at a terminal: questions, tables that fit, colours.

use serde_json::json;

use crate::server::{PASSWORD, Site};
use crate::terminal::Terminal;

const SIZE: (usize, usize) = (60, 20);

/// Whoever is there, by user name.
fn names(site: &Site) -> Vec<String> {
    let list = ["user", "list", "--limit", "0", "--format", "json"];
    let users = site.run(&list).json();
    let users = users.as_array().expect("a list").iter();
    users
        .map(|it| it["username"].as_str().expect("a name").to_owned())
        .collect()
}

fn type_hidden(terminal: &Terminal, question: &str, answer: &str) {
    terminal.wait_for(question);
    terminal.wait_until_hidden();
    terminal.type_line(answer);
}

#[test]
fn a_password_is_asked_for_twice_and_not_shown() {
    let site = Site::new();
    let create = "minisass-auth user create --email ada@example.org";
    let terminal = Terminal::new(&site, SIZE, create);
    type_hidden(&terminal, "Password:", PASSWORD);
    type_hidden(&terminal, "Password again:", PASSWORD);
    assert_eq!(terminal.wait(), 0);
    let screen = terminal.screen();
    assert!(screen.contains("ada@example.org"), "{screen}");
    assert!(
        !screen.contains(PASSWORD) && !screen.contains('*'),
        "{screen}"
    );
    let again = Terminal::new(&site, SIZE, create);
    assert_eq!(again.wait(), 1);
    let screen = again.screen();
    assert!(screen.contains("already registered"), "{screen}");
    assert!(!screen.contains("Password:"), "asked for nothing: {screen}");
    assert_eq!(site.start(&[]).login("ada@example.org").status, 200);
}

#[test]
fn two_passwords_that_differ_change_nothing() {
    let site = Site::new();
    site.add_user("ada", &[]);
    let terminal = Terminal::new(&site, SIZE, "minisass-auth user set-password ada");
    type_hidden(&terminal, "Password:", "three unrelated words");
    type_hidden(&terminal, "Password again:", "three unrelated wards");
    assert_eq!(terminal.wait(), 1);
    let screen = terminal.screen();
    assert!(
        screen.contains("not the same; nothing was done"),
        "{screen}"
    );
    assert!(!screen.contains("unrelated"), "{screen}");
    assert_eq!(site.start(&[]).login("ada@example.org").status, 200);
}

#[test]
fn whoever_ends_the_input_instead_of_answering_is_told_that_nothing_was_done() {
    let site = Site::new();
    site.add_user("ada", &[]);
    for (command, question) in [
        ("user set-password ada", "Password:"),
        ("token inspect", "Token:"),
    ] {
        let terminal = Terminal::new(&site, SIZE, &format!("minisass-auth {command}"));
        terminal.wait_for(question);
        terminal.wait_until_hidden();
        terminal.press(&["C-d"]);
        assert_eq!(terminal.wait(), 1);
        let screen = terminal.screen();
        let said = "minisass-auth: nothing was typed, and nothing was done";
        assert!(screen.lines().any(|it| it == said), "{screen}");
    }
}

#[test]
fn a_token_is_asked_for_and_not_shown() {
    let site = Site::new();
    site.add_user("ada", &[]);
    let token = site.run(&["token", "issue", "ada"]).ok();
    let terminal = Terminal::new(&site, SIZE, "minisass-auth token inspect");
    type_hidden(&terminal, "Token:", token.trim());
    assert_eq!(terminal.wait(), 0);
    let screen = terminal.screen();
    assert!(screen.contains("is_good"), "{screen}");
    assert!(!screen.contains(&token[..20]), "{screen}");
}

#[test]
fn only_yes_deletes() {
    let site = Site::new();
    site.add_user("ada", &[]);
    for (answer, code, left) in [("", 1, 1), ("y", 1, 1), ("no yes", 1, 1), ("yes", 0, 0)] {
        let terminal = Terminal::new(&site, SIZE, "minisass-auth user delete ada");
        terminal.wait_for(
            "Delete ada (number 1, ada@example.org) and all that belongs to them for good?",
        );
        terminal.type_line(answer);
        assert_eq!(terminal.wait(), code, "{answer}: {}", terminal.screen());
        assert_eq!(terminal.screen().contains("nothing was done"), code == 1);
        assert_eq!(names(&site).len(), left, "{answer}");
    }
}

#[test]
fn the_end_of_everybodys_sessions_is_asked_for() {
    let site = Site::new();
    site.add_user("ada", &[]);
    let token = site.run(&["token", "issue", "ada"]).ok();
    let server = site.start(&[]);
    for (answer, status) in [("no", 200), ("yes", 401)] {
        let terminal = Terminal::new(&site, SIZE, "minisass-auth session revoke --all");
        terminal.wait_for("everybody has to log in again. Type yes");
        terminal.type_line(answer);
        terminal.wait();
        assert_eq!(server.status_of(token.trim()), status, "{answer}");
    }
}

/// A user whose fields are as long as one likes.
fn add_long(site: &Site) {
    let line = json!({
        "id": 4711,
        "username": "ada-whose-name-is-rather-long",
        "email": "ada-whose-name-is-rather-long@a.rather.long.domain.example.org",
        "first_name": "Ada Whose Name Is Rather Long",
    });
    site.run_with(&["user", "import", "-"], &line.to_string())
        .ok();
}

#[test]
fn a_list_is_a_line_for_each_row_and_cuts_no_word() {
    let site = Site::new();
    let who = [
        "--first-name",
        "Adalbertine",
        "--organisation-name",
        "Rivers and Lakes",
    ];
    site.add_user("ada", &who);
    site.add_user("bartholomew", &["--inactive"]);
    site.run(&["reset", "send", "ada"]).ok();
    site.run(&["token", "issue", "ada", "--ttl", "12h"]).ok();
    for (command, told) in [
        (
            "user list",
            &["ada@example.org", "bartholomew@example.org"][..],
        ),
        (
            "mail list",
            &["ada@example.org", "password-reset", "queued"],
        ),
        ("session list", &["ada", "in 12 h"]),
        ("audit list", &["user.create"]),
        ("key list", &["HS256"]),
    ] {
        for columns in [80, 120] {
            let line = format!("minisass-auth {command}");
            let terminal = Terminal::new(&site, (columns, 50), &line);
            assert_eq!(terminal.wait(), 0);
            let screen = terminal.screen();
            let widths = screen.lines().map(|it| it.trim_end().chars().count());
            assert!(widths.max() <= Some(columns), "{screen}");
            for word in told {
                assert!(screen.contains(&format!("│ {word} ")), "{word}: {screen}");
            }
            let is_relative = screen.contains(" now ") || screen.contains(" min ago ");
            assert!(is_relative || command == "key list", "{screen}");
            // Four lines are borders and the head.
            let rows = site.run(
                &[
                    &["--format", "json"],
                    &command.split(' ').collect::<Vec<_>>()[..],
                ]
                .concat(),
            );
            let rows = rows.json().as_array().expect("rows").len();
            assert_eq!(
                screen.trim().lines().count(),
                rows + 4,
                "{columns}: {screen}"
            );
        }
    }
}

#[test]
fn what_needs_more_room_is_wrapped_between_words() {
    let site = Site::new();
    site.add_user("ada", &[]);
    for columns in [80, 120] {
        let terminal = Terminal::new(&site, (columns, 100), "minisass-auth doctor");
        terminal.wait();
        let screen = terminal.screen();
        let csv = site.run(&["doctor", "--format", "csv"]).out;
        let (_, rows) = csv.split_once('\n').expect("a head");
        let words = rows.split([',', '"', '\n', ' ']).filter(|it| it.len() > 6);
        // Times and sizes differ from one run to the next.
        let steady = words.filter(|it| it.chars().all(|c| c.is_ascii_alphabetic()));
        for word in steady {
            assert!(screen.contains(word), "{word}: {screen}");
        }
    }
}

#[test]
fn columns_can_be_chosen_and_elsewhere_than_at_a_terminal_all_are_there() {
    let site = Site::new();
    site.add_user("ada", &["--organisation-name", "Rivers and Lakes"]);
    let some = ["user", "list", "--columns", "email,username"];
    let csv = site.run(&[&some[..], &["--format", "csv"]].concat()).ok();
    assert_eq!(csv, "email,username\nada@example.org,ada\n");
    let rows = site
        .run(&[&some[..], &["--format", "json"]].concat())
        .json();
    assert_eq!(
        rows,
        json!([{"email": "ada@example.org", "username": "ada"}])
    );
    let said = site.run(&["user", "list", "--columns", "emial"]);
    assert_eq!(said.code, Some(2), "{}", said.err);
    assert!(
        said.err.contains("\"emial\"") && said.err.contains("username, email"),
        "{}",
        said.err
    );
    // As people write them, or as they stand above the column.
    let loose = " Email, LAST LOGIN,is-active,";
    let csv = ["user", "list", "--format", "csv", "--columns", loose];
    let csv = site.run(&csv).ok();
    assert_eq!(
        csv,
        "email,last_login_at,is_active\nada@example.org,,true\n"
    );
    let said = site.run(&["user", "list", "--columns", "email,EMAIL"]);
    assert!(said.refusal().contains("names email twice"));
    let wide = site.run(&["user", "list", "--wide"]).ok();
    assert!(wide.contains("Rivers and Lakes"), "{wide}");
    let piped = site.run(&["user", "list"]).ok();
    assert!(
        piped.contains("FIRST NAME") && piped.contains("T") && piped.contains("Z │"),
        "{piped}"
    );
    assert!(
        !piped.contains('\u{1b}') && !piped.contains(" now "),
        "{piped}"
    );
    let line = "minisass-auth user list --columns id,email";
    let terminal = Terminal::new(&site, (80, 20), line);
    assert_eq!(terminal.wait(), 0);
    assert!(
        terminal.screen().contains("│ ID │ EMAIL "),
        "{}",
        terminal.screen()
    );
}

#[test]
fn where_even_a_word_would_be_cut_each_value_has_a_line_of_its_own() {
    let site = Site::new();
    add_long(&site);
    for columns in [40, 80] {
        let line = "minisass-auth user list --columns username,email";
        let terminal = Terminal::new(&site, (columns, 30), line);
        assert_eq!(terminal.wait(), 0);
        // The terminal itself goes on in the next line, so that what is copied is whole.
        let screen = terminal.screen();
        let email = "ada-whose-name-is-rather-long@a.rather.long.domain.example.org";
        for line in [
            "username  ada-whose-name-is-rather-long\n",
            &format!("email     {email}\n"),
        ] {
            assert!(screen.contains(line), "{line}: {screen}");
        }
    }
}

#[test]
fn states_are_coloured_for_who_wants_that() {
    let site = Site::new();
    site.add_user("ada", &["--inactive"]);
    for (before, is_coloured) in [
        ("", true),
        ("NO_COLOR=1", false),
        ("CLICOLOR=0", false),
        ("TERM=dumb", false),
    ] {
        let line = format!("{before} minisass-auth user list");
        let terminal = Terminal::new(&site, (100, 20), &line);
        assert_eq!(terminal.wait(), 0);
        let screen = terminal.coloured();
        // Red, for somebody who may not log in.
        assert_eq!(
            screen.contains("\u{1b}[31m"),
            is_coloured,
            "{line}: {screen}"
        );
    }
    let piped = site.run(&["user", "list"]).ok();
    assert!(!piped.contains('\u{1b}'), "{piped}");
    let mut forced = site.command(&["user", "list"]);
    let forced = crate::server::run(forced.env("CLICOLOR_FORCE", "1"), "").ok();
    assert!(forced.contains("\u{1b}[31m"), "{forced}");
}

/// A name that would set the title of the window, clear the screen, and turn the writing round.
pub const EVIL: &str = "\u{1b}]0;owned\u{7}\u{1b}[2J\u{9b}2J\u{2028}\u{202e}";

/// Whoever exports to a terminal or lists at one sees what a name holds, in every format.
#[test]
fn no_format_hands_a_terminal_what_others_chose() {
    let site = Site::new();
    let user = json!({"username": "eve", "email": "eve@example.org", "first_name": EVIL});
    site.run_with(&["user", "import", "-"], &user.to_string())
        .ok();
    let shown = "u{202e}";
    let commands = [
        "user list --format csv",
        "user list --format json",
        "user list --wide",
        "user show eve",
        "user show eve --format json",
        "user export --as csv",
        "user export",
    ];
    for command in commands {
        let line = format!("minisass-auth {command} > /dev/tty");
        let terminal = Terminal::new(&site, (250, 30), &format!("minisass-auth {command}"));
        assert_eq!(terminal.wait(), 0, "{line}");
        let screen = terminal.screen();
        assert!(
            !screen.contains('\u{202e}') && !screen.contains('\u{2028}'),
            "{command}: {screen}"
        );
        assert!(
            screen.contains(shown) || screen.contains("\\u202e"),
            "{command}: {screen}"
        );
    }
    // A spreadsheet gets the name as it is; JSON means the same in other characters.
    let csv = site.run(&["user", "list", "--format", "csv"]).ok();
    assert!(csv.contains(EVIL), "{csv}");
    let csv = site.run(&["user", "export", "--as", "csv"]).ok();
    assert!(csv.contains(EVIL), "{csv}");
    for command in [
        &["user", "list", "--format", "json"][..],
        &["user", "export"],
    ] {
        let text = site.run(command).ok();
        assert!(
            !text.contains(['\u{1b}', '\u{7}', '\u{9b}', '\u{202e}', '\u{2028}']),
            "{text:?}"
        );
    }
    let list = site.run(&["user", "list", "--format", "json"]).json();
    assert_eq!(list[0]["first_name"], EVIL);
}

#[test]
fn colours_are_for_terminals_and_for_who_wants_them() {
    let site = Site::new();
    site.add_user("ada", &[]);
    for (line, is_coloured) in [
        ("minisass-auth user list --help", true),
        ("minisass-auth user list --help | cat", false),
        ("NO_COLOR=1 minisass-auth user list --help", false),
        ("! minisass-auth user shw", false),
        ("minisass-auth user show ada", false),
    ] {
        let terminal = Terminal::new(&site, SIZE, line);
        assert_eq!(terminal.wait(), 0, "{line}");
        let screen = terminal.coloured();
        assert!(screen.contains("user"), "{line}: {screen}");
        assert_eq!(screen.contains('\u{1b}'), is_coloured, "{line}: {screen}");
    }
}

#[test]
fn whoever_wants_the_first_line_gets_that_and_no_complaint() {
    let site = Site::new();
    let user =
        |it| json!({"username": format!("user{it}"), "email": format!("user{it}@example.org")});
    let users: Vec<String> = (0..2000).map(|it| user(it).to_string()).collect();
    site.run_with(&["user", "import", "-"], &users.join("\n"))
        .ok();
    for format in ["table", "csv", "json"] {
        let line = format!("minisass-auth user list --limit 0 --format {format} | head -1");
        let terminal = Terminal::new(&site, (160, 20), &line);
        assert_eq!(terminal.wait(), 0, "{format}");
        assert_eq!(terminal.screen().trim_end().lines().count(), 1, "{format}");
    }
}

#[test]
fn whoever_is_in_the_wrong_folder_is_told_that_an_empty_database_was_made() {
    let site = Site::new();
    let create = "minisass-auth user create --no-password --email";
    let line = format!("{create} ada@example.org; {create} bo@example.org");
    let terminal = Terminal::new(&site, SIZE, &line);
    assert_eq!(terminal.wait(), 0);
    let screen = terminal.screen();
    assert_eq!(
        screen.matches("a new database was made at ").count(),
        1,
        "{screen}"
    );
}
