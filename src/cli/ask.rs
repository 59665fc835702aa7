//! Questions before something is destroyed.

use std::io::{self, BufRead, IsTerminal, Write};

use anyhow::bail;

/// Goes on only if somebody said yes: with `--yes`, or at a terminal.
pub(super) fn confirm(question: &str, yes: bool) -> anyhow::Result<()> {
    if yes {
        return Ok(());
    }
    if !io::stdin().is_terminal() {
        bail!("{question} There is no terminal to ask at; add --yes if you mean it");
    }
    let mut err = io::stderr();
    write!(err, "{question} Type yes to go on: ")?;
    err.flush()?;
    let mut line = String::new();
    io::stdin().lock().read_line(&mut line)?;
    if line.trim() != "yes" {
        bail!("nothing was done; type yes, or add --yes, if you mean it");
    }
    Ok(())
}
