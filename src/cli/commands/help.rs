//! `help`: how a command is used, and all settings. The help of a command fits on a screen and a half.

use clap::Command;
use clap::builder::PossibleValue;

use crate::cli::examples::examples;
use crate::cli::terminal::output::Output;
use crate::settings::SETTINGS;

#[derive(clap::Args)]
#[command(after_help = examples(&[
    "minisass-auth help user create",
    "minisass-auth help settings",
]))]
pub(crate) struct Help {
    /// A command, or `settings`
    #[arg(value_name = "COMMAND")]
    words: Vec<String>,
}

/// What stands below the help of each command.
const MORE: &str =
    "Every setting is a flag here, a variable and a key: see `minisass-auth help settings`.";

pub(crate) fn run(help: &Help, root: Command, output: &mut Output) -> anyhow::Result<()> {
    if help.words == ["settings"] {
        return Ok(output.text(&settings())?);
    }
    let words = help.words.iter().map(String::as_str);
    let asked = ["minisass-auth"].into_iter().chain(words).chain(["--help"]);
    match root.try_get_matches_from(asked) {
        // What was asked for, or that there is no such command.
        Err(err) => Err(err.into()),
        Ok(_) => Ok(()),
    }
}

/// All settings, as the reference has them.
pub(crate) fn settings() -> String {
    let mut text = "\
A setting is a flag, a variable of the environment, or a key in a file; that is the order in which
they count. The file is what --config or MINISASS_AUTH_CONFIG names, or else
/etc/minisass-auth.toml. In it:

  public_url = \"https://auth.example.org\"
  hash_queue = 64
  cors_origins = [\"https://www.example.org\"]

"
    .to_owned();
    for setting in SETTINGS {
        let (flag, variable) = (setting.flag(), setting.variable());
        text += &format!("{}{}\n", setting.key, setting.default_in_help());
        text += &format!("    {}\n", setting.help);
        text += &format!("    --{flag}, {variable}, such as {:?}\n", setting.example);
    }
    text
}

/// The same help for `-h` and `--help`: a line for each argument where that is enough.
pub(crate) fn compact(command: Command) -> Command {
    let takes_settings = command.get_arguments().any(|it| it.get_id() == "config");
    let more = command.get_after_help().map(|examples| {
        let examples = examples.ansi();
        if takes_settings {
            format!("{examples}\n\n{MORE}")
        } else {
            examples.to_string()
        }
    });
    let command = match more {
        Some(more) => command.after_help(more),
        None => command,
    };
    command.mut_args(explain_values).mut_subcommands(compact)
}

/// What the possible values mean stands in the help, without a paragraph for each.
fn explain_values(arg: clap::Arg) -> clap::Arg {
    let mut values = arg.get_possible_values();
    values.retain(|it| !it.is_hide_set());
    if !values.iter().any(|it| it.get_help().is_some()) {
        return arg;
    }
    let explained = |it: &PossibleValue| {
        let help = it.get_help().map(|it| format!(": {it}"));
        format!("\n  {}{}", it.get_name(), help.unwrap_or_default())
    };
    let explained: String = values.iter().map(explained).collect();
    let default = arg.get_default_values().first();
    let default = default.map(|it| format!(" [default: {}]", it.display()));
    let help = arg.get_help().map(ToString::to_string).unwrap_or_default();
    arg.help(format!("{help}{}{explained}", default.unwrap_or_default()))
        .hide_possible_values(true)
        .hide_default_value(true)
}
