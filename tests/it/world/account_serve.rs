//! This program, run by an account of its own.

use std::fs::{Permissions, create_dir, set_permissions};
use std::os::unix::fs::{PermissionsExt, chown};

use super::account::Account;
use crate::server::{Server, Site};

/// A folder with this mode, and with these owner and group.
fn folder(site: &Site, name: &str, mode: u32, owner: u32, group: u32) {
    let path = site.path(name);
    create_dir(&path).expect("a folder");
    chown(&path, Some(owner), Some(group)).expect("an owner");
    set_permissions(&path, Permissions::from_mode(mode)).expect("a mode");
}

#[test]
fn an_account_of_its_own_serves_from_its_own_folder() {
    let site = Site::new();
    let Some(account) = Account::find(&site, "") else {
        return;
    };
    folder(&site, "volume", 0o700, Account::ID, Account::ID);
    let serve = account.command("volume", &["serve", "--listen", "127.0.0.1:0"]);
    let server = Server::start(serve, &site.path("log"));
    assert_eq!(server.register("ada"), 201);
    assert_eq!(server.login("ada@example.org").status, 200);
}
