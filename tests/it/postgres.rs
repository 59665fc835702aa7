//! A real PostgreSQL of the tests' own: one cluster for all of them, a database for each. It is where
//! Debian's `postgresql` puts it, or on the PATH.

use std::cell::RefCell;
use std::fs;
use std::io;
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};

use minisass_auth::store::{Location, Store};
use rustix::process::{Pid, Signal, kill_process, test_kill_process};
use tokio::runtime::{Builder, Runtime};
use tokio_postgres::types::ToSql;
use tokio_postgres::{Config, Error, NoTls, Row};

use crate::database::Database;
use crate::server::until;
use crate::world;

/// Nobody commits to a disk here: what a crash leaves is told by other tests.
pub const QUICK: &str = "fsync = off\nfull_page_writes = off\nsynchronous_commit = on\n";

/// Whether the tests that can run over either engine are to run over this one.
pub fn is_chosen() -> bool {
    std::env::var("MINISASS_TEST_DATABASE").is_ok_and(|it| it == "postgres")
}

/// A new database; none where there is no PostgreSQL.
#[track_caller]
pub fn database() -> Option<Postgres> {
    world::part(shared()).map(|it| it.database_of("template_of_tests"))
}

/// A new database with nothing in it.
#[track_caller]
pub fn empty_database() -> Option<Postgres> {
    world::part(shared()).map(|it| it.database_of("template0"))
}

/// A database of a test.
pub struct Postgres {
    cluster: &'static Cluster,
    name: String,
}

impl Postgres {
    /// What the setting `database` says.
    pub fn url(&self) -> String {
        self.cluster.url(&self.name)
    }

    pub fn location(&self) -> Location {
        Location::parse(&self.url()).expect("a place")
    }

    /// Another database with all that is in this one.
    pub fn copy(&self) -> Self {
        self.cluster.database_of(&self.name)
    }

    /// The database past the program.
    pub fn database(&self) -> Database {
        Database::Server(RefCell::new(self.client()))
    }

    /// The number in the first row.
    #[track_caller]
    pub fn count(&self, sql: &str) -> i64 {
        self.database().get(sql)
    }

    /// Runs these past the program.
    #[track_caller]
    pub fn batch(&self, sql: &str) {
        self.database().change(sql);
    }

    /// Ends every connection to it, as a failing network would.
    pub fn cut_connections(&self) {
        let cut = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1";
        let cut = self.cluster.client("postgres").execute(cut, &[&self.name]);
        cut.expect("connections");
    }

    /// Past the program.
    pub fn client(&self) -> Client {
        self.cluster.client(&self.name)
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        let drop = format!("DROP DATABASE IF EXISTS {} WITH (FORCE)", self.name);
        // Whoever fails leaves it to the folder, which goes whole.
        let _ = self.cluster.client("postgres").batch_execute(&drop);
    }
}

/// A connection past the program.
pub struct Client {
    runtime: Runtime,
    client: tokio_postgres::Client,
}

impl Client {
    fn of(config: &Config) -> Result<Self, Error> {
        let runtime = Builder::new_current_thread().enable_all().build();
        let runtime = runtime.expect("a runtime");
        let (client, traffic) = runtime.block_on(config.connect(NoTls))?;
        // Whoever asks hears of its end.
        runtime.spawn(async { drop(traffic.await) });
        Ok(Self { runtime, client })
    }

    pub fn batch_execute(&mut self, sql: &str) -> Result<(), Error> {
        self.runtime.block_on(self.client.batch_execute(sql))
    }

    pub fn execute(&mut self, sql: &str, values: &[&(dyn ToSql + Sync)]) -> Result<u64, Error> {
        self.runtime.block_on(self.client.execute(sql, values))
    }

    pub fn query(&mut self, sql: &str) -> Result<Vec<Row>, Error> {
        self.runtime.block_on(self.client.query(sql, &[]))
    }
}

/// A server of PostgreSQL over a folder of its own. It ends with the tests.
pub struct Cluster {
    folder: PathBuf,
    programs: PathBuf,
}

fn shared() -> Result<&'static Cluster, String> {
    static SHARED: OnceLock<Result<Cluster, String>> = OnceLock::new();
    SHARED
        .get_or_init(|| {
            let cluster = Cluster::start("shared", "")?;
            cluster.make("template_of_tests");
            let template = Location::parse(&cluster.url("template_of_tests"));
            let store = Store::open(&template.expect("a place"));
            store.map_err(|it| it.chain())?.close();
            Ok(cluster)
        })
        .as_ref()
        .map_err(Clone::clone)
}

impl Cluster {
    /// Starts one with these settings.
    pub fn start(name: &str, settings: &str) -> Result<Self, String> {
        let programs = programs()?;
        let folder = new_folder(name).map_err(|err| err.to_string())?;
        let cluster = Self { folder, programs };
        cluster.initialise(settings)?;
        cluster.serve();
        Ok(cluster)
    }

    fn initialise(&self, settings: &str) -> Result<(), String> {
        let mut initdb = self.command("initdb");
        initdb.args(["--username=postgres", "--auth=trust", "--encoding=UTF8"]);
        initdb
            .args(["--no-locale", "--no-sync", "-D"])
            .arg(self.data());
        let output = initdb.output().map_err(|err| err.to_string())?;
        if !output.status.success() {
            return Err(String::from_utf8_lossy(&output.stderr).into_owned());
        }
        let file = self.data().join("postgresql.conf");
        let given = fs::read_to_string(&file).map_err(|err| err.to_string())?;
        let sockets = self.folder.display();
        let ours = format!(
            "unix_socket_directories = '{sockets}'\nlisten_addresses = ''\nmax_connections = 400\n\
             shared_buffers = 32MB\n"
        );
        fs::write(&file, given + &ours + settings).map_err(|err| err.to_string())
    }

    /// The program in a process that ends with this one, on a thread that lives as long: the system ties
    /// a child to the thread that made it.
    pub fn serve(&self) {
        let mut server = self.command("postgres");
        server.arg("-D").arg(self.data());
        std::thread::spawn(move || {
            let child = server.stdin(Stdio::null()).stdout(Stdio::null());
            let child = child.stderr(Stdio::null()).spawn();
            let _ = child.expect("PostgreSQL").wait();
        });
        until("PostgreSQL", || Client::of(&self.config("postgres")).ok());
    }

    /// As when the machine fails.
    pub fn stop(&self) {
        let mut stop = self.command("pg_ctl");
        stop.args(["stop", "-m", "immediate", "-D"])
            .arg(self.data());
        // It may be down already.
        let _ = stop.output();
    }

    /// With all processes of it, at once.
    pub fn kill(&self) {
        let all = self.signal(Signal::KILL);
        // The next one does not start while they hold the memory that they share.
        until("their end", || {
            let is_gone = |it: &Pid| test_kill_process(*it).is_err();
            all.iter().all(is_gone).then_some(())
        });
    }

    /// From now on it says nothing: connections are taken, and nobody is told that it has gone.
    pub fn freeze(&self) {
        self.signal(Signal::STOP);
    }

    pub fn thaw(&self) {
        self.signal(Signal::CONT);
    }

    fn signal(&self, signal: Signal) -> Vec<Pid> {
        let file = fs::read_to_string(self.data().join("postmaster.pid")).expect("a number");
        let first = file.lines().next().expect("a number");
        let children = format!("/proc/{first}/task/{first}/children");
        // The first one first: it makes no more of them then.
        let sent = |it: &str| {
            let process = Pid::from_raw(it.parse().ok()?)?;
            // It may have ended by itself.
            let _ = kill_process(process, signal);
            Some(process)
        };
        let mut all: Vec<_> = sent(first).into_iter().collect();
        let children = fs::read_to_string(children).unwrap_or_default();
        all.extend(children.split_whitespace().filter_map(sent));
        all
    }

    /// Another one that follows this one. From now on a commit here waits for it.
    pub fn replica(&self, name: &str) -> Self {
        let folder = new_folder(name).expect("a folder");
        let replica = Self {
            folder,
            programs: self.programs.clone(),
        };
        let mut copy = replica.command("pg_basebackup");
        copy.args(["--write-recovery-conf", "--checkpoint=fast", "--pgdata"]);
        copy.arg(replica.data()).arg("--username=postgres");
        copy.arg("--host").arg(&self.folder);
        let output = copy.output().expect("pg_basebackup");
        assert!(output.status.success(), "{output:?}");
        let file = replica.data().join("postgresql.conf");
        let settings = fs::read_to_string(&file).expect("settings");
        let [from, to] = [self, &replica].map(|it| it.folder.display().to_string());
        fs::write(&file, settings.replace(&from, &to)).expect("settings");
        replica.serve();
        let wait = "ALTER SYSTEM SET synchronous_standby_names = '*'";
        let mut client = self.client("postgres");
        client.batch_execute(wait).expect("a setting");
        client
            .batch_execute("SELECT pg_reload_conf()")
            .expect("a setting");
        until("the replica", || {
            let followed = "SELECT 1 FROM pg_stat_replication WHERE sync_state = 'sync'";
            (!client.query(followed).expect("an answer").is_empty()).then_some(())
        });
        replica
    }

    /// From now on it takes changes.
    pub fn promote(&self) {
        let output = self
            .command("pg_ctl")
            .args(["promote", "-D"])
            .arg(self.data())
            .output();
        assert!(output.expect("pg_ctl").status.success());
    }

    pub fn folder(&self) -> &Path {
        &self.folder
    }

    pub fn data(&self) -> PathBuf {
        self.folder.join("data")
    }

    /// A program of PostgreSQL, run by a user who may: it refuses root.
    pub fn command(&self, name: &str) -> Command {
        let program = self.programs.join(name);
        let mut command = Command::new("setpriv");
        command
            .args(["--pdeathsig", "QUIT"])
            .current_dir(&self.folder);
        if let Some((user, group)) = unprivileged() {
            command.arg(format!("--reuid={user}"));
            command.arg(format!("--regid={group}"));
            command.arg("--clear-groups");
        }
        command.arg(program);
        command
    }

    fn database_of(&'static self, template: &str) -> Postgres {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let name = format!("test_{}", COUNT.fetch_add(1, Ordering::Relaxed));
        let make = format!("CREATE DATABASE {name} TEMPLATE {template}");
        let made = self.client("postgres").batch_execute(&make);
        made.expect("a database");
        Postgres {
            cluster: self,
            name,
        }
    }

    /// Makes an empty database.
    pub fn make(&self, name: &str) {
        let make = format!("CREATE DATABASE {name}");
        let made = self.client("postgres").batch_execute(&make);
        made.expect("a database");
    }

    pub fn url(&self, name: &str) -> String {
        let folder = self.folder.display();
        format!("postgres://postgres@/{name}?host={folder}")
    }

    pub fn client(&self, name: &str) -> Client {
        self.try_client(name).expect("a connection")
    }

    /// The server may take no more.
    pub fn try_client(&self, name: &str) -> Result<Client, Error> {
        Client::of(&self.config(name))
    }

    fn config(&self, name: &str) -> Config {
        let mut config = Config::new();
        config.host_path(&self.folder).user("postgres").dbname(name);
        config
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        self.stop();
        let _ = fs::remove_dir_all(&self.folder);
    }
}

/// That the user who runs PostgreSQL may write to.
pub fn new_folder(name: &str) -> io::Result<PathBuf> {
    let folder = std::env::temp_dir().join(format!("minisass-pg-{name}-{}", std::process::id()));
    fs::create_dir(&folder)?;
    if let Some((user, group)) = unprivileged() {
        chown(&folder, Some(user), Some(group))?;
    }
    fs::set_permissions(&folder, fs::Permissions::from_mode(0o755))?;
    Ok(folder)
}

pub fn programs() -> Result<PathBuf, String> {
    let versions = fs::read_dir("/usr/lib/postgresql").into_iter().flatten();
    let mut folders: Vec<PathBuf> = versions.flatten().map(|it| it.path().join("bin")).collect();
    folders.sort();
    folders.extend(
        std::env::var_os("PATH")
            .iter()
            .flat_map(std::env::split_paths),
    );
    let found = folders
        .into_iter()
        .rev()
        .find(|it| it.join("initdb").exists() && it.join("pg_basebackup").exists());
    found.ok_or_else(|| "there is no PostgreSQL; Debian has it in postgresql".to_owned())
}

/// Whom to be, if this is root.
pub fn unprivileged() -> Option<(u32, u32)> {
    if !rustix::process::geteuid().is_root() {
        return None;
    }
    let users = fs::read_to_string("/etc/passwd").expect("users");
    let line = users.lines().find(|it| it.starts_with("postgres:"));
    let line = line.or_else(|| users.lines().find(|it| it.starts_with("nobody:")));
    let fields: Vec<&str> = line.expect("a user").split(':').collect();
    Some((fields[2].parse().ok()?, fields[3].parse().ok()?))
}
