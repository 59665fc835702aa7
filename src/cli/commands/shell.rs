//! What makes the program at home in a shell: `completions`, `man`. Both follow from the commands.

use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use clap_complete::Shell;

use crate::cli::examples::examples;
use crate::cli::terminal::output::Output;

const PROGRAM: &str = "minisass-auth";

#[derive(clap::Args)]
#[command(after_long_help = examples(&[
    "source <(minisass-auth completions bash)",
    "minisass-auth completions fish > ~/.config/fish/completions/minisass-auth.fish",
]))]
pub(crate) struct Completions {
    /// The shell to complete in
    shell: Shell,
}

#[derive(clap::Args)]
#[command(after_long_help = examples(&[
    "minisass-auth man > minisass-auth.1",
    "mkdir -p man/man1 && minisass-auth man --dir man/man1",
]))]
pub(crate) struct Man {
    /// Write the pages of all commands into this folder [default: print the first page]
    #[arg(long, value_name = "FOLDER")]
    dir: Option<PathBuf>,
}

pub(crate) fn completions(
    wanted: &Completions,
    mut command: clap::Command,
    output: &mut Output,
) -> anyhow::Result<()> {
    let mut script = Vec::new();
    clap_complete::generate(wanted.shell, &mut command, PROGRAM, &mut script);
    Ok(output.text(&String::from_utf8(script)?)?)
}

pub(crate) fn man(
    wanted: &Man,
    mut command: clap::Command,
    output: &mut Output,
) -> anyhow::Result<()> {
    // So that the names below it are whole: `minisass-auth user create`.
    command.build();
    match &wanted.dir {
        Some(folder) => write_pages(folder, PROGRAM.to_owned(), &command),
        None => Ok(output.text(&String::from_utf8(page(&command)?)?)?),
    }
}

fn page(command: &clap::Command) -> std::io::Result<Vec<u8>> {
    let mut page = Vec::new();
    clap_mangen::Man::new(command.clone()).render(&mut page)?;
    page.flush()?;
    Ok(page)
}

/// One page for each command, and below it.
fn write_pages(folder: &Path, name: String, command: &clap::Command) -> anyhow::Result<()> {
    let file = folder.join(format!("{name}.1"));
    std::fs::write(&file, page(command)?).with_context(|| {
        format!(
            "cannot write {}; name a folder that is there",
            file.display()
        )
    })?;
    let below = command
        .get_subcommands()
        .filter(|it| it.get_name() != "help");
    for command in below {
        write_pages(folder, format!("{name}-{}", command.get_name()), command)?;
    }
    Ok(())
}
