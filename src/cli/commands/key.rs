//! `key list | rotate | import | retire`.

use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use anyhow::Context;
use serde::Serialize;
use zeroize::Zeroizing;

use crate::cli::terminal::output::{Format, Output, note};
use crate::cli::terminal::prompt::confirm;
use crate::compose::{Config, said};
use crate::settings::Settings;

#[derive(clap::Subcommand)]
pub(crate) enum Command {
    /// List the keys that verify tokens, and the one that signs
    List,
    /// Make a new key that signs from now on; the others go on verifying
    Rotate,
    /// Sign with another service's secret from now on; the tokens of that service are good
    Import {
        /// Holds the secret alone, such as Django's SECRET_KEY; `-` reads standard input
        file: PathBuf,
    },
    /// Remove a key: tokens that it signed are refused from then on
    Retire {
        /// As `key list` shows it
        kid: String,
        /// Do not ask
        #[arg(long)]
        yes: bool,
    },
}

/// A key as it is printed. The names are stable.
#[derive(Serialize)]
struct Row {
    kid: String,
    algorithm: &'static str,
    signs: bool,
    is_imported: bool,
    bytes: usize,
}

/// What was done, as it is printed. The names are stable.
#[derive(Serialize)]
struct Done {
    kid: String,
    state: &'static str,
}

pub(crate) fn run(
    command: Command,
    settings: &Settings,
    config: &Config,
    output: &mut Output,
) -> anyhow::Result<()> {
    let folder = settings.data_dir.join("keys");
    let operator = &config.operator;
    let (kid, state, said_so) = match command {
        Command::List => {
            let keys = operator.signing_keys(&folder).map_err(said)?;
            let rows = keys.into_iter().map(|it| Row {
                kid: it.kid,
                algorithm: "HS256",
                signs: it.signs,
                is_imported: it.is_imported,
                bytes: it.bytes,
            });
            return output.many(std::iter::once(Ok(rows.collect()))).map(drop);
        }
        Command::Rotate => {
            let kid = config
                .wait(operator.rotate_key(&folder, &config.caller))
                .map_err(said)?;
            (
                kid,
                "signs",
                "signs from now on; the others verify until `key retire`",
            )
        }
        Command::Import { file } => {
            let kid = import(&file, &folder, config)?;
            (
                kid,
                "signs",
                "signs from now on, and tokens that the other service signed with it are good",
            )
        }
        Command::Retire { kid, yes } => {
            let question = format!("Tokens that {kid} signed will be refused.");
            confirm(&question, yes)?;
            config.wait(operator.retire_key(&folder, &kid, &config.caller))?;
            (
                kid,
                "retired",
                "is gone, and tokens that it signed are refused",
            )
        }
    };
    match output.format {
        Format::Table => Ok(output.line(&format!("{kid} {said_so}"))?),
        Format::Json | Format::Csv => output.one(&Done { kid, state }),
    }
}

fn import(file: &Path, folder: &Path, config: &Config) -> anyhow::Result<String> {
    let secret = read_secret(file)?;
    let imported = config.operator.import_key(folder, &secret, &config.caller);
    let kid = config.wait(imported)?;
    if secret.trim_start().starts_with("django-insecure-") {
        note(
            "Django made this key for development; once its tokens have expired, \
             run `key rotate` and retire it",
        );
    }
    Ok(kid)
}

fn read_secret(file: &Path) -> anyhow::Result<Zeroizing<String>> {
    let mut secret = Zeroizing::new(String::new());
    if file == Path::new("-") {
        io::stdin().read_to_string(&mut secret)?;
    } else {
        fs::File::open(file)
            .and_then(|mut it| it.read_to_string(&mut secret))
            .with_context(|| format!("cannot read {}", file.display()))?;
    }
    Ok(secret)
}
