//! `man`: the manual pages, which follow from the commands and the settings.

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use clap::builder::Resettable;
use clap::{Arg, ArgAction, Command};
use clap_mangen::Man as Page;
use clap_mangen::roff::{Roff, bold, italic, roman};

use crate::cli::examples::examples;
use crate::cli::terminal::output::Output;
use crate::settings::SETTINGS;

const PROGRAM: &str = "minisass-auth";

#[derive(clap::Args)]
#[command(after_help = examples(&[
    "minisass-auth man > minisass-auth.1",
    "mkdir -p man/man1 && minisass-auth man --dir man/man1",
]))]
pub(crate) struct Man {
    /// Write the pages of all commands, and of the settings file, into this folder
    /// [default: print the first page]
    #[arg(long, value_name = "FOLDER", value_hint = clap::ValueHint::DirPath)]
    dir: Option<PathBuf>,
}

pub(crate) fn run(wanted: &Man, mut root: Command, output: &mut Output) -> anyhow::Result<()> {
    // So that the names below it are whole: `minisass-auth user create`.
    root.build();
    let Some(folder) = &wanted.dir else {
        let page = String::from_utf8(page(&root, "")?)?;
        return Ok(output.text(&page)?);
    };
    write_pages(folder, "", &root)?;
    write(folder, "minisass-auth.toml.5", &settings_page()?)
}

/// One page for each command, and below it.
fn write_pages(folder: &Path, above: &str, command: &Command) -> anyhow::Result<()> {
    let name = title(command);
    write(folder, &format!("{name}.1"), &page(command, above)?)?;
    for below in below(command) {
        write_pages(folder, &name, below)?;
    }
    Ok(())
}

fn write(folder: &Path, name: &str, page: &[u8]) -> anyhow::Result<()> {
    let file = folder.join(name);
    std::fs::write(&file, page).with_context(|| {
        format!(
            "cannot write {}; name a folder that is there",
            file.display()
        )
    })
}

/// The name of its page: `minisass-auth-user-create`.
fn title(command: &Command) -> String {
    let whole = command.get_bin_name().unwrap_or(PROGRAM);
    whole.replace(' ', "-")
}

fn below(command: &Command) -> impl Iterator<Item = &Command> {
    let below = command.get_subcommands();
    below.filter(|it| !it.is_hide_set() && it.get_name() != "help")
}

fn page(command: &Command, above: &str) -> std::io::Result<Vec<u8>> {
    let name = title(command);
    // The settings that a command uses are options like the others.
    let flat = command.clone().mut_args(|it| {
        let it = it.help_heading(Resettable::Reset);
        match it.get_id().as_str() {
            "help" => it.help("Print help").long_help("Print help"),
            _ => it,
        }
    });
    let page = Page::new(flat);
    let mut roff = head(&name, "1");
    let mut out = Vec::new();
    let about = command.get_about().map(ToString::to_string);
    roff.control("SH", ["NAME"]);
    roff.text([roman(format!("{name} - {}", about.unwrap_or_default()))]);
    roff.to_writer(&mut out)?;
    synopsis(command).to_writer(&mut out)?;
    page.render_description_section(&mut out)?;
    page.render_options_section(&mut out)?;
    if below(command).next().is_some() {
        commands(command).to_writer(&mut out)?;
    }
    let mut roff = Roff::new();
    files(&mut roff);
    environment(&mut roff);
    exit_status(&mut roff);
    examples_of(command, &mut roff);
    see_also(above, below(command).map(title), &mut roff);
    roff.to_writer(&mut out)?;
    Ok(out)
}

/// How the command is typed, in the order of its help: what may be left out stands in brackets.
fn synopsis(command: &Command) -> Roff {
    let mut line = vec![bold(command.get_bin_name().unwrap_or(PROGRAM))];
    let is_usual = |it: &&Arg| ["help", "version"].contains(&it.get_id().as_str());
    let shown = command.get_arguments();
    let shown = shown.filter(|it| !it.is_hide_set() && !is_usual(it));
    let (positionals, flags): (Vec<&Arg>, Vec<&Arg>) = shown.partition(|it| it.is_positional());
    for arg in flags.into_iter().chain(positionals) {
        let is_needed = arg.is_required_set();
        line.push(roman(if is_needed { " " } else { " [" }));
        if let Some(long) = arg.get_long() {
            line.push(bold(format!("--{long}")));
        }
        let range = arg.get_num_args();
        if range.is_some_and(|it| it.takes_values()) {
            let names = arg.get_value_names().unwrap_or_default();
            let names = names.iter().map(ToString::to_string).collect::<Vec<_>>();
            line.extend(arg.get_long().map(|_| roman(" ")));
            line.push(italic(names.join(" ")));
        }
        let is_repeated = matches!(arg.get_action(), ArgAction::Append);
        let end = if is_needed { "" } else { "]" };
        let more = if is_repeated { "..." } else { "" };
        line.push(roman(format!("{end}{more}")));
    }
    if below(command).next().is_some() {
        line.extend([roman(" "), italic("COMMAND"), roman(" ...")]);
    }
    let mut roff = Roff::new();
    roff.control("SH", ["SYNOPSIS"]);
    roff.text(line);
    roff
}

fn commands(command: &Command) -> Roff {
    let mut roff = Roff::new();
    roff.control("SH", ["COMMANDS"]);
    for below in below(command) {
        roff.control("TP", []);
        roff.text([
            bold(below.get_name()),
            roman(format!(", {}(1)", title(below))),
        ]);
        roff.text([roman(
            below
                .get_about()
                .map(ToString::to_string)
                .unwrap_or_default(),
        )]);
    }
    roff
}

fn entry(roff: &mut Roff, term: &str, text: &str) {
    roff.control("TP", []);
    roff.text([bold(term)]);
    roff.text([roman(text)]);
}

fn files(roff: &mut Roff) {
    roff.control("SH", ["FILES"]);
    entry(
        roff,
        "minisass-data/",
        "The data folder, unless --data-dir names another one.",
    );
    entry(roff, "minisass-data/auth.db", "The database.");
    entry(
        roff,
        "minisass-data/keys/master.key",
        "The key that seals the keys in the database, which no backup holds.",
    );
    entry(
        roff,
        "minisass-data/outbox/",
        "Mails, where no mail server is set.",
    );
    entry(
        roff,
        "/etc/minisass-auth.toml",
        "Settings, see minisass-auth.toml(5).",
    );
}

fn environment(roff: &mut Roff) {
    roff.control("SH", ["ENVIRONMENT"]);
    entry(roff, "MINISASS_AUTH_CONFIG", "The file with settings.");
    entry(
        roff,
        "MINISASS_AUTH_*",
        "Each setting, by its name in capitals, such as MINISASS_AUTH_DATA_DIR. A flag counts more, the file less.",
    );
    entry(roff, "NO_COLOR", "If set, nothing is coloured.");
    entry(
        roff,
        "CLICOLOR_FORCE",
        "If set and not 0, tables are coloured also where there is no terminal.",
    );
}

fn exit_status(roff: &mut Roff) {
    roff.control("SH", ["EXIT STATUS"]);
    entry(roff, "0", "Done.");
    entry(
        roff,
        "1",
        "Refused or failed; standard error says what to do, and whether a change is made all the same.",
    );
    entry(roff, "2", "Wrong usage.");
    entry(roff, "130", "Interrupted.");
}

fn examples_of(command: &Command, roff: &mut Roff) {
    let text = command.get_after_help().map(ToString::to_string);
    let text = text.unwrap_or_default();
    let lines: Vec<&str> = text
        .lines()
        .filter_map(|it| it.strip_prefix("  "))
        .collect();
    if lines.is_empty() {
        return;
    }
    roff.control("SH", ["EXAMPLES"]);
    for line in lines {
        roff.control("PP", []);
        roff.control("EX", []);
        roff.text([roman(line)]);
        roff.control("EE", []);
    }
}

fn see_also(above: &str, below: impl Iterator<Item = String>, roff: &mut Roff) {
    let above = (!above.is_empty()).then(|| above.to_owned());
    let pages: Vec<String> = above
        .into_iter()
        .chain(below)
        .map(|it| format!("{it}(1)"))
        .collect();
    let settings = "minisass-auth.toml(5)".to_owned();
    let pages = [pages, vec![settings]].concat();
    roff.control("SH", ["SEE ALSO"]);
    roff.text([roman(pages.join(", "))]);
}

/// The title. Names and flags are not hyphenated, and lines not stretched.
fn head(name: &str, section: &str) -> Roff {
    let version = concat!("minisass-auth ", env!("CARGO_PKG_VERSION"));
    let mut roff = Roff::new();
    // No date, and no name of a manual: groff's own would be written over a long title. The library
    // leaves out what is empty.
    let title = name.to_uppercase();
    roff.control("TH", [title.as_str(), section, " ", version, " "]);
    roff.control("nh", []);
    roff.control("ad", ["l"]);
    roff
}

/// minisass-auth.toml(5): all settings.
fn settings_page() -> std::io::Result<Vec<u8>> {
    let mut roff = head("minisass-auth.toml", "5");
    roff.control("SH", ["NAME"]);
    roff.text([roman("minisass-auth.toml - settings of minisass-auth")]);
    roff.control("SH", ["DESCRIPTION"]);
    roff.text([roman(
        "A file in TOML. Each key of it is a flag of every command, and a variable of the environment; \
         the flag counts most, then the variable, then the file. A key that is none is an error.",
    )]);
    roff.control("SH", ["OPTIONS"]);
    for setting in SETTINGS {
        roff.control("TP", []);
        roff.text([bold(setting.key)]);
        let help = format!("{}{}.", setting.help, setting.default_in_help());
        roff.text([roman(help)]);
        roff.control("br", []);
        let names = format!("--{}, {}", setting.flag(), setting.variable());
        roff.text([roman(names)]);
    }
    files(&mut roff);
    environment(&mut roff);
    roff.control("SH", ["EXAMPLES"]);
    roff.control("EX", []);
    for line in [
        "public_url = \"https://auth.example.org\"",
        "smtp_url_file = \"/etc/minisass-auth/smtp_url\"",
        "hash_queue = 64",
    ] {
        roff.text([roman(line)]);
    }
    roff.control("EE", []);
    see_also(PROGRAM, std::iter::empty(), &mut roff);
    let mut out = Vec::new();
    roff.to_writer(&mut out)?;
    Ok(out)
}
