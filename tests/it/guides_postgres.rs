//! docs/postgresql.md, followed from its first line to its last: a role and a database, the way there,
//! the move, a second server, the way back.

use std::fs;

use crate::examples::shell;
use crate::guides::{OF_POSTGRESQL, blocks_of};
use crate::postgres_tls::{PASSWORD, Secured};
use crate::server::{Outcome, Server, Site, run};
use crate::smtp_server::file;

/// A reader, and what is on the reader's machine.
struct Reader {
    site: Site,
    secured: Secured,
}

impl Reader {
    fn new() -> Option<Self> {
        let secured = Secured::start("guide")?;
        Some(Self {
            site: Site::new(),
            secured,
        })
    }

    /// What the guide shows, with the names of this machine.
    fn here(&self, shown: &str) -> String {
        let etc = self.site.path("").display().to_string();
        shown
            .replace("/etc/ssl/certs/ca-certificates.crt", &file("authority.pem"))
            .replace("db.example.org", "localhost")
            .replace("?sslmode", &format!("?{}&sslmode", self.secured.way))
            .replace("sudo install -m 0640 -g minisass-auth", "install -m 0640")
            .replace("/etc/minisass-auth/", &etc)
            .replace('…', PASSWORD)
    }

    /// Has bash run the block of this number.
    #[track_caller]
    fn types(&self, block: usize) -> Outcome {
        let shown = self.here(&blocks_of(OF_POSTGRESQL, "sh")[block]);
        self.runs(&shown, PASSWORD)
    }

    fn runs(&self, line: &str, input: &str) -> Outcome {
        let mut typed = shell(&self.site, &format!("cd '{}'\n{line}", self.folder()));
        run(typed.env_remove("MINISASS_AUTH_DATA_DIR"), input)
    }

    /// Where the reader is.
    fn folder(&self) -> String {
        let folder = self.site.path("here");
        fs::create_dir_all(&folder).expect("a folder");
        folder.display().to_string()
    }

    fn serve(&self, arguments: &str) -> Server {
        let line = format!(
            "cd '{}'; exec minisass-auth {arguments} serve --listen 127.0.0.1:0",
            self.folder()
        );
        let mut serve = shell(&self.site, &line);
        serve.env_remove("MINISASS_AUTH_DATA_DIR");
        Server::start(serve, &self.site.path("log"))
    }
}

/// Where a second server has what it needs, on another machine say.
const SECOND: &str =
    "mkdir -m 700 two; install -m 600 minisass-data/keys/master.key two/master.key";

#[test]
fn who_follows_the_guide_moves_to_postgresql_and_back() {
    let Some(reader) = Reader::new() else {
        return;
    };
    for block in blocks_of(OF_POSTGRESQL, "sql") {
        reader.secured.psql(&reader.here(&block));
    }
    reader.types(0).ok();
    reader.types(1).ok();
    let create =
        "minisass-auth user create --username ada --email ada@example.org --password-stdin";
    reader.runs(create, "three unrelated words").ok();
    let token = reader.runs("minisass-auth token issue ada", "").ok();

    let copied = reader.types(2).ok();
    assert!(copied.contains("users"), "{copied}");
    let settings = reader.here(&blocks_of(OF_POSTGRESQL, "toml")[0]);
    fs::write(reader.site.path("here/moved.toml"), settings).expect("settings");
    reader.runs("mv minisass-data/auth.db old.db", "").ok();

    let one = reader.serve("--config moved.toml");
    reader.runs(SECOND, "").ok();
    let other = "--config moved.toml --data-dir two --master-key-file two/master.key";
    let other = reader.serve(other);
    for server in [&one, &other] {
        assert_eq!(server.status_of(token.trim()), 200);
    }
    drop((one, other));

    let define = "minisass-auth() { command minisass-auth --config moved.toml \"$@\"; }\n";
    let back = reader.here(&blocks_of(OF_POSTGRESQL, "sh")[3]);
    reader.runs(&format!("{define}{back}"), "").ok();
    let listed = reader
        .runs("minisass-auth --data-dir back user list --format csv", "")
        .ok();
    assert!(listed.contains("ada@example.org"), "{listed}");
}
