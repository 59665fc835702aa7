//! What is asked of a person at a terminal: a password, a yes. In a script a flag says it.

use std::fs::File;
use std::io::{self, BufRead, IsTerminal, Write};
use std::sync::Once;

use anyhow::{Context, bail};
use rustix::termios::{OptionalActions, tcgetattr, tcsetattr};
use zeroize::Zeroizing;

use crate::domain::without_mark;
use crate::interrupt;
use crate::visible::visible;

/// A new password: the first line of standard input, or what is typed twice.
pub(crate) fn password(from_stdin: bool) -> anyhow::Result<Zeroizing<String>> {
    if from_stdin {
        password_from_stdin()
    } else {
        password_from_terminal()
    }
}

/// Whether to go on with what cannot be undone; without a terminal only `--yes` says so.
pub(crate) fn confirm(question: &str, yes: bool) -> anyhow::Result<()> {
    if yes {
        return Ok(());
    }
    if !io::stdin().is_terminal() {
        bail!("{question} There is no terminal to ask at; add --yes if you mean it");
    }
    let mut err = io::stderr();
    write!(err, "{} Type yes to go on: ", visible(question))?;
    err.flush()?;
    let mut line = String::new();
    io::stdin().lock().read_line(&mut line)?;
    if line.trim() != "yes" {
        bail!("nothing was done; type yes, or add --yes, if you mean it");
    }
    Ok(())
}

fn password_from_stdin() -> anyhow::Result<Zeroizing<String>> {
    let mut line = Zeroizing::new(String::new());
    let read = io::stdin().lock().read_line(&mut line);
    read.context("cannot read the password")?;
    let line = without_mark(&line);
    let password = line.strip_suffix('\n').unwrap_or(line);
    Ok(Zeroizing::new(
        password.strip_suffix('\r').unwrap_or(password).to_owned(),
    ))
}

fn password_from_terminal() -> anyhow::Result<Zeroizing<String>> {
    if !io::stdin().is_terminal() {
        bail!("there is no terminal to ask for a password at; pipe it in with --password-stdin");
    }
    let password = hidden("Password: ")?;
    let again = hidden("Password again: ")?;
    if password != again {
        bail!("the two passwords are not the same; nothing was done");
    }
    Ok(password)
}

/// What is typed and not shown.
pub(crate) fn hidden(question: &str) -> anyhow::Result<Zeroizing<String>> {
    show_again_at_signal()?;
    match rpassword::prompt_password(question) {
        Ok(typed) => Ok(Zeroizing::new(typed)),
        Err(err) if err.kind() == io::ErrorKind::UnexpectedEof => {
            // The cursor stands behind the question.
            eprintln!();
            bail!("nothing was typed, and nothing was done")
        }
        Err(err) => Err(err.into()),
    }
}

/// Whoever gives up with Ctrl-C would go on in a terminal that shows nothing of what they type.
fn show_again_at_signal() -> anyhow::Result<()> {
    static ONCE: Once = Once::new();
    if ONCE.is_completed() {
        return Ok(());
    }
    let Ok(terminal) = File::options().read(true).write(true).open("/dev/tty") else {
        return Ok(());
    };
    let as_it_was = tcgetattr(&terminal)?;
    interrupt::at_signal(move || {
        let _ = tcsetattr(&terminal, OptionalActions::Now, &as_it_was);
        eprintln!();
        std::process::exit(interrupt::CODE.into());
    })?;
    ONCE.call_once(|| ());
    Ok(())
}
