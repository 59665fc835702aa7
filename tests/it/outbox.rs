//! How long a mail is tried, and by whom.

use std::io::{BufRead, BufReader, ErrorKind, Write};
use std::net::{TcpListener, TcpStream};
use std::thread;

use minisass_auth::domain::{MailState, User};
use minisass_auth::store::mails::MailPage;

use crate::app::{App, DAY, HOUR, operator};

/// The one mail there is.
fn state(app: &App) -> MailState {
    let all = MailPage {
        state: None,
        after: 0,
        limit: 2,
    };
    let mails = app.wait(app.operator.mails(all)).expect("an outbox");
    assert_eq!(mails.len(), 1);
    mails[0].state
}

/// A mail tells of it, for as long as it takes.
fn change_password(app: &App, user: &User) {
    let new = "another good one";
    let changed = app.wait(app.operator.set_password(user, new, &operator()));
    assert!(matches!(changed, Ok(Ok(()))));
}

/// Tries whenever it is time, until the mail waits no more. Returns how long that took.
fn try_on(app: &App) -> i64 {
    let mut seconds = 0;
    while state(app) == MailState::Queued {
        while app.wait(app.operator.deliver_due()).expect("an outbox") > 0 {}
        // The longest pause is 4 hours and a quarter of that.
        seconds += 5 * HOUR;
        app.clock.advance(5 * HOUR);
    }
    seconds
}

#[test]
fn a_mail_fails_after_five_days_of_attempts_and_a_retry_gives_it_five_more() {
    let app = App::new();
    let ada = app.add_user("ada");
    // A file where the folder would be: nothing can be written there.
    std::fs::write(app.path("outbox"), "").expect("a file");
    change_password(&app, &ada);

    // The server stood still for a week: that is nobody's attempt.
    app.clock.advance(7 * DAY);
    let lasted = try_on(&app);
    assert!((5 * DAY..8 * DAY).contains(&lasted), "{lasted} s");
    assert_eq!(state(&app), MailState::Failed);

    app.wait(app.operator.retry_all_mails(MailState::Failed, &operator()))
        .expect("a retry");
    let lasted = try_on(&app);
    assert!((5 * DAY..8 * DAY).contains(&lasted), "{lasted} s");

    app.wait(app.operator.retry_all_mails(MailState::Failed, &operator()))
        .expect("a retry");
    std::fs::remove_file(app.path("outbox")).expect("the file");
    try_on(&app);
    assert_eq!(state(&app), MailState::Sent);
}

#[test]
fn each_test_mail_has_a_file_of_its_own() {
    let site = crate::server::Site::with_database();
    for _ in 0..3 {
        site.run(&["mail", "test", "ada@example.org"]).ok();
    }
    let files = std::fs::read_dir(site.data().join("outbox")).expect("a folder");
    assert_eq!(files.count(), 3);
}

/// Takes one mail, or does not, after whoever hands it over has waited for `meanwhile`.
fn receive(connection: &TcpStream, verdict: &str, meanwhile: impl FnOnce()) {
    let mut connection_out = connection;
    let mut answer = |line: &str| write!(connection_out, "{line}\r\n").expect("an answer");
    meanwhile();
    answer("220 mail.test");
    let mut is_text = false;
    for line in BufReader::new(connection).lines() {
        let line = line.expect("a line");
        match line.get(..4) {
            Some("DATA") => {
                is_text = true;
                answer("354 go on");
            }
            Some("RSET" | "QUIT") => return answer("250 well"),
            _ if line == "." => {
                answer(verdict);
                if verdict.starts_with('2') {
                    return;
                }
                is_text = false;
            }
            _ if is_text => {}
            _ => answer("250 well"),
        }
    }
}

/// Of what a process has in hand it knows without a clock.
#[test]
fn a_mail_in_hand_is_not_taken_again_because_the_clock_went_ahead() {
    for (verdict, state_then) in [
        ("250 taken", MailState::Sent),
        ("550 no", MailState::Queued),
    ] {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address");
        let app = App::with(|setup| {
            let server = format!("smtp://{address}").parse();
            setup.mail_server = Some(server.expect("a mail server"));
        });
        let ada = app.add_user("ada");
        change_password(&app, &ada);
        thread::scope(|scope| {
            let sender = scope.spawn(|| app.wait(app.operator.deliver_due()).expect("an outbox"));
            let (connection, _) = listener.accept().expect("a connection");
            receive(&connection, verdict, || {
                app.clock.advance(DAY);
                let taken = app.wait(app.operator.deliver_due()).expect("an outbox");
                assert_eq!(taken, 0, "somebody has it in hand");
            });
            assert_eq!(sender.join().expect("a sender"), 1);
        });
        assert_eq!(state(&app), state_then);
        assert_eq!(app.count("SELECT attempts FROM outbox"), 1);
        listener.set_nonblocking(true).expect("a listener");
        let second = listener.accept().map(drop);
        assert_eq!(second.map_err(|it| it.kind()), Err(ErrorKind::WouldBlock));
    }
}
