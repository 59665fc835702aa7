//! What `serve` says on standard output once it serves.

use std::fs::File;
use std::io::{self, Write};
use std::os::fd::AsFd;
use std::path::Path;
use std::time::Duration;

use crate::daemon::{metrics::Metrics, service_manager};
use crate::domain::{API_BASE, WebUrl};
use crate::operator::Operator;
use crate::private_file::owner::quoted;
use crate::private_file::{system_users::own_name, whole_path};
use crate::settings::{Listen, Settings};
use crate::store::Location;
use crate::visible::Visible;

/// How long the server waits for somebody to read it.
const PATIENCE: Duration = Duration::from_secs(1);

pub(crate) async fn announce(
    settings: &Settings,
    public_url: &WebUrl,
    metrics: Option<&Metrics>,
    operator: &Operator,
) {
    // It serves all the same if that cannot be told.
    let has_users = operator.has_users().await.unwrap_or(true);
    let whole = whole_path(&settings.data_dir);
    let data = whole.display();
    let mails = match &settings.mail.server {
        Some(server) => server.to_string(),
        None => format!("{data}/outbox/ (no mail server is set: each mail becomes a file)"),
    };
    let metrics = match metrics.map(Metrics::place) {
        Some(Listen::Tcp(address)) => format!("Metrics        http://{address}/metrics\n  "),
        Some(socket) => format!("Metrics        {socket}\n  "),
        None => String::new(),
    };
    let text = format!(
        "minisass-auth {} is serving\n\n  \
         API            {public_url}{API_BASE}/\n  \
         Documentation  {public_url}/docs/\n  \
         Mails          {mails}\n  \
         {metrics}\
         Database       {}\n{}",
        env!("CARGO_PKG_VERSION"),
        shown(&settings.database),
        if has_users {
            String::new()
        } else {
            first_steps(settings)
        },
    );
    // Nobody may read what stands in the pipe already.
    let printed = tokio::task::spawn_blocking(move || print(&text));
    let _ = tokio::time::timeout(PATIENCE, printed).await;
}

/// A closed pipe or a full disk takes nothing; the server serves all the same.
fn print(text: &str) {
    // Not by way of what the rest of the program prints with: that would wait for this one.
    let out = io::stdout().as_fd().try_clone_to_owned().map(File::from);
    let written = out.and_then(|out| Visible::text(out).write_all(text.as_bytes()));
    if let Err(err) = written
        && err.kind() != io::ErrorKind::BrokenPipe
    {
        tracing::warn!(event = "not_announced", error = %err);
    }
}

fn shown(place: &Location) -> String {
    let file = place.file().map(whole_path);
    file.map_or_else(|| place.to_string(), |it| it.display().to_string())
}

/// What to do where nobody has an account.
fn first_steps(settings: &Settings) -> String {
    let program = std::env::args_os().next();
    let mut program = program.map_or_else(
        || "minisass-auth".to_owned(),
        |it| quoted(&it.to_string_lossy()),
    );
    // Whoever reads what a service says is somebody else.
    if service_manager::listens()
        && let Some(name) = own_name()
    {
        program = format!("sudo -u {name} {program}");
    }
    let whole = |path: &Path| whole_path(path).display().to_string();
    let file = settings.file.as_deref().map(whole);
    let data = &settings.data_dir;
    let data = (data != Path::new("./minisass-data")).then(|| whole(data));
    let usual = settings.data_dir.join("auth.db");
    let database = match &settings.database {
        Location::File(file) => (*file != usual).then(|| whole(file)),
        Location::Server(url) => (!settings.is_database_in_file).then(|| url.to_string()),
    };
    let named = settings.named_once.iter();
    let named = named.map(|(key, path)| (key.replace('_', "-"), Some(whole(path))));
    let places = [("config", file), ("data-dir", data), ("database", database)];
    let places = places.map(|(flag, value)| (flag.to_owned(), value));
    for (flag, value) in places.into_iter().chain(named) {
        if let Some(value) = value {
            program += &format!(" --{flag} {}", quoted(&value));
        }
    }
    format!(
        "\nNext, in another terminal:\n\n  \
         {program} user create --username ada --email ada@example.org\n  \
         {program} token issue ada\n"
    )
}
