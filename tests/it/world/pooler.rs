//! PgBouncer between us and PostgreSQL.

use std::fs;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use super::{part, program};
use crate::postgres::{self, Postgres};
use crate::server::{Site, until};

/// A pooler before the server of a database. It is found in a folder of sockets.
struct Pooler {
    child: Child,
    folder: PathBuf,
    url: String,
}

impl Pooler {
    fn start(database: &Postgres, mode: &str) -> Result<Self, String> {
        let bouncer = program("pgbouncer")?;
        let url = database.url();
        let (address, server) = url.split_once("?host=").expect("an address");
        let folder = postgres::new_folder(&format!("pooler-{mode}")).expect("a folder");
        let shown = folder.display();
        let settings = folder.join("pgbouncer.ini");
        let text = format!(
            "[databases]\n* = host={server} user=postgres\n\
             [pgbouncer]\nunix_socket_dir = {shown}\nlisten_addr =\nlisten_port = 5432\n\
             auth_type = any\npool_mode = {mode}\n"
        );
        fs::write(&settings, text).expect("settings");
        let mut command = Command::new("setpriv");
        if let Some((user, group)) = postgres::unprivileged() {
            command.args([&format!("--reuid={user}"), &format!("--regid={group}")]);
            command.arg("--clear-groups");
        }
        command.arg(bouncer).arg(settings).stderr(Stdio::null());
        let child = command.spawn().map_err(|err| err.to_string())?;
        let socket = folder.join(".s.PGSQL.5432");
        until("PgBouncer", || socket.exists().then_some(()));
        let url = format!("{address}?host={shown}");
        Ok(Self { child, folder, url })
    }
}

impl Drop for Pooler {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = fs::remove_dir_all(&self.folder);
    }
}

#[test]
fn a_pooler_by_sessions_is_as_good_as_none_and_one_by_transactions_is_named() {
    let Some(site) = Site::on_postgres() else {
        return;
    };
    let Some(by_sessions) = part(Pooler::start(site.postgres(), "session")) else {
        return;
    };
    let serve = ["serve", "--listen", "127.0.0.1:0", "--database"];
    let serve = site.command(&[&serve[..], &[&by_sessions.url]].concat());
    let server = crate::server::Server::start(serve, &site.path("log"));
    assert_eq!(server.register("ada"), 201);
    assert_eq!(server.login("ada@example.org").status, 200);

    let by_transactions = Pooler::start(site.postgres(), "transaction").expect("a pooler");
    let list = ["user", "list", "--database", &by_transactions.url];
    let _one = site.run(&list);
    let refused = site.run(&list).refusal();
    assert!(refused.contains("pool by sessions"), "{refused}");
}
