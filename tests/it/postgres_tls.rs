//! The way to PostgreSQL over a network: a certificate that is looked at as `sslmode` says, and a password
//! out of a file.

use std::fs;
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::Path;
use std::process::Stdio;

use crate::postgres::{Cluster, QUICK};
use crate::server::{Outcome, Site, run};
use crate::smtp_server::file;
use crate::smtp_settings::write_private;
use crate::world;

pub const PASSWORD: &str = "seven unlikely herons";

/// A cluster that wants TLS and a password of all who come by TCP.
pub struct Secured {
    pub cluster: Cluster,
    /// What follows the name of the database in its address, for a server that is called `localhost`.
    pub way: String,
}

impl Secured {
    #[track_caller]
    pub fn start(name: &str) -> Option<Self> {
        // All of 127.0.0.0/8 is this machine; a number of a process belongs to one run of the tests.
        let [.., high, low] = std::process::id().to_be_bytes();
        let address = format!("127.{}.{high}.{low}", 60 + name.len());
        let started = Cluster::start(name, QUICK).inspect(|cluster| {
            cluster.stop();
            secure(cluster, &address);
            cluster.serve();
        });
        Some(Self {
            cluster: world::part(started)?,
            way: format!("hostaddr={address}"),
        })
    }

    /// As the owner of the cluster, by the socket.
    #[track_caller]
    pub fn psql(&self, sql: &str) {
        let script = self.cluster.folder().join("script.sql");
        fs::write(&script, sql).expect("a script");
        let mut psql = self.cluster.command("psql");
        psql.args(["-X", "-v", "ON_ERROR_STOP=1", "-U", "postgres", "-h"]);
        psql.arg(self.cluster.folder()).arg("-f").arg(script);
        run(psql.stdin(Stdio::null()), "").ok();
    }
}

fn secure(cluster: &Cluster, address: &str) {
    let data = cluster.data();
    let certificate = data.join("server.pem");
    fs::copy(file("server.pem"), &certificate).expect("a certificate");
    let owner = fs::metadata(&data).expect("a folder");
    let owner = std::os::unix::fs::MetadataExt::uid(&owner);
    chown(&certificate, Some(owner), None).expect("its owner");
    fs::set_permissions(&certificate, fs::Permissions::from_mode(0o600)).expect("a mode");
    append(
        &data.join("postgresql.conf"),
        &format!(
            "listen_addresses = '{address}'\nssl = on\nssl_cert_file = 'server.pem'\n\
             ssl_key_file = 'server.pem'\n"
        ),
    );
    let hosts = "local all all trust\nhostssl all all 127.0.0.0/8 scram-sha-256\n";
    fs::write(data.join("pg_hba.conf"), hosts).expect("who may come");
}

fn append(file: &Path, text: &str) {
    let before = fs::read_to_string(file).expect("a file");
    fs::write(file, before + text).expect("a file");
}

/// What `db migrate` says of the database by this address.
fn migrate(site: &Site, url: &str) -> Outcome {
    let mut migrate = site.command(&["db", "migrate", "--database", url]);
    let password = site.path("database_password");
    migrate.arg("--database-password-file").arg(password);
    run(&mut migrate, "")
}

#[test]
fn a_certificate_is_looked_at_as_the_address_says() {
    let Some(secured) = Secured::start("tls") else {
        return;
    };
    let make =
        format!("CREATE ROLE ada LOGIN PASSWORD '{PASSWORD}';\nCREATE DATABASE auth OWNER ada;");
    secured.psql(&make);
    let site = Site::new();
    write_private(&site.path("database_password"), PASSWORD);
    let by = |host: &str, mode: &str| {
        let authority = file("authority.pem");
        let url = format!("postgres://ada@{host}/auth?{}&{mode}", secured.way);
        migrate(&site, &url.replace("OURS", &authority))
    };
    let refused = |outcome: Outcome, why: &str| {
        let said = outcome.refusal();
        assert!(said.contains(why), "{said}");
        assert!(!said.contains(PASSWORD), "{said}");
    };
    by("localhost", "sslmode=verify-full&sslrootcert=OURS").ok();
    refused(
        by("db.example.org", "sslmode=verify-full&sslrootcert=OURS"),
        "not valid for name \"db.example.org\"",
    );
    by("db.example.org", "sslmode=verify-ca&sslrootcert=OURS").ok();
    // The authorities that browsers trust do not know ours.
    for mode in ["sslmode=verify-ca", "sslmode=verify-full"] {
        refused(by("localhost", mode), "UnknownIssuer");
    }
    for mode in ["sslmode=require", "sslmode=prefer", ""] {
        by("db.example.org", mode).ok();
    }
    refused(by("localhost", "sslmode=disable"), "no encryption");
    refused(
        by("localhost", "sslmode=verify-full&sslrootcert=/nowhere.pem"),
        "cannot read sslrootcert /nowhere.pem",
    );
    write_private(&site.path("database_password"), "another one");
    refused(
        by("localhost", "sslmode=verify-full&sslrootcert=OURS"),
        "database_password_file",
    );
}
