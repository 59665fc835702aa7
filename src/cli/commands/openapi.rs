//! `openapi`: the document, without a server.

use anyhow::bail;

use crate::cli::examples::examples;
use crate::cli::terminal::output::Output;
use crate::http;

#[derive(clap::Args)]
#[command(after_help = examples(&[
    "minisass-auth openapi > openapi.json",
    "minisass-auth openapi --bodies json > client.json",
    "minisass-auth openapi --format yaml > openapi.yaml",
]))]
pub(crate) struct Openapi {
    /// With JSON bodies only, for generators that read one media type
    #[arg(long)]
    bodies: Option<Bodies>,
}

#[derive(Clone, Copy, clap::ValueEnum)]
enum Bodies {
    Json,
}

pub(crate) fn run(asked: &Openapi, is_yaml: bool, output: &mut Output) -> anyhow::Result<()> {
    let text = match (asked.bodies, is_yaml) {
        (None, false) => http::spec(),
        (Some(Bodies::Json), false) => http::spec_with_json_bodies(),
        (None, true) => http::spec_in_yaml()?,
        (Some(Bodies::Json), true) => bail!("--bodies json is printed as JSON; drop --format yaml"),
    };
    Ok(output.text(&text)?)
}
