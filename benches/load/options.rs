//! What the benchmark can be asked for on its command line.

use std::ffi::OsString;
use std::num::NonZero;
use std::path::{Path, PathBuf};
use std::thread;

use anyhow::{Context, Result, bail};

pub const USAGE: &str = "\
usage: cargo bench --bench load [-- OPTIONS]

  --quick             short runs: a smoke test, not a measurement
  --only NAME         one figure: login, check, storm, logout, memory, start, mail, import, export,
                      list, backup or peer
  --peer DIR          measure the Django peer in DIR too, side by side
  --peer-python PATH  the Python that has the peer's requirements (default: DIR/.venv/bin/python)
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
}

impl Figure {
    const ALL: [Self; 12] = [
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
        figures.retain(|&figure| figure != Figure::Peer || peer.is_some());
        if let Some(only) = &self.only {
            figures.retain(|figure| only == figure.name());
            if figures.is_empty() {
                bail!(
                    "--only {only:?} leaves nothing to measure (peer needs --peer DIR)\n\n{USAGE}"
                );
            }
        }
        let cores = thread::available_parallelism().map_or(1, NonZero::get);
        Ok(Options {
            quick: self.quick,
            figures,
            peer,
            cores,
        })
    }
}

fn value(arguments: &mut impl Iterator<Item = OsString>, option: &str) -> Result<OsString> {
    arguments
        .next()
        .with_context(|| format!("{option} needs a value\n\n{USAGE}"))
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
