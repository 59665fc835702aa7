//! `completions`: a script for a shell. What fits is asked of the program each time somebody
//! presses the tabulator, and follows from the commands.

use clap::builder::PossibleValue;
use clap::{Arg, Command, ValueHint};

use crate::cli::columns;
use crate::cli::examples::examples;
use crate::cli::terminal::output::Output;
use crate::settings::SETTINGS;

#[derive(clap::Args)]
#[command(after_help = examples(&[
    "source <(minisass-auth completions bash)",
    "minisass-auth completions fish > ~/.config/fish/completions/minisass-auth.fish",
]))]
pub(crate) struct Completions {
    /// The shell to complete in
    shell: Shell,
    /// What was typed: ways to end the last word are printed instead of the script
    #[arg(last = true, hide = true, value_name = "WORD")]
    words: Vec<String>,
}

#[derive(Clone, Copy, clap::ValueEnum)]
enum Shell {
    Bash,
    Fish,
    Zsh,
}

/// What may stand at a place.
enum Offer {
    /// Words, and what each means.
    Words(Vec<(String, String)>),
    /// The shell knows best how to complete the name of a file.
    Files,
    Folders,
}

pub(crate) fn run(asked: &Completions, root: Command, output: &mut Output) -> anyhow::Result<()> {
    let Some((last, before)) = asked.words.split_last() else {
        let script = match asked.shell {
            Shell::Bash => include_str!("../shells/minisass-auth.bash"),
            Shell::Fish => include_str!("../shells/minisass-auth.fish"),
            Shell::Zsh => include_str!("../shells/minisass-auth.zsh"),
        };
        return Ok(output.text(script)?);
    };
    let mut root = root;
    root.build();
    let mut place = Place::at(&root);
    for word in before {
        place.pass(word);
    }
    let text = match place.offer(last) {
        Offer::Words(words) => words.iter().map(|it| asked.shell.line(it)).collect(),
        Offer::Files => ":files\n".to_owned(),
        Offer::Folders => ":folders\n".to_owned(),
    };
    Ok(output.text(&text)?)
}

impl Shell {
    fn line(self, (word, meaning): &(String, String)) -> String {
        let meaning = meaning.lines().next().unwrap_or_default();
        match self {
            Self::Bash => format!("{word}\n"),
            Self::Fish => format!("{word}\t{meaning}\n"),
            Self::Zsh => format!("{}:{meaning}\n", word.replace(':', "\\:")),
        }
    }
}

/// Where the words that were typed lead.
struct Place<'a> {
    root: &'a Command,
    command: &'a Command,
    /// The flag whose value comes next.
    flag: Option<&'a Arg>,
    positionals: usize,
    /// `help` takes the names of commands.
    is_help: bool,
    /// After `--` nothing is a flag.
    is_escaped: bool,
}

impl<'a> Place<'a> {
    fn at(root: &'a Command) -> Self {
        Self {
            root,
            command: root,
            flag: None,
            positionals: 0,
            is_help: false,
            is_escaped: false,
        }
    }

    fn pass(&mut self, word: &str) {
        if self.flag.is_some() {
            // bash makes three words of `--format=json`.
            if word != "=" {
                self.flag = None;
            }
        } else if self.is_escaped {
            self.positionals += 1;
        } else if word == "--" {
            self.is_escaped = true;
        } else if word.starts_with('-') && word != "-" {
            self.flag = self.long(word).filter(|it| takes_value(it));
        } else if let Some(below) = self.command.find_subcommand(word) {
            if self.is_root() && word == "help" {
                self.is_help = true;
            } else {
                self.command = below;
            }
        } else {
            self.positionals += 1;
        }
    }

    fn is_root(&self) -> bool {
        std::ptr::eq(self.command, self.root)
    }

    fn long(&self, name: &str) -> Option<&'a Arg> {
        let name = name.strip_prefix("--")?;
        let mut all = self.command.get_arguments();
        all.find(|it| it.get_long() == Some(name))
    }

    fn offer(&self, typed: &str) -> Offer {
        if let Some(flag) = self.flag {
            let typed = if typed == "=" { "" } else { typed };
            return self.values(flag, "", typed);
        }
        if typed.starts_with('-') && !self.is_escaped {
            return match typed.split_once('=') {
                Some((name, typed)) => self.long(name).map_or(Offer::Words(Vec::new()), |flag| {
                    self.values(flag, &format!("{name}="), typed)
                }),
                None => Offer::Words(self.flags(typed)),
            };
        }
        let words = self.commands(typed);
        let offer = match self.positional() {
            Some(positional) if words.is_empty() => self.values(positional, "", typed),
            _ => Offer::Words(words),
        };
        match offer {
            Offer::Words(words) if words.is_empty() && typed.is_empty() && !self.is_help => {
                Offer::Words(self.flags(""))
            }
            offer => offer,
        }
    }

    fn values(&self, arg: &Arg, before: &str, typed: &str) -> Offer {
        if arg.get_id() != "columns" {
            return values(arg, before, typed);
        }
        let path = self.command.get_bin_name().unwrap_or_default();
        let path = path.split_once(' ').unwrap_or_default().1;
        // Those that stand before the last comma are chosen already.
        let (chosen, last) = typed
            .rsplit_once(',')
            .map_or(("", typed), |(chosen, last)| {
                (&typed[..=chosen.len()], last)
            });
        let all = columns::of(path).unwrap_or_default();
        let left = all
            .iter()
            .filter(|it| !chosen.split(',').any(|one| one == **it));
        let fitting = left.filter(|it| it.starts_with(last));
        let word = |it: &&str| (format!("{before}{chosen}{it}"), String::new());
        Offer::Words(fitting.map(word).collect())
    }

    fn positional(&self) -> Option<&'a Arg> {
        let mut all = self
            .command
            .get_positionals()
            .filter(|it| !it.is_hide_set());
        let last = self.command.get_positionals().last();
        let repeats = |it: &&Arg| it.get_num_args().is_some_and(|it| it.max_values() > 1);
        all.nth(self.positionals).or(last.filter(repeats))
    }

    fn commands(&self, typed: &str) -> Vec<(String, String)> {
        if self.positionals > 0 {
            return Vec::new();
        }
        let below = self.command.get_subcommands();
        let shown = below.filter(|it| !it.is_hide_set() && it.get_name().starts_with(typed));
        let mut words: Vec<_> = shown
            .map(|it| (it.get_name().to_owned(), text(it.get_about())))
            .collect();
        if self.is_help && self.is_root() && "settings".starts_with(typed) {
            words.push(("settings".to_owned(), "All settings".to_owned()));
        }
        words
    }

    /// The hidden ones where no other fits: each setting is a flag everywhere.
    fn flags(&self, typed: &str) -> Vec<(String, String)> {
        let of = |is_hidden| {
            let all = self.command.get_arguments();
            let all = all.filter(|it| it.is_hide_set() == is_hidden);
            let named = all.filter_map(|it| Some((format!("--{}", it.get_long()?), it)));
            let fitting = named.filter(|(name, _)| name.starts_with(typed));
            fitting
                .map(|(name, it)| (name, text(it.get_help())))
                .collect::<Vec<_>>()
        };
        let shown = of(false);
        if shown.is_empty() { of(true) } else { shown }
    }
}

fn takes_value(arg: &Arg) -> bool {
    arg.get_num_args().is_some_and(|it| it.takes_values())
}

fn text(help: Option<&clap::builder::StyledStr>) -> String {
    help.map(ToString::to_string).unwrap_or_default()
}

/// What fits as the value of an argument.
fn values(arg: &Arg, before: &str, typed: &str) -> Offer {
    let setting = SETTINGS.iter().find(|it| arg.get_id() == it.key);
    let mut possible = arg.get_possible_values();
    possible.retain(|it| !it.is_hide_set());
    possible.extend(
        setting
            .iter()
            .flat_map(|it| it.choices())
            .map(|it| PossibleValue::new(*it)),
    );
    let fitting = possible
        .iter()
        .filter(|it| it.get_name().starts_with(typed));
    let words: Vec<_> = fitting
        .map(|it| (format!("{before}{}", it.get_name()), text(it.get_help())))
        .collect();
    match arg.get_value_hint() {
        ValueHint::AnyPath | ValueHint::FilePath => Offer::Files,
        ValueHint::DirPath => Offer::Folders,
        _ => Offer::Words(words),
    }
}
