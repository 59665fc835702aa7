//! `key list | rotate | import | export | retire`.

use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use serde_json::{Value, json};
use zeroize::Zeroizing;

use crate::cli::examples::examples;
use crate::cli::job::Job;
use crate::cli::named;
use crate::cli::terminal::output::{Output, note};
use crate::cli::terminal::prompt::confirm;
use crate::crypto::SigningKey;
use crate::private_file::layout;

#[derive(clap::Subcommand)]
pub(crate) enum Command {
    /// List the keys that verify tokens, and the one that signs
    #[command(after_help = examples(&["minisass-auth key list"]))]
    List,
    /// Make a new key that signs from now on; the others go on verifying
    #[command(after_help = examples(&["minisass-auth key rotate"]))]
    Rotate,
    /// Sign with another service's secret from now on; the tokens of that service are good
    #[command(after_help = examples(&["minisass-auth key import secret-key"]))]
    Import {
        /// Holds the secret alone, such as Django's SECRET_KEY; `-` reads standard input
        file: PathBuf,
        /// Take a key that Django made for development (django-insecure-); each start warns of it
        #[arg(long)]
        allow_weak: bool,
    },
    /// Print the secret with which another service verifies tokens
    #[command(after_help = examples(&["minisass-auth key export > signing-key"]))]
    Export {
        /// As `key list` shows it, `-` reads it from standard input [default: the key that signs]
        kid: Option<String>,
    },
    /// Remove a key: tokens that it signed are refused from then on
    #[command(after_help = examples(&[
        "minisass-auth key retire 20260101T000000Z-7c0f3a91 --yes",
    ]))]
    Retire {
        /// As `key list` shows it; `-` reads it from standard input
        kid: String,
        /// Do not ask
        #[arg(long)]
        yes: bool,
    },
}

pub(crate) fn run(command: Command, job: &Job, output: &mut Output) -> anyhow::Result<()> {
    let folder = job.settings.data_dir.join(layout::KEYS);
    let (kid, state, what) = match command {
        Command::List => {
            let keys = job.operator.signing_keys(&folder)?;
            return output.rows(keys.iter().map(row));
        }
        Command::Rotate => {
            let kid = job.wait(job.operator.rotate_key(&folder, &job.actor))?;
            let what = "signs from now on; the others verify until `key retire`";
            (kid, "signs", what)
        }
        Command::Import { file, allow_weak } => {
            let kid = import(&file, allow_weak, &folder, job)?;
            let what =
                "signs from now on, and tokens that the other service signed with it are good";
            (kid, "signs", what)
        }
        Command::Export { kid } => {
            let kid = kid.as_deref().map(named::typed_one).transpose()?;
            return export(kid.as_deref(), &folder, job, output);
        }
        Command::Retire { kid, yes } => {
            let kid = named::typed_one(&kid)?;
            job.operator.check_may_retire_key(&folder, &kid)?;
            confirm(&format!("Tokens that {kid} signed will be refused."), yes)?;
            job.wait(job.operator.retire_key(&folder, &kid, &job.actor))?;
            (
                kid,
                "retired",
                "is gone, and tokens that it signed are refused",
            )
        }
    };
    let done = json!({"kid": kid, "state": state});
    output.done(&format!("{kid} {what}"), &done)
}

fn row(key: &SigningKey) -> Value {
    json!({
        "kid": key.kid,
        "algorithm": "HS256",
        "signs": key.signs,
        "is_imported": key.is_imported,
        "is_weak": key.is_weak,
        "bytes": key.bytes,
    })
}

fn import(file: &Path, allow_weak: bool, folder: &Path, job: &Job) -> anyhow::Result<String> {
    let secret = read_secret(file)?;
    let operator = &job.operator;
    let imported = operator.import_key(folder, &secret, allow_weak, &job.actor);
    let kid = job.wait(imported)?;
    let is_new = |it: &SigningKey| it.kid == kid;
    if operator
        .signing_keys(folder)?
        .iter()
        .any(|it| is_new(it) && it.is_weak)
    {
        note(
            "Django made this key for development; once its tokens have expired, \
             run `key rotate` and retire it",
        );
    }
    Ok(kid)
}

fn export(kid: Option<&str>, folder: &Path, job: &Job, output: &mut Output) -> anyhow::Result<()> {
    let exported = job.operator.export_key(folder, kid, &job.actor);
    let (kid, key) = job.wait(exported)?;
    let row = json!({"kid": kid, "algorithm": "HS256", "key": *key});
    output.done(&key, &row)
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
