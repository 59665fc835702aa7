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
        terminal.wait_for("Delete ada for good? Type yes to go on:");
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

/// Looks whether the lines of each table are equally long, and fit.
fn check_tables(screen: &str, columns: usize) {
    let mut width = 0;
    for line in screen
        .lines()
        .map(str::trim_end)
        .filter(|it| !it.is_empty())
    {
        let length = line.chars().count();
        if line.starts_with('╭') {
            width = length;
        }
        assert!(line.starts_with(['╭', '│', '├', '╰']), "{screen}");
        assert!(length == width && width <= columns, "{screen}");
    }
}

#[test]
fn a_table_that_fits_has_a_row_for_each_user() {
    let site = Site::new();
    site.add_user("ada", &[]);
    add_long(&site);
    let terminal = Terminal::new(&site, (130, 30), "minisass-auth user list");
    assert_eq!(terminal.wait(), 0);
    let screen = terminal.screen();
    check_tables(&screen, 130);
    assert!(screen.contains("│ ID "), "{screen}");
    assert!(
        screen.contains(" ada@example.org "),
        "the short one is whole: {screen}"
    );
    assert!(screen.contains("│ 4711 │ ada-whose"), "{screen}");
    assert_eq!(screen.matches('├').count(), 1, "{screen}");
}

#[test]
fn where_a_table_would_be_too_narrow_to_read_each_row_has_its_own() {
    let site = Site::new();
    site.add_user("ada", &[]);
    add_long(&site);
    for columns in [40, 80] {
        let terminal = Terminal::new(&site, (columns, 30), "minisass-auth user list");
        assert_eq!(terminal.wait(), 0);
        let screen = terminal.screen();
        check_tables(&screen, columns);
        assert_eq!(screen.matches('╭').count(), 2, "{screen}");
        // What was wrapped goes on below, with nothing else on the line.
        let whole: String = screen
            .chars()
            .filter(|it| !it.is_whitespace() && *it != '│')
            .collect();
        for told in [
            "usernameada-whose-name-is-rather-longemail",
            "emailada-whose-name-is-rather-long@a.rather.long.domain.example.orgfirst_name",
            "first_nameAdaWhoseNameIsRatherLonglast_name",
            "is_staffnocreated_at",
        ] {
            assert!(whole.contains(told), "{told}: {screen}");
        }
    }
}

#[test]
fn colours_are_for_terminals_and_for_who_wants_them() {
    let site = Site::new();
    site.add_user("ada", &[]);
    for (line, is_coloured) in [
        ("minisass-auth user list --help", true),
        ("minisass-auth user list --help | cat", false),
        ("NO_COLOR=1 minisass-auth user list --help", false),
        ("! minisass-auth user shw", true),
        ("! NO_COLOR=1 minisass-auth user shw", false),
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
        screen.matches("there was no database").count(),
        1,
        "{screen}"
    );
}
