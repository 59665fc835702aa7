//! `key list | rotate | import | export | retire`.

use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context as _;
use serde_json::{Value, json};
use zeroize::Zeroizing;

use crate::cli::examples::examples;
use crate::cli::job::{self, Job};
use crate::cli::named;
use crate::cli::terminal::output::{Output, note};
use crate::cli::terminal::prompt::confirm;
use crate::compose;
use crate::crypto::SigningKey;
use crate::private_file;
use crate::private_file::owner::quoted_path;
use crate::settings::Settings;

/// By then every server has looked whether the keys have changed (`KEYS_PAUSE` in `daemon/background.rs`).
const LOOK: Duration = Duration::from_secs(1);

#[derive(clap::Subcommand)]
pub(crate) enum Command {
    /// List the keys that verify tokens, and the one that signs
    #[command(after_help = examples(&["minisass-auth key list"]))]
    List,
    /// Make a new key, which signs two seconds later; the others go on verifying
    #[command(after_help = examples(&["minisass-auth key rotate"]))]
    Rotate {
        /// Give up every key there is, because the master key is lost: all tokens and mailed links end
        #[arg(long)]
        discard_old: bool,
        /// Do not ask; only --discard-old does
        #[arg(long)]
        yes: bool,
    },
    /// Sign with the secret of another service, two seconds later; its tokens are good
    #[command(after_help = examples(&["minisass-auth key import secret-key"]))]
    Import {
        /// Holds the secret alone, such as Django's SECRET_KEY; `-` reads standard input
        file: PathBuf,
        /// Take a key that Django made for development (django-insecure-); each start warns of it
        #[arg(long)]
        allow_weak: bool,
    },
    /// Print the secret with which another service verifies tokens
    #[command(after_help = examples(&["(umask 077; minisass-auth key export > signing-key)"]))]
    Export {
        /// As `key list` shows it, `-` reads it from standard input [default: the key that signs]
        kid: Option<String>,
    },
    /// Remove a key, and wait a second until every server refuses the tokens that it signed
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

pub(crate) fn run(command: Command, settings: Settings, output: &mut Output) -> anyhow::Result<()> {
    if let Command::Rotate {
        discard_old: true,
        yes,
    } = command
    {
        return discard(settings, yes, output);
    }
    let job = &Job::open(settings, false, false)?;
    let (kid, state, what) = match command {
        Command::List => {
            let keys = job.wait(job.operator.signing_keys())?;
            return output.rows(keys.iter().map(row));
        }
        Command::Rotate { .. } => {
            let kid = job.wait(job.operator.rotate_key(&job.actor))?;
            let what = "signs in two seconds; the others verify until `key retire`. Services that verify \
                        tokens need the new key: `key export`";
            (kid, "signs", what)
        }
        Command::Import { file, allow_weak } => {
            let kid = import(&file, allow_weak, job)?;
            let what =
                "signs in two seconds, and tokens that the other service signed with it are good";
            (kid, "signs", what)
        }
        Command::Export { kid } => {
            let kid = kid.as_deref().map(named::typed_one).transpose()?;
            return export(kid.as_deref(), job, output);
        }
        Command::Retire { kid, yes } => {
            let kid = named::typed_one(&kid)?;
            let pause = job.wait(job.operator.check_may_retire_key(&kid))?;
            confirm(&format!("Tokens that {kid} signed will be refused."), yes)?;
            std::thread::sleep(pause);
            job.wait(job.operator.retire_key(&kid, &job.actor))?;
            std::thread::sleep(LOOK);
            let what = "is gone; tokens that it signed are refused";
            (kid, "retired", what)
        }
    };
    done(&kid, state, what, output)
}

fn discard(settings: Settings, yes: bool, output: &mut Output) -> anyhow::Result<()> {
    compose::discard_keys(&settings, &job::actor(), |opens| {
        let not_lost = if opens {
            " The master key opens these keys: nothing is lost yet."
        } else {
            ""
        };
        let question = format!(
            "Stop every server of this database first. Every token and every mailed link will be \
             refused.{not_lost}"
        );
        confirm(&question, yes)
    })?;
    let job = Job::open(settings, false, true)?;
    let keys = job.wait(job.operator.signing_keys())?;
    let kid = keys.last().context("there is no signing key")?.kid.clone();
    let what = "signs from now on; what the others signed is refused";
    done(&kid, "signs", what, output)
}

fn done(kid: &str, state: &str, what: &str, output: &mut Output) -> anyhow::Result<()> {
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

fn import(file: &Path, allow_weak: bool, job: &Job) -> anyhow::Result<String> {
    let secret = read_secret(file)?;
    let operator = &job.operator;
    let imported = operator.import_key(&secret, allow_weak, &job.actor);
    let kid = job.wait(imported)?;
    let is_new = |it: &SigningKey| it.kid == kid;
    let keys = job.wait(operator.signing_keys())?;
    if keys.iter().any(|it| is_new(it) && it.is_weak) {
        note(
            "Django made this key for development; once its tokens have expired, \
             run `key rotate` and retire it",
        );
    }
    if fs::metadata(file).is_ok_and(|it| it.is_file() && private_file::is_open_to_others(&it)) {
        let (file, quoted) = (file.display(), quoted_path(file));
        note(&format!(
            "others can read {file}, and whoever has the key can make tokens; run: chmod 600 {quoted}"
        ));
    }
    Ok(kid)
}

fn export(kid: Option<&str>, job: &Job, output: &mut Output) -> anyhow::Result<()> {
    let exported = job.operator.export_key(kid, &job.actor);
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
