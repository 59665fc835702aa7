//! `policy publish | list`.

use serde_json::{Value, json};

use crate::cli::dry_run::dry_run;
use crate::cli::examples::examples;
use crate::cli::job::Job;
use crate::cli::terminal::output::{Output, note};
use crate::domain::Policy;

#[derive(clap::Subcommand)]
pub(crate) enum Command {
    /// Publish a version of the privacy policy: everybody is asked to agree to it from now on
    #[command(arg = dry_run(), after_help = examples(&[
        "minisass-auth policy publish 2026-11 https://www.example.org/privacy",
    ]))]
    Publish {
        /// The name of the version, such as 2026-11
        #[arg(id = "policy_version", value_name = "VERSION")]
        version: String,
        /// Where it can be read
        url: String,
    },
    /// List all versions, the latest first
    #[command(after_help = examples(&["minisass-auth policy list"]))]
    List,
}

pub(crate) fn run(command: Command, job: &Job, output: &mut Output) -> anyhow::Result<()> {
    match command {
        Command::Publish { version, url } => {
            let published = job.operator.publish_policy(&version, &url, &job.actor);
            output.one(&row(&job.wait(published)?))
        }
        Command::List => {
            let policies = job.wait(job.operator.accounts.policies())?;
            if policies.is_empty() {
                note("no privacy policy has been published; `policy publish` publishes one");
            }
            output.rows(policies.iter().map(row))
        }
    }
}

fn row(policy: &Policy) -> Value {
    json!({
        "id": policy.id,
        "version": policy.version,
        "url": policy.url,
        "published_at": policy.published_at.to_string(),
    })
}
