//! The socket that the server listens on.

use std::fs::{self, File, Permissions};
use std::io;
use std::net::SocketAddr;
use std::os::unix::fs::{FileTypeExt, PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, anyhow};
use tokio::net::{TcpListener, TcpSocket, UnixListener, UnixStream};

use crate::failure::{Failure, in_words};
use crate::http::Listener;
use crate::private_file::lent::{may_fill, stranger_to};
use crate::private_file::system_users::{group_id, name_of_user, own_name};
use crate::private_file::{folder_of, hold, is_replaced, lock};
use crate::settings::{Listen, SocketAccess};

/// A socket that the server listens on.
pub(crate) struct Bound {
    pub(crate) listener: Listener,
    /// With the port that the system chose, if it was to choose one.
    pub(crate) at: Listen,
    pub(crate) socket: Option<Arc<SocketFile>>,
}

/// The file of a Unix socket, which goes with this value.
pub(crate) struct SocketFile {
    path: PathBuf,
    /// As long as it is open no other file can get its number.
    file: File,
}

impl SocketFile {
    fn at(path: &Path) -> io::Result<Self> {
        Ok(Self {
            path: path.to_owned(),
            file: hold(path)?,
        })
    }

    /// Fails if clients no longer reach this server by the file: it was removed, or another server that began at the
    /// same moment took it for one that a crash had left.
    pub(super) fn check(&self) -> Result<(), Failure> {
        if !is_replaced(&self.path, &self.file) {
            return Ok(());
        }
        let why = format!(
            "{} was removed or replaced while the server listened there; see whether another server has \
             the same address, and start this one again",
            self.path.display()
        );
        Err(Failure::new("listening", why))
    }
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        // Whoever found nobody answering there any more may have put their own in its place, or be about to.
        let _turn = lock::wait_a_while(folder_of(&self.path));
        if !is_replaced(&self.path, &self.file) {
            let _ = fs::remove_file(&self.path);
        }
    }
}

pub(crate) async fn bind(
    listen: &Listen,
    access: &SocketAccess,
    flag: &str,
) -> anyhow::Result<Bound> {
    let advise = |err| refusal(&err, listen, flag);
    match listen {
        Listen::Tcp(address) => {
            let listener = TcpListener::bind(address).await.map_err(advise)?;
            Ok(Bound {
                at: Listen::Tcp(listener.local_addr()?),
                listener: Listener::Tcp(listener),
                socket: None,
            })
        }
        Listen::Unix(path) => {
            let (listener, socket) = bind_path(path).await.map_err(advise)?;
            give_access(path, access)?;
            Ok(Bound {
                listener: Listener::Unix(listener),
                at: listen.clone(),
                socket: Some(Arc::new(socket)),
            })
        }
    }
}

/// Whether the server of the data in `data` could listen there now, where `flag` says. Nothing is left of it.
pub(crate) fn check_listen(
    listen: &Listen,
    access: &SocketAccess,
    data: &Path,
    flag: &str,
) -> anyhow::Result<()> {
    let address = match listen {
        Listen::Tcp(address) => address,
        Listen::Unix(path) => {
            let group = access.group.as_ref().zip(group_of(access)?);
            if let Some((group, id)) = group
                && let Some(user) = stranger_to(id, data)
            {
                return Err(foreign_group(path, group, name_of_user(user)));
            }
            let folder = folder_of(path);
            let kind = match fs::metadata(folder) {
                // A unit makes it for the time in which it runs.
                Err(_) if folder.starts_with("/run") => return Ok(()),
                Err(err) => return Err(refusal(&err, listen, flag)),
                Ok(_) if may_fill(folder, data) => return Ok(()),
                Ok(_) => io::ErrorKind::PermissionDenied,
            };
            return Err(refusal(&kind.into(), listen, flag));
        }
    };
    let bound = (|| {
        let socket = match address {
            SocketAddr::V4(_) => TcpSocket::new_v4(),
            SocketAddr::V6(_) => TcpSocket::new_v6(),
        }?;
        socket.set_reuseaddr(true)?;
        // Nobody is listened to: others may ask the same at this moment.
        socket.bind(*address)
    })();
    bound.map_err(|err| refusal(&err, listen, flag))
}

/// The user has a name where the system knows it.
fn foreign_group(socket: &Path, group: &str, user: Option<String>) -> anyhow::Error {
    let socket = socket.display();
    let (user, advice) = match user {
        Some(user) => {
            let advice = format!("run as root: usermod -aG {group} {user}");
            (user, advice)
        }
        None => (
            "this user".to_owned(),
            "start it with that group".to_owned(),
        ),
    };
    anyhow!(
        "cannot give {socket} to the group {group}: {user} is none of its members; {advice}; or choose another with \
         --listen-group"
    )
}

fn group_of(access: &SocketAccess) -> anyhow::Result<Option<u32>> {
    let Some(group) = &access.group else {
        return Ok(None);
    };
    let id = group_id(group).with_context(|| {
        format!(
            "the setting listen_group is wrong: there is no group {group}; name that of the proxy"
        )
    });
    id.map(Some)
}

fn refusal(err: &io::Error, listen: &Listen, flag: &str) -> anyhow::Error {
    match (err.kind(), listen) {
        (io::ErrorKind::AddrInUse, _) => anyhow!(
            "cannot listen on {listen}: something listens there already; stop it, or choose another with --{flag}"
        ),
        (io::ErrorKind::PermissionDenied, Listen::Tcp(_)) => anyhow!(
            "cannot listen on {listen}: not permitted; choose a port above 1023 with --{flag}"
        ),
        (io::ErrorKind::PermissionDenied, Listen::Unix(_)) => anyhow!(
            "cannot listen on {listen}: the server may not write to its folder; choose another with \
             --{flag}, such as unix:/run/minisass-auth/http.sock, whose folder the unit makes"
        ),
        _ => {
            let why = in_words(err);
            anyhow!("cannot listen on {listen}: {why}; choose another with --{flag}")
        }
    }
}

async fn bind_path(path: &Path) -> io::Result<(UnixListener, SocketFile)> {
    // Of several servers one after the other: one that was made and does not listen yet looks as if a crash had left it.
    let _turn = lock::wait_a_while(folder_of(path));
    // A socket that nobody answers at was left behind by a crash; any other file is not ours.
    match fs::symlink_metadata(path) {
        Ok(it) if !it.file_type().is_socket() => {
            return Err(io::Error::other("a file that is no socket is there"));
        }
        // Of one whose queue is full this says at once that it is there.
        Ok(_) => match UnixStream::connect(path).await {
            Err(err) if err.kind() == io::ErrorKind::ConnectionRefused => fs::remove_file(path)?,
            _ => {}
        },
        Err(_) => {}
    }
    let listener = UnixListener::bind(path)?;
    let socket = SocketFile::at(path).inspect_err(|_| drop(fs::remove_file(path)))?;
    Ok((listener, socket))
}

/// A process that may open the socket is believed about where requests come from.
fn give_access(path: &Path, access: &SocketAccess) -> anyhow::Result<()> {
    let shown = path.display();
    if let (Some(group), Some(id)) = (&access.group, group_of(access)?) {
        chown(path, None, Some(id)).map_err(|err| match err.kind() {
            io::ErrorKind::PermissionDenied => foreign_group(path, group, own_name()),
            _ => anyhow!(err).context(format!("cannot give {shown} to the group {group}")),
        })?;
    }
    fs::set_permissions(path, Permissions::from_mode(access.mode))
        .with_context(|| format!("cannot set the mode of {shown}"))
}
