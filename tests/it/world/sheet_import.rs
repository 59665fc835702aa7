//! Users move in from a spreadsheet.

use serde_json::{Value, json};

use super::sheet::sheet;
use crate::server::Site;

/// With truths as truths, which only some tables write as such.
fn people() -> Value {
    json!([
        {"username": "ada", "email": "ada@example.org", "first_name": "Zoë; \"Z\"", "is_staff": true,
         "organisation_name": "Rivers; Lakes, and\nSprings", "country": "ZA"},
        {"username": "bo", "email": "bo@example.org", "first_name": "Bo", "is_staff": false,
         "organisation_name": "", "country": "DE"},
    ])
}

#[test]
fn a_table_comes_in_cell_by_cell_whoever_wrote_it() {
    for how in [
        "pandas",
        "calc",
        "excel",
        "tabs",
        "emptied",
        "numbers",
        "numbered",
        "fractions",
    ] {
        let Some(table) = sheet(how, &people()) else {
            return;
        };
        let site = Site::new();
        let import = ["--format", "json", "user", "import", "--from", "csv", "-"];
        let said = site.run_with(&import, &table);
        assert_eq!(said.code, Some(0), "{how}: {}", said.err);
        assert_eq!(said.json()["added"], 2, "{how}: {table}");
        let export = site.run(&["user", "export"]).ok();
        let users: Vec<Value> = export
            .lines()
            .map(|it| serde_json::from_str(it).expect("JSON"))
            .collect();
        assert_eq!(users[0]["first_name"], "Zoë; \"Z\"", "{how}");
        let name = users[0]["organisation_name"].as_str().expect("a name");
        assert_eq!(
            name.replace('\r', ""),
            "Rivers; Lakes, and\nSprings",
            "{how}"
        );
        let staff = (&users[0]["is_staff"], &users[1]["is_staff"]);
        assert_eq!(staff, (&json!(true), &json!(false)), "{how}");
    }
}
