//! A server under measurement: started on a free port of loopback, ended when the benchmark lets go
//! of it.

use std::env;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;
use tokio::time::sleep;

use crate::api::Api;
use crate::client::Client;
use crate::process;
use crate::request::Request;
use crate::slow_disk::SlowDisk;

/// The cost of a password hash as it ships.
pub const REAL_COST: &str = "ln=17,r=8,p=1";
/// A cost at which thousands of users and sessions are made in seconds.
pub const TOKEN_COST: &str = "ln=10,r=8,p=1";

/// A folder beside the build, which is on a real disk: `/tmp` may be memory, where a commit costs
/// nothing.
pub const SCRATCH: &str = env!("CARGO_TARGET_TMPDIR");

const POLL: Duration = Duration::from_millis(2);
const PATIENCE: Duration = Duration::from_secs(30);

pub struct Server {
    child: Child,
    pub api: Api,
}

impl Server {
    /// Our own release binary. Returns once it answers.
    pub async fn start(data: &Path, scrypt: &str) -> Result<Self> {
        Self::start_with(data, scrypt, &[]).await
    }

    /// The same with more arguments.
    pub async fn start_with(data: &Path, scrypt: &str, more: &[&str]) -> Result<Self> {
        let mut command = unthrottled(data, scrypt);
        command.args(more);
        Self::serve(command).await
    }

    /// The same on such a disk.
    pub async fn start_on(data: &Path, scrypt: &str, disk: Option<&SlowDisk>) -> Result<Self> {
        let mut command = unthrottled(data, scrypt);
        if let Some(disk) = disk {
            disk.slow(&mut command);
        }
        Self::serve(command).await
    }

    /// A `serve` of ours, wherever there is room.
    pub async fn serve(mut command: Command) -> Result<Self> {
        let address = free_address()?;
        command.arg("--listen").arg(address.to_string());
        Self::launch(command, address, &Api { address }.health()).await
    }

    /// Any server that will listen at this address. Returns once it answers `ready` as expected.
    pub async fn launch(
        mut command: Command,
        address: SocketAddr,
        ready: &Request,
    ) -> Result<Self> {
        // A log on a terminal or in a file would be measured too.
        command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        let child = command
            .spawn()
            .with_context(|| format!("starting {command:?}"))?;
        let mut server = Self {
            child,
            api: Api { address },
        };
        let deadline = Instant::now() + PATIENCE;
        while let Err(reason) = answers(address, ready).await {
            if let Some(status) = server
                .child
                .try_wait()
                .context("looking after the server")?
            {
                bail!("the server ended with {status}; to see why, run {command:?}");
            }
            ensure!(
                Instant::now() < deadline,
                "the server does not serve ({reason:#}): {command:?}"
            );
            sleep(POLL).await;
        }
        Ok(server)
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Asks the server to finish, as a service manager would, and waits until it has.
    pub async fn stop(mut self) -> Result<()> {
        kill_process(Pid::from_child(&self.child), Signal::TERM)
            .context("sending SIGTERM to the server")?;
        let deadline = Instant::now() + PATIENCE;
        while self
            .child
            .try_wait()
            .context("waiting for the server to end")?
            .is_none()
        {
            ensure!(
                Instant::now() < deadline,
                "the server did not end on SIGTERM"
            );
            sleep(POLL).await;
        }
        Ok(())
    }
}

impl Drop for Server {
    /// The workers of a peer would outlive their master. Failures are ignored: what is gone needs
    /// no end.
    fn drop(&mut self) {
        if !matches!(self.child.try_wait(), Ok(None)) {
            return;
        }
        // The master goes first, or it would replace the workers.
        for pid in process::family(self.pid()) {
            if let Some(pid) = i32::try_from(pid).ok().and_then(Pid::from_raw) {
                let _ = kill_process(pid, Signal::KILL);
            }
        }
        let _ = self.child.wait();
    }
}

/// `serve` as it ships.
pub fn as_shipped(data: &Path) -> Command {
    let mut command = program(data);
    // All connections come from this machine.
    command.args(["serve", "--max-connections-per-client", "0"]);
    command
}

/// Our own release binary over this folder.
pub fn program(data: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_minisass-auth"));
    command.arg("--data-dir").arg(data);
    // Neither the caller's settings nor a file in the current folder may change what is measured.
    command.current_dir(SCRATCH);
    for (name, _) in env::vars_os() {
        if name.to_string_lossy().starts_with("MINISASS_AUTH_") {
            command.env_remove(name);
        }
    }
    command
}

fn unthrottled(data: &Path, scrypt: &str) -> Command {
    let mut command = as_shipped(data);
    command.args(["--throttle", "false", "--scrypt", scrypt]);
    command
}

/// Empty, and removed with all it then holds when the benchmark lets go of it.
pub fn fresh_folder() -> Result<TempDir> {
    tempfile::Builder::new()
        .prefix("load-")
        .tempdir_in(SCRATCH)
        .context("making a temporary folder")
}

/// The same in memory, where there is such a place: what else the disk does costs nothing there.
pub fn fresh_folder_in_memory() -> Result<TempDir> {
    let in_memory = tempfile::Builder::new()
        .prefix("load-")
        .tempdir_in("/dev/shm");
    in_memory.or_else(|_| fresh_folder())
}

pub fn free_address() -> Result<SocketAddr> {
    let listener =
        TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).context("looking for a free port")?;
    listener.local_addr().context("looking for a free port")
}

async fn answers(address: SocketAddr, ready: &Request) -> Result<()> {
    let mut client = Client::connect(address).await?;
    ready.send(&mut client).await?;
    Ok(())
}
