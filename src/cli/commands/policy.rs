//! `policy publish | list`.

use serde::Serialize;

use crate::cli::terminal::output::{Output, note};
use crate::compose::{Config, said};
use crate::domain::Policy;

#[derive(clap::Subcommand)]
pub(crate) enum Command {
    /// Publish a version of the privacy policy: everybody is asked to agree to it from now on
    Publish {
        /// The name of the version, such as 2026-11
        #[arg(id = "policy_version", value_name = "VERSION")]
        version: String,
        /// Where it can be read
        url: String,
    },
    /// List all versions, the latest first
    List,
}

/// A version as it is printed. The names are stable.
#[derive(Serialize)]
struct Row {
    id: i64,
    version: String,
    url: String,
    published_at: String,
}

impl From<Policy> for Row {
    fn from(policy: Policy) -> Self {
        Self {
            id: policy.id,
            version: policy.version,
            url: policy.url,
            published_at: policy.published_at.to_string(),
        }
    }
}

pub(crate) fn run(command: Command, config: &Config, output: &mut Output) -> anyhow::Result<()> {
    match command {
        Command::Publish { version, url } => {
            let published = config
                .operator
                .publish_policy(&version, &url, &config.caller);
            output.one(&Row::from(config.wait(published)?))
        }
        Command::List => {
            let policies = config
                .wait(config.operator.accounts.policies())
                .map_err(said)?;
            let rows = policies.into_iter().map(Row::from).collect();
            if output.many::<Row>(std::iter::once(Ok(rows)))? == 0 {
                note("no privacy policy has been published");
            }
            Ok(())
        }
    }
}
