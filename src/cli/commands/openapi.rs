//! `openapi`: the document, without a server.

use crate::cli::examples::examples;
use crate::cli::terminal::output::Output;
use crate::domain::WebUrl;
use crate::http::{self, Wanted};
use crate::settings::Values;

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

pub(crate) fn run(
    asked: &Openapi,
    yaml: bool,
    values: &Values,
    output: &mut Output,
) -> anyhow::Result<()> {
    let json_bodies = asked.bodies.is_some();
    let public_url = values.url("public_url")?;
    let server = public_url.as_ref().map_or("/", WebUrl::path);
    let text = http::spec_as(server, Wanted { json_bodies, yaml })?;
    Ok(output.text(&text)?)
}
