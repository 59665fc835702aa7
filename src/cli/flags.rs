//! The global flags: one for each setting, and `--config`.

use clap::{Arg, ArgMatches, Command};

use crate::settings::{SETTINGS, USUAL_FILE, Values};

pub(crate) fn add(command: Command) -> Command {
    let config = Arg::new("config")
        .long("config")
        .global(true)
        .value_name("FILE")
        .help_heading("Settings")
        .help(format!(
            "A TOML file with settings [default: {USUAL_FILE}, if it is there]"
        ));
    let flags = SETTINGS.iter().map(|setting| {
        let default = setting
            .default
            .filter(|it| !it.is_empty())
            .map_or_else(String::new, |it| format!(" [default: {it}]"));
        let help = format!("{}{default} [env: {}]", setting.help, setting.variable());
        Arg::new(setting.key)
            .long(setting.flag())
            .global(true)
            .value_name("VALUE")
            .help_heading("Settings")
            .hide_short_help(true)
            .help(help.clone())
            // A manual page has the long one only.
            .long_help(help)
    });
    command.arg(config).args(flags)
}

/// What the flags, the environment, the file and the defaults say.
pub(crate) fn values(matches: &ArgMatches) -> Values {
    Values::read(|key| matches.get_one::<String>(key).cloned())
}
