//! What others chose does nothing to a terminal, wherever it is shown: errors, questions, notes,
//! reports, the log. The bytes are those that a real terminal gets.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::process::{Command, Stdio};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::json;

use crate::cli_terminal::EVIL;
use crate::examples::shell;
use crate::server::{Site, until};

/// Lines of bash, each run at a terminal. `EVIL` stands for what somebody chose.
const LINES: &str = "
minisass-auth user show 'EVIL'
minisass-auth --config 'EVIL' user list
minisass-auth --data-dir 'EVIL' user list
minisass-auth --data-dir 'EVIL' doctor
minisass-auth --data-dir 'EVIL' db migrate
minisass-auth --database 'EVIL' db status
minisass-auth --hash-threads 'EVIL' user list
minisass-auth --mail-from 'EVIL' config show
minisass-auth 'EVIL'
minisass-auth help 'EVIL'
minisass-auth user list 'EVIL'
minisass-auth user list --columns 'EVIL'
minisass-auth user list --format 'EVIL'
minisass-auth user create --email 'EVIL@example.org' --no-password
minisass-auth user create --email di@example.org --organisation-name 'EVIL' --no-password
minisass-auth user update 1 --upload-preference 'EVIL'
minisass-auth user update 1 --organisation-name 'EVIL'
minisass-auth profile set 1 --field 'EVIL'
minisass-auth profile set 1 --field 'EVIL=EVIL'
minisass-auth profile show 1
minisass-auth profile set 1 --remove-field 'EVILEVIL'
minisass-auth user show 1
minisass-auth user show 1 --format json
minisass-auth user show 1 --format csv
minisass-auth user activate 1
minisass-auth reset send 1
minisass-auth token issue 1 --format json
minisass-auth session list
minisass-auth session revoke 'EVIL'
minisass-auth audit list --user 'EVIL'
minisass-auth audit list --action 'EVIL'
minisass-auth policy publish 'EVIL' https://example.org/1
minisass-auth policy publish 1 'https://example.org/EVIL'
minisass-auth policy list
minisass-auth key retire 'EVIL' --yes
echo no | minisass-auth key export 'EVIL'
minisass-auth key import 'EVIL'
minisass-auth mail test 'EVIL'
minisass-auth mail list --state 'EVIL'
minisass-auth mail show 'EVIL'
minisass-auth mail show 1 --body
minisass-auth mail templates --dir 'EVIL'
minisass-auth mail list --mail-templates 'EVIL'
minisass-auth man --dir 'EVIL/x'
minisass-auth db backup 'EVIL.db'
minisass-auth db backup 'EVIL/x.db'
minisass-auth db restore 'EVIL'
minisass-auth user export 'EVIL.jsonl'
minisass-auth user export
minisass-auth user import 'EVIL'
minisass-auth user import evil.jsonl --report /dev/tty
minisass-auth user import evil.csv --from csv --report /dev/stderr
minisass-auth user import header.csv --from csv
minisass-auth user import evil.txt
minisass-auth user import evil.json --from django --report /dev/tty
minisass-auth config check --config evil.toml
minisass-auth config check --config broken.toml
minisass-auth token inspect < evil-token
minisass-auth token revoke < evil-token
minisass-auth mail test ada@example.org --smtp-url smtp://127.0.0.1:PORT?tls=none
minisass-auth user delete 1
minisass-auth key retire 'EVIL'
MINISASS_AUTH_LISTEN='EVIL' minisass-auth config check";

/// What a terminal obeys, or shows in another order.
fn assert_harmless(line: &str, shown: &str) {
    for bad in [
        "\u{1b}]",
        "\u{7}",
        "\u{1b}[2J",
        "\u{9b}",
        "\u{202e}",
        "\u{2028}",
    ] {
        assert!(!shown.contains(bad), "{line}: {bad:?} in {shown:?}");
    }
}

/// A command that runs `line` at a terminal of its own, whose bytes it prints.
fn at_a_terminal(site: &Site, line: &str) -> Command {
    std::fs::write(site.path("line.sh"), line).expect("a file");
    shell(site, "exec script -qefc 'bash line.sh' typescript")
}

/// What a line shows to somebody who answers its question, if it has one.
fn answered_no(site: &Site, line: &str) -> String {
    let mut command = at_a_terminal(site, line);
    command.stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut script = command.spawn().expect("a terminal");
    // Where the input ends, `script` waits for seconds.
    let mut input = script.stdin.take().expect("standard input");
    let _ = input.write_all(b"no\n");
    let output = script.wait_with_output().expect("its end");
    String::from_utf8(output.stdout).expect("UTF-8")
}

/// A mail server that refuses everybody in words of its own. It ends with the test.
fn hostile_mail_server() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("an address").port();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.expect("a client");
            let lines = BufReader::new(stream.try_clone().expect("a stream")).lines();
            let _ = stream.write_all(b"220 mail\r\n");
            for line in lines.map_while(Result::ok) {
                let answer = match line.get(..4) {
                    Some("EHLO") => "250 mail\r\n".to_owned(),
                    Some("QUIT") => break,
                    _ => format!("451 no {EVIL}\r\n"),
                };
                let _ = stream.write_all(answer.as_bytes());
            }
        }
    });
    port
}

fn prepare(site: &Site) {
    let write = |name: &str, text: &str| std::fs::write(site.path(name), text).expect("a file");
    let eve = json!({"username": "eve", "email": "eve@example.org", "first_name": EVIL});
    site.run_with(&["user", "import", "-"], &eve.to_string())
        .ok();
    // As an older version may have let in.
    let sql = format!("UPDATE users SET username = 'eve{EVIL}' WHERE username = 'eve'");
    site.database().change(&sql);
    let bad = json!({"username": format!("bo{EVIL}"), "email": EVIL});
    write("evil.jsonl", &format!("{bad}\n{{\"{EVIL}\": 1}}\n"));
    write("evil.csv", &format!("username,email\nbo{EVIL},{EVIL}\n"));
    write(
        "header.csv",
        &format!("username,{EVIL}\nbo,bo@example.org\n"),
    );
    write("evil.txt", EVIL);
    let fields =
        json!({"username": format!("cy{EVIL}"), "email": format!("{EVIL}x"), "password": "!"});
    let dump = json!([
        {"model": "auth.user", "pk": EVIL, "fields": fields},
        {"model": format!("x.{EVIL}"), "pk": 1, "fields": {}},
    ]);
    // As a program writes it that escapes nothing.
    write("evil.json", &dump.to_string());
    write("evil.toml", &format!("\"{}\" = 1\n", "x\u{202e}\u{9b}2J"));
    write("broken.toml", &format!("log_format = \u{202e}{EVIL}\n"));
    let part = |value: serde_json::Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let head = part(json!({"alg": "HS256", "kid": EVIL}));
    let claims = part(json!({"token_type": EVIL, "sid": EVIL, "jti": EVIL, "user_id": EVIL}));
    write(
        "evil-token",
        &format!("{head}.{claims}.{}\n", part(json!(1))),
    );
}

#[test]
fn no_command_hands_a_terminal_what_others_chose() {
    let site = Site::new();
    prepare(&site);
    let port = hostile_mail_server().to_string();
    let mut is_shown = 0;
    for line in LINES.lines().filter(|it| !it.is_empty()) {
        let typed = line.replace("EVIL", EVIL).replace("PORT", &port);
        let shown = answered_no(&site, &typed);
        assert_harmless(line, &shown);
        assert!(!shown.is_empty(), "{line}");
        is_shown += usize::from(shown.contains("u{202e}") || shown.contains("\\u202e"));
    }
    assert!(
        is_shown > 40,
        "{is_shown}: people see that something is there"
    );
}

#[test]
fn nor_does_the_log_of_a_server() {
    let site = Site::new();
    prepare(&site);
    site.run(&["reset", "send", "1"]).ok();
    let port = hostile_mail_server();
    let mail = format!("--smtp-url 'smtp://127.0.0.1:{port}?tls=none' --mail-retry 1s");
    for format in ["text", "json"] {
        // A name of a folder stands in what is announced, and one that is open in the log.
        let line = format!(
            "mkdir 'EVIL{format}'; chmod 777 'EVIL{format}'; cp -a data 'EVIL{format}/data'
             minisass-auth serve --data-dir 'EVIL{format}/data' --listen unix:socket \
             --public-url http://127.0.0.1:8000 --log-format {format} {mail} & pid=$!
             read -r; kill $pid; wait $pid"
        );
        let line = line.replace("EVIL", EVIL);
        let mut command = at_a_terminal(&site, &line);
        let mut script = command
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .spawn()
            .expect("a terminal");
        let typescript = || std::fs::read_to_string(site.path("typescript")).unwrap_or_default();
        until("an attempt", || {
            typescript().contains("mail_retry").then_some(())
        });
        let mut input = script.stdin.take().expect("standard input");
        input.write_all(b"\n").expect("a line");
        script.wait().expect("its end");
        let shown = typescript();
        assert_harmless(format, &shown);
        let open = shown.lines().find(|it| it.contains("sys_open_folder"));
        assert!(open.is_some_and(|it| it.contains("202e")), "{shown}");
        std::fs::remove_file(site.path("typescript")).expect("a file");
    }
}

#[test]
fn whoever_gives_up_at_a_password_sees_again_what_they_type() {
    let site = Site::with_database();
    // The shell outlives the signal, which goes to both.
    let line =
        "trap : INT; minisass-auth user create --email ada@example.org; echo code $?; stty -a";
    let mut command = at_a_terminal(&site, line);
    command.stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut script = command.spawn().expect("a terminal");
    let mut input = script.stdin.take().expect("standard input");
    let mut shown = script.stdout.take().expect("standard output");
    let mut asked = Vec::new();
    while !asked.ends_with(b"Password: ") {
        let mut byte = [0];
        shown.read_exact(&mut byte).expect("a question");
        asked.extend(byte);
    }
    // The terminal makes a signal of it.
    input.write_all(&[3]).expect("Ctrl-C");
    let mut rest = String::new();
    shown.read_to_string(&mut rest).expect("UTF-8");
    script.wait().expect("its end");
    assert!(rest.contains("code 130"), "{rest}");
    assert!(rest.contains(" echo "), "{rest}");
}
