//! Who tokens are from: `iss`, by the setting `issuer`.

use minisass_auth::crypto::Issuer;
use serde_json::json;

use crate::app::{App, PUBLIC_URL, web_url};
use crate::server::Site;
use crate::tokens::{claims, header, refused_everywhere, session, sign};

/// The token again, as if it were from somebody else.
fn from(app: &App, token: &str, iss: &str) -> String {
    let mut claims = claims(token);
    claims["iss"] = json!(iss);
    sign(app, &header(app), &claims)
}

#[test]
fn what_older_versions_issued_is_ours_and_what_others_issued_is_not() {
    let app = App::new().with_user("ana");
    let (access, refresh) = session(&app);
    for iss in [PUBLIC_URL, "minisass-auth"] {
        app.status(&from(&app, &access, iss)).expect(200);
        app.refresh(&from(&app, &refresh, iss)).expect(200);
    }
    for iss in [
        "http://127.0.0.1:8000",
        "http://localhost",
        "http://auth.test/",
        "https://auth.test",
        "HTTP://AUTH.TEST",
    ] {
        refused_everywhere(&app, &from(&app, &access, iss));
        refused_everywhere(&app, &from(&app, &refresh, iss));
    }
}

#[test]
fn while_nobody_has_set_an_address_each_of_this_machine_is_the_issuer() {
    let made_up = Issuer::of_loopback(&web_url("http://127.0.0.1:8000"));
    let app = App::with(|setup| setup.issuer = made_up).with_user("ana");
    let (access, _) = session(&app);
    assert_eq!(claims(&access)["iss"], "http://127.0.0.1:8000");
    for iss in [
        "http://127.0.0.1:1",
        "http://localhost:8000",
        "http://[::1]:80",
    ] {
        app.status(&from(&app, &access, iss)).expect(200);
    }
    for iss in [
        "https://127.0.0.1:8000",
        "http://127.0.0.1.example.org",
        "http://auth.test",
        "http://user@127.0.0.1",
        "127.0.0.1:8000",
        "localhost",
    ] {
        refused_everywhere(&app, &from(&app, &access, iss));
    }
}

#[test]
fn another_issuer_ends_all_tokens_but_those_of_older_versions() {
    let issuer = |name: &str| Issuer::set(name.parse().expect("a name"));
    let app = App::with(|setup| setup.issuer = issuer("river")).with_user("ana");
    let (access, _) = session(&app);
    assert_eq!(claims(&access)["iss"], "river");
    let older = from(&app, &access, "minisass-auth");
    let app = app.restart(|setup| setup.issuer = issuer("sea"));
    refused_everywhere(&app, &access);
    app.status(&older).expect(200);
}

fn issue(site: &Site, more: &[&str]) -> String {
    let issued = site.run(&[&["token", "issue", "ada"], more].concat());
    issued.ok().trim().to_owned()
}

#[test]
fn a_token_of_the_command_line_is_good_wherever_the_server_listens() {
    let site = Site::new();
    site.add_user("ada", &[]);
    let before = issue(&site, &[]);
    assert_eq!(claims(&before)["iss"], "http://127.0.0.1:8000");
    let mut server = site.start(&[]);
    assert_eq!(server.status_of(&before), 200);
    let beside = issue(&site, &[]);
    let address = format!("http://{}", server.address());
    assert_eq!(claims(&beside)["iss"], address);
    assert_eq!(server.stop(), Some(0));
    let again = site.start(&[]);
    for token in [&before, &beside] {
        assert_eq!(again.status_of(token), 200);
    }
}

#[test]
fn a_command_beside_a_server_issues_what_that_takes() {
    let site = Site::new();
    site.add_user("ada", &[]);
    let before = issue(&site, &[]);
    let url = "https://auth.example.org";
    for (arguments, iss) in [
        (&["--public-url", url][..], url),
        (&["--issuer", "The river, 1"][..], "The river, 1"),
        (&["--public-url", url, "--issuer", "sea"][..], "sea"),
    ] {
        let mut server = site.start(arguments);
        let token = issue(&site, &[]);
        assert_eq!(claims(&token)["iss"], iss);
        let inspect = ["token", "inspect", "--format", "json"];
        let report = site.run_with(&inspect, &token).json();
        assert_eq!(
            (&report["is_good"], &report["issuer"]),
            (&json!(true), &json!(iss))
        );
        let report = site.run_with(&inspect, &before).json();
        assert_eq!(report["is_good"], false);
        let why = report["why_not"].as_str().expect("a reason");
        assert!(
            why.contains("http://127.0.0.1:8000") && why.contains(iss),
            "{why}"
        );
        assert_eq!(server.stop(), Some(0));
    }
}

#[test]
fn nobody_issues_a_token_that_is_from_nobody() {
    let site = Site::new();
    site.add_user("ada", &[]);
    let good = issue(&site, &[]);
    let nowhere = ["--listen", "unix:/run/minisass.sock"];
    let refused = site.run(&[&["token", "issue", "ada"][..], &nowhere].concat());
    let said = refused.refusal();
    assert!(
        said.contains("public_url") && said.contains("--public-url"),
        "{said}"
    );
    let named = issue(
        &site,
        &["--listen", "unix:/run/minisass.sock", "--issuer", "x"],
    );
    assert_eq!(claims(&named)["iss"], "x");
    let inspect = [&["token", "inspect", "--format", "json"][..], &nowhere].concat();
    let report = site.run_with(&inspect, &good).json();
    assert_eq!(report["is_good"], false);
    assert!(
        report["why_not"]
            .as_str()
            .is_some_and(|it| it.contains("public_url"))
    );
    // Which session it names is told by its signature.
    let revoke = [&["token", "revoke"][..], &nowhere].concat();
    site.run_with(&revoke, &good).ok();
}

#[test]
fn any_name_that_may_be_set_stands_in_tokens_as_it_is() {
    let name = r#"say "hi" \ ünï/🌊"#;
    let issuer = Issuer::set(name.parse().expect("a name"));
    let app = App::with(|setup| setup.issuer = issuer).with_user("ana");
    let (access, refresh) = session(&app);
    for token in [&access, &refresh] {
        assert_eq!(claims(token)["iss"], name);
    }
    app.status(&access).expect(200);
    app.refresh(&refresh).expect(200);
}
