//! `mail list | show | retry | templates | test`: the outbox, and the way out of it.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, anyhow, bail};
use serde_json::{Value, json};

use crate::cli::dry_run::dry_run;
use crate::cli::examples::examples;
use crate::cli::job::Job;
use crate::cli::named;
use crate::cli::terminal::output::{Format, Output, note};
use crate::cli::terminal::pages::{conclude, pages};
use crate::domain::{Email, MailState, Timestamp, counted};
use crate::mail::{Letter, Letters};
use crate::store::mails::{MailPage, MailRecord};

#[derive(clap::Subcommand)]
pub(crate) enum Command {
    /// List mails in the order of their numbers
    List(List),
    /// Show mails, all but their links
    #[command(after_help = examples(&[
        "minisass-auth mail show 7",
        "minisass-auth mail show 7 --body",
    ]))]
    Show {
        /// Numbers, as `mail list` shows them; `-` reads them from standard input
        #[arg(required = true, value_name = "ID", value_parser = number)]
        ids: Vec<String>,
        /// With subject and text
        #[arg(long)]
        body: bool,
    },
    /// Queue mails again, to be tried at once
    Retry(Retry),
    /// Write the built-in templates out, to start your own from
    #[command(after_help = examples(&["minisass-auth mail templates --dir mails"]))]
    Templates {
        /// A new folder, or one that has none of them
        #[arg(long, value_name = "FOLDER", value_hint = clap::ValueHint::DirPath)]
        dir: PathBuf,
    },
    /// Send a test mail now, and print what the mail server says
    #[command(after_help = examples(&["minisass-auth mail test ada@example.org"]))]
    Test {
        /// Whom to
        address: String,
    },
}

#[derive(clap::Args)]
#[command(after_help = examples(&["minisass-auth mail list --state failed --limit 0"]))]
pub(crate) struct List {
    /// Only mails in this state
    #[arg(long, value_parser = MailState::ALL.map(MailState::as_str))]
    state: Option<String>,
    /// At most so many; 0 lists all
    #[arg(long, default_value_t = 50)]
    limit: usize,
    /// Only mails with a higher number than this; without it, the last mails are listed
    #[arg(long, value_name = "ID")]
    after: Option<i64>,
}

#[derive(clap::Args)]
#[command(arg = dry_run(), after_help = examples(&[
    "minisass-auth mail retry 7",
    "minisass-auth mail retry --failed",
    "minisass-auth mail retry --queued",
]))]
#[group(required = true, multiple = false)]
pub(crate) struct Retry {
    /// Numbers, as `mail list` shows them; `-` reads them from standard input
    #[arg(value_name = "ID", value_parser = number)]
    ids: Vec<String>,
    /// All that failed and whose links still work
    #[arg(long)]
    failed: bool,
    /// All that wait for their next attempt
    #[arg(long)]
    queued: bool,
}

/// The number of a mail, or what stands for standard input.
fn number(typed: &str) -> Result<String, &'static str> {
    if typed != "-" && typed.parse::<i64>().is_err() {
        return Err("it is no number; `mail list` shows the numbers");
    }
    Ok(typed.to_owned())
}

fn numbers(typed: &[String]) -> anyhow::Result<Vec<i64>> {
    let parse = |it: String| {
        let number = it.parse();
        number.map_err(|_| anyhow!("{it:?} is no number; `mail list` shows the numbers"))
    };
    named::typed(typed)?.into_iter().map(parse).collect()
}

/// `open` makes the job of a command that needs the database.
pub(crate) fn run(
    command: Command,
    open: impl FnOnce() -> anyhow::Result<Job>,
    output: &mut Output,
) -> anyhow::Result<()> {
    if let Command::Templates { dir } = &command {
        return templates(dir, output);
    }
    let job = &open()?;
    match command {
        Command::Templates { .. } => Ok(()),
        Command::List(asked) => list(&asked, job, output),
        Command::Show { ids, body } => show(&numbers(&ids)?, body, job, output),
        Command::Retry(which) => retry(&which, job, output),
        Command::Test { address } => test(&address, job, output),
    }
}

/// Writes all of them, or none if there is one already.
fn templates(dir: &Path, output: &mut Output) -> anyhow::Result<()> {
    if let Some((name, _)) = Letters::files().find(|(name, _)| dir.join(name).exists()) {
        bail!(
            "{} is there already; name another folder",
            dir.join(name).display()
        );
    }
    let cannot = || format!("cannot write to {}", dir.display());
    fs::create_dir_all(dir).with_context(cannot)?;
    for (name, text) in Letters::files() {
        fs::write(dir.join(name), text).with_context(cannot)?;
    }
    let written: Vec<&str> = Letters::files().map(|it| it.0).collect();
    let sentence = format!(
        "{} in {}; remove what stays as it is, and set mail_templates to that folder",
        counted(written.len(), "template is", "templates are"),
        dir.display()
    );
    output.done(&sentence, &json!({"dir": dir, "templates": written}))
}

fn list(asked: &List, job: &Job, output: &mut Output) -> anyhow::Result<()> {
    let mut page = MailPage {
        state: asked.state.as_deref().and_then(MailState::parse),
        after: asked.after.unwrap_or(0),
        limit: asked.limit,
    };
    if asked.after.is_none() && asked.limit > 0 {
        page.after = job.wait(job.operator.mails_before(page))?;
    }
    let first = page.after;
    let pages = pages(asked.limit, |limit| {
        page.limit = limit;
        let mails = job.wait(job.operator.mails(page))?;
        page.after = mails.last().map_or(page.after, |it| it.id);
        Ok(mails.iter().map(row).collect())
    });
    output.need(&[
        "id",
        "recipient",
        "state",
        "kind",
        "created_at",
        "attempts",
        "next_at",
        "error",
    ]);
    let count = output.many(pages)?;
    let after = page.after;
    let waiting = match asked.state {
        Some(_) => "",
        None => "; what waits is listed by --state queued",
    };
    let more = match asked.after {
        None => {
            let last = counted(count, "mail is", "mails are");
            format!("only the last {last} listed; --limit 0 lists them all{waiting}")
        }
        Some(_) => {
            let mails = counted(count, "mail", "mails");
            format!("{mails} listed; for the next ones add --after {after}{waiting}")
        }
    };
    let is_whole = asked.state.is_none() && asked.after.is_none();
    let empty = if is_whole {
        "there are no mails yet; `mail test ADDRESS` sends one"
    } else {
        "no mails match"
    };
    conclude((count, asked.limit), empty, &more, || {
        Ok(match asked.after {
            None => first > 0,
            Some(_) => {
                page.limit = 1;
                !job.wait(job.operator.mails(page))?.is_empty()
            }
        })
    })?;
    Ok(())
}

fn find(ids: &[i64], job: &Job) -> anyhow::Result<Vec<MailRecord>> {
    let find = |id: &i64| Ok(job.wait(job.operator.mail(*id))?);
    ids.iter().map(find).collect()
}

fn show(ids: &[i64], with_body: bool, job: &Job, output: &mut Output) -> anyhow::Result<()> {
    let mails = find(ids, job)?;
    let bodies = with_body.then(|| {
        let letter = |mail| Ok(job.wait(job.operator.mail_letter(mail))?);
        mails.iter().map(letter).collect::<anyhow::Result<Vec<_>>>()
    });
    let bodies = bodies.transpose()?.unwrap_or_default();
    if with_body && output.format == Format::Table {
        return show_to_people(&mails, &bodies, job, output);
    }
    let mut rows: Vec<_> = mails.iter().map(|it| whole(it, job)).collect();
    for (row, letter) in rows.iter_mut().zip(bodies) {
        row["subject"] = letter.subject.into();
        row["text"] = letter.text.into();
    }
    output.named(&rows)
}

/// A text reads badly in a table.
fn show_to_people(
    mails: &[MailRecord],
    bodies: &[Letter],
    job: &Job,
    output: &mut Output,
) -> anyhow::Result<()> {
    for (mail, letter) in mails.iter().zip(bodies) {
        output.one(&whole(mail, job))?;
        output.line(&format!("Subject: {}", letter.subject))?;
        output.line("")?;
        for line in letter.text.lines() {
            output.line(line)?;
        }
    }
    Ok(())
}

fn retry(which: &Retry, job: &Job, output: &mut Output) -> anyhow::Result<()> {
    let state = match (which.failed, which.queued) {
        (true, _) => Some(MailState::Failed),
        (_, true) => Some(MailState::Queued),
        _ => None,
    };
    let ids = if let Some(state) = state {
        let (ids, left) = job.wait(job.operator.retry_all_mails(state, &job.actor))?;
        if left > 0 {
            let state = state.as_str();
            let (one, many) = (format!("{state} mail was"), format!("{state} mails were"));
            note(&format!(
                "{} left, because the links do not work any more",
                counted(left, &one, &many)
            ));
        }
        ids
    } else {
        let ids = numbers(&which.ids)?;
        job.wait(job.operator.retry_mails(&ids, &job.actor))?;
        ids
    };
    if ids.is_empty() {
        note("nothing to be tried again");
    }
    if output.format == Format::Table {
        for id in ids {
            output.line(&format!("mail {id} queued; a running server sends it now"))?;
        }
        return Ok(());
    }
    output.rows(find(&ids, job)?.iter().map(row))
}

fn test(address: &str, job: &Job, output: &mut Output) -> anyhow::Result<()> {
    let to = Email::parse(address)
        .map_err(|_| anyhow!("{address:?} is no e-mail address; a right one is ada@example.org"))?;
    match job.wait(job.operator.send_test_mail(&to)) {
        Ok(answer) => {
            let sentence = format!("mail to {to} accepted: {answer}");
            let tested = json!({
                "recipient": to.to_string(),
                "state": "sent",
                "answer": answer,
            });
            output.done(&sentence, &tested)
        }
        Err(refusal) => bail!("mail to {to} not sent: {}", refusal.advice()),
    }
}

fn row(mail: &MailRecord) -> Value {
    let is_waiting = mail.state == MailState::Queued;
    json!({
        "id": mail.id,
        "kind": mail.kind.as_str(),
        "state": mail.state.as_str(),
        "username": mail.user.as_ref().map(|it| &it.1),
        "recipient": mail.recipient,
        "attempts": mail.attempts,
        "created_at": mail.created_at.to_string(),
        "next_at": is_waiting.then(|| mail.next_at.to_string()),
        "sent_at": mail.sent_at.as_ref().map(Timestamp::to_string),
        "error": mail.error,
    })
}

/// A mail as `show` prints it.
fn whole(mail: &MailRecord, job: &Job) -> Value {
    let file = job.operator.mail_file(mail);
    let details = mail.details.as_deref();
    let mut row = row(mail);
    row["user_id"] = mail.user.as_ref().map(|it| it.0.0).into();
    row["link_expires_at"] = mail.expires_at.as_ref().map(Timestamp::to_string).into();
    row["details"] = details
        .and_then(|it| serde_json::from_str(it).ok())
        .unwrap_or_default();
    row["file"] = file.map(|it| it.display().to_string()).into();
    row
}
