//! `profile show | set`.

use serde_json::json;

use crate::server::Site;

#[test]
fn a_profile_is_set_field_by_field() {
    let site = Site::new();
    site.add_user("ada", &["--country", "KE"]);
    let set =
        |more: &[&str]| site.run(&[&["--format", "json", "profile", "set", "ada"], more].concat());
    let profile = set(&[
        "--organisation-type",
        "NGO",
        "--expert",
        "true",
        "--field",
        "river=Umgeni",
        "--field",
        "sites=3",
    ])
    .json();
    assert_eq!(
        (
            &profile["organisation_type"],
            &profile["country"],
            &profile["is_expert"]
        ),
        (&json!("NGO"), &json!("KE"), &json!(true))
    );
    assert_eq!(
        profile["additional_fields"],
        json!({"river": "Umgeni", "sites": 3})
    );
    set(&["--remove-field", "river", "--upload-preference", "both"]).ok();
    let shown = site
        .run(&["--format", "json", "profile", "show", "ada"])
        .json();
    assert_eq!(shown["additional_fields"], json!({"sites": 3}));
    assert_eq!(shown["upload_preference"], "both");

    let set_to = set(&["--country", "  PT  ", "--format", "json"]).json();
    assert_eq!(set_to["country"], "PT", "what is stored is shown");

    for (wrong, said) in [
        (["--field", "river"], "a right one is --field river=Umgeni"),
        (
            ["--remove-field", "river"],
            "has no additional field \"river\"",
        ),
    ] {
        let refusal = set(&wrong).refusal();
        assert!(refusal.contains(said), "{refusal}");
    }
    for wrong in [&["--upload-preference", "never"][..], &[]] {
        assert_eq!(set(wrong).code, Some(2), "{wrong:?}");
    }
}

#[test]
fn who_mistypes_a_name_is_told_the_right_one() {
    let site = Site::new();
    for name in ["ada", "grace.hopper", "zoe"] {
        site.add_user(name, &[]);
    }
    for (typed, meant) in [
        ("adda", "ada"),
        ("Grace.Hoper", "grace.hopper"),
        ("zoo@example.org", "zoe@example.org"),
        ("zoe@exmaple.org", "zoe@example.org"),
    ] {
        let said = site.run(&["user", "show", typed]).refusal();
        assert!(
            said.trim_end().ends_with(&format!("did you mean {meant}?")),
            "{said}"
        );
    }
    let said = site.run(&["user", "show", "nobody"]).refusal();
    assert!(said.contains("user list --search nobody"), "{said}");
}
