//! The examples at the end of a command's `--help` and manual page. `tests/it/cli_examples.rs` runs
//! every line.

use clap::builder::Styles;

pub(crate) fn examples(lines: &[&str]) -> String {
    // As clap writes its own headings.
    let heading = *Styles::styled().get_header();
    let lines: String = lines.iter().map(|it| format!("\n  {it}")).collect();
    format!("{heading}Examples:{heading:#}{lines}")
}
