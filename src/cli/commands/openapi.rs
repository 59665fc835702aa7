//! `openapi`: the document, without a server.

use crate::cli::examples::examples;
use crate::cli::terminal::output::Output;
use crate::http::{self, Wanted};

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

pub(crate) fn run(asked: &Openapi, yaml: bool, output: &mut Output) -> anyhow::Result<()> {
    let json_bodies = asked.bodies.is_some();
    let text = http::spec_as(Wanted { json_bodies, yaml })?;
    Ok(output.text(&text)?)
}
