//! Users move in from a spreadsheet.

use serde_json::{Value, json};

use super::sheet::sheet;
use crate::server::Site;

fn people() -> Value {
    json!([
        {"username": "ada", "email": "ada@example.org", "first_name": "Zoë \"Z\"",
         "organisation_name": "Rivers; Lakes, and\nSprings", "country": "ZA"},
        {"username": "bo", "email": "bo@example.org", "first_name": "Bo",
         "organisation_name": "", "country": "DE"},
    ])
}

fn import(site: &Site, table: &str) -> Value {
    let import = ["--format", "json", "user", "import", "--from", "csv", "-"];
    site.run_with(&import, table).json()
}

/// What the program says of ada now.
fn ada(site: &Site) -> Value {
    let export = site.run(&["user", "export"]).ok();
    let line = export.lines().find(|it| it.contains("\"ada\""));
    serde_json::from_str(line.expect("ada")).expect("JSON")
}

#[test]
fn a_table_of_texts_comes_in_cell_by_cell() {
    for how in ["pandas", "calc"] {
        let Some(table) = sheet(how, &people()) else {
            return;
        };
        let site = Site::new();
        assert_eq!(import(&site, &table)["added"], 2, "{how}: {table}");
        let ada = ada(&site);
        assert_eq!(ada["first_name"], "Zoë \"Z\"");
        assert_eq!(ada["organisation_name"], "Rivers; Lakes, and\nSprings");
    }
}
