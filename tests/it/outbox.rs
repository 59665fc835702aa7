//! How long a mail is tried.

use minisass_auth::domain::MailState;
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
    let new = app.wait(
        app.operator
            .set_password(&ada, "another good one", &operator()),
    );
    assert!(matches!(new, Ok(Ok(()))));

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
