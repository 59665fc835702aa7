//! What the benchmark can be asked for on its command line.

use std::ffi::OsString;
use std::num::NonZero;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, bail};

use crate::server::SCRATCH;
use crate::soak::Soak;

/// Stands for the name of a database in the URL of a server.
pub const DATABASE: &str = "{}";

pub const USAGE: &str = "\
usage: cargo bench --bench load [-- OPTIONS]

  --quick             short runs: a smoke test, not a measurement
  --only NAME         one figure: login, check, storm, logout, memory, start, mail, import, export,
                      list, backup, peer, pocketbase or postgres
  --peer DIR          measure the Django peer in DIR too, side by side
  --peer-python PATH  the Python that has the peer's requirements (default: DIR/.venv/bin/python)
  --pocketbase FILE   measure this PocketBase too, side by side
  --postgres URL      measure over this server of PostgreSQL too, in databases of its own: in the URL,
                      {} stands for their names
  --soak              a long run instead: mixed traffic, and whether memory or files grow
  --minutes N         how long that is (default: 30)
  --plot FILE         where its picture goes (default: soak.svg in the folder of the build)
  --help              this text";

#[derive(Clone, Copy, PartialEq)]
pub enum Figure {
    Login,
    Check,
    Storm,
    Logout,
    Memory,
    Start,
    Mail,
    Import,
    Export,
    List,
    Backup,
    Peer,
    PocketBase,
    Postgres,
}

impl Figure {
    const ALL: [Self; 14] = [
        Self::Login,
        Self::Check,
        Self::Storm,
        Self::Logout,
        Self::Memory,
        Self::Start,
        Self::Mail,
        Self::Import,
        Self::Export,
        Self::List,
        Self::Backup,
        Self::Peer,
        Self::PocketBase,
        Self::Postgres,
    ];

    pub fn name(self) -> &'static str {
        match self {
            Self::Login => "login",
            Self::Check => "check",
            Self::Storm => "storm",
            Self::Logout => "logout",
            Self::Memory => "memory",
            Self::Start => "start",
            Self::Mail => "mail",
            Self::Import => "import",
            Self::Export => "export",
            Self::List => "list",
            Self::Backup => "backup",
            Self::Peer => "peer",
            Self::PocketBase => "pocketbase",
            Self::Postgres => "postgres",
        }
    }
}

/// The Django project to compare with.
pub struct Peer {
    pub folder: PathBuf,
    pub python: PathBuf,
}

pub struct Options {
    pub quick: bool,
    pub figures: Vec<Figure>,
    pub peer: Option<Peer>,
    pub pocketbase: Option<PathBuf>,
    /// Where PostgreSQL is, with a place for the name of a database.
    pub postgres: Option<String>,
    pub soak: Option<Soak>,
    /// The cores this process may use; the server makes as many hashing threads.
    pub cores: usize,
}

impl Options {
    /// `None` when only the usage is wanted.
    pub fn parse(arguments: impl Iterator<Item = OsString>) -> Result<Option<Self>> {
        let mut given = Given::default();
        let mut arguments = arguments;
        while let Some(argument) = arguments.next() {
            match argument.to_str() {
                // Cargo adds this one of its own accord.
                Some("--bench") => {}
                Some("--quick") => given.quick = true,
                Some("--only") => given.only = Some(value(&mut arguments, "--only")?),
                Some("--peer") => given.peer = Some(value(&mut arguments, "--peer")?),
                Some("--peer-python") => {
                    given.python = Some(value(&mut arguments, "--peer-python")?);
                }
                Some("--pocketbase") => {
                    given.pocketbase = Some(value(&mut arguments, "--pocketbase")?);
                }
                Some("--postgres") => given.postgres = Some(value(&mut arguments, "--postgres")?),
                Some("--soak") => given.soak = true,
                Some("--minutes") => given.minutes = Some(value(&mut arguments, "--minutes")?),
                Some("--plot") => given.plot = Some(value(&mut arguments, "--plot")?),
                Some("--help" | "-h") => return Ok(None),
                _ => bail!("unknown option {argument:?}\n\n{USAGE}"),
            }
        }
        given.check().map(Some)
    }

    /// What a full run takes, or what a smoke test makes do with.
    pub fn pick<T>(&self, full: T, quick: T) -> T {
        if self.quick { quick } else { full }
    }

    /// Half the cores: the clients share the machine with the server that they measure.
    pub fn client_threads(&self) -> usize {
        (self.cores / 2).max(1)
    }
}

/// The options as they were typed.
#[derive(Default)]
struct Given {
    quick: bool,
    only: Option<OsString>,
    peer: Option<OsString>,
    python: Option<OsString>,
    pocketbase: Option<OsString>,
    postgres: Option<OsString>,
    soak: bool,
    minutes: Option<OsString>,
    plot: Option<OsString>,
}

impl Given {
    fn check(self) -> Result<Options> {
        let peer = match &self.peer {
            Some(folder) => Some(find_peer(
                folder.as_ref(),
                self.python.as_deref().map(Path::new),
            )?),
            None => None,
        };
        let mut figures = Figure::ALL.to_vec();
        let pocketbase = self.pocketbase.as_ref().map(std::path::absolute);
        let pocketbase = pocketbase.transpose().context("finding PocketBase")?;
        let postgres = self.postgres.as_ref().map(server_of).transpose()?;
        figures.retain(|figure| match figure {
            Figure::Peer => peer.is_some(),
            Figure::PocketBase => pocketbase.is_some(),
            Figure::Postgres => postgres.is_some(),
            _ => true,
        });
        if let Some(only) = &self.only {
            figures.retain(|figure| only == figure.name());
            if figures.is_empty() {
                bail!(
                    "--only {only:?} leaves nothing to measure (peer needs --peer DIR, pocketbase \
                     --pocketbase FILE, postgres --postgres URL)\n\n{USAGE}"
                );
            }
        }
        let soak = self.soak.then(|| self.soak()).transpose()?;
        let cores = thread::available_parallelism().map_or(1, NonZero::get);
        Ok(Options {
            quick: self.quick,
            figures,
            peer,
            pocketbase,
            postgres,
            soak,
            cores,
        })
    }
}

impl Given {
    fn soak(&self) -> Result<Soak> {
        let minutes = self.minutes.as_ref().map_or(Some(30), |it| {
            let minutes = it.to_str()?.parse().ok();
            minutes.filter(|it| (1..=24 * 60).contains(it))
        });
        let minutes: u64 = minutes.context("--minutes needs a number from 1 to 1440")?;
        let usual = || Path::new(SCRATCH).join("soak.svg");
        Ok(Soak {
            time: Duration::from_secs(60 * minutes),
            plot: self.plot.as_ref().map_or_else(usual, PathBuf::from),
        })
    }
}

fn value(arguments: &mut impl Iterator<Item = OsString>, option: &str) -> Result<OsString> {
    arguments
        .next()
        .with_context(|| format!("{option} needs a value\n\n{USAGE}"))
}

fn server_of(url: &OsString) -> Result<String> {
    let url = url.to_str().filter(|it| it.contains(DATABASE));
    let url = url.context("--postgres needs a URL with {} for the name of a database")?;
    Ok(url.to_owned())
}

/// Paths are made absolute, for the peer runs in another folder, but links are kept: a virtual
/// environment is known by the link through which its Python is called.
fn find_peer(folder: &Path, python: Option<&Path>) -> Result<Peer> {
    let folder = std::path::absolute(folder).context("finding the folder of the peer")?;
    let python = python.map_or_else(|| folder.join(".venv/bin/python"), Path::to_owned);
    let python = std::path::absolute(python).context("finding the Python of the peer")?;
    if !folder.join("run.sh").is_file() {
        bail!("--peer: there is no run.sh in {}", folder.display());
    }
    if !python.is_file() {
        bail!(
            "there is no {}: make the peer's virtual environment, or name it by --peer-python",
            python.display()
        );
    }
    Ok(Peer { folder, python })
}
