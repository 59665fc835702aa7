//! bash, zsh and fish as people have them, asked to complete words.

use std::process::Command;

use super::{part, program};
use crate::examples::shell;
use crate::server::{Site, run};
use crate::terminal::Terminal;

/// What is typed before the next prompt, so that it is known when a shell has done its work.
const PROMPT: &str = "ready> ";

/// What bash reads at its start: as the help of `completions` says, but without pages and questions.
const BASHRC: &str = "
PS1='ready> '
bind 'set completion-query-items 0'
bind 'set page-completions off'
bind 'set show-all-if-ambiguous on'
source <(minisass-auth completions bash)
";

/// The same for zsh, which leaves the list on the screen.
const ZSHRC: &str = "
PS1='ready> '
LISTMAX=0
setopt interactive_comments
unsetopt always_last_prompt list_ambiguous
autoload -Uz compinit
compinit -u -D
source <(minisass-auth completions zsh)
";

/// A shell that knows the completions of the program.
pub struct Shell<'a> {
    site: &'a Site,
    name: &'static str,
}

impl<'a> Shell<'a> {
    /// `bash`, `zsh` or `fish`, in the folder of `site`.
    #[track_caller]
    pub fn find(site: &'a Site, name: &'static str) -> Option<Self> {
        let programs = program(name).and_then(|_| program("tmux"));
        part(programs)?;
        let script = "mkdir -p .config/fish/completions\n\
                      minisass-auth completions fish > .config/fish/completions/minisass-auth.fish";
        run(&mut shell(site, script), "").ok();
        for (file, text) in [(".bashrc", BASHRC), (".zshrc", ZSHRC)] {
            std::fs::write(site.path(file), text).expect("a file");
        }
        Some(Self { site, name })
    }

    /// What the shell shows when somebody types this and presses the tabulator: the words
    /// that it offers, or the line with the one that it found.
    #[track_caller]
    pub fn complete(&self, line: &str) -> String {
        match self.name {
            "fish" => self.ask_fish(line),
            "bash" => self.press_tab("bash --noprofile --rcfile ~/.bashrc -i", line),
            _ => self.press_tab("ZDOTDIR=~ zsh -d -i", line),
        }
    }

    /// fish shows its list in a pager, and tells it to programs.
    fn ask_fish(&self, line: &str) -> String {
        let mut fish: Command = shell(self.site, "exec fish -c 'complete -C \"$LINE\"'");
        run(fish.env("LINE", line), "").ok()
    }

    fn press_tab(&self, start: &str, line: &str) -> String {
        let terminal = Terminal::new(self.site, (220, 50), start);
        terminal.wait_for(PROMPT.trim_end());
        terminal.press(&["-l", "--", line]);
        // What stands on the line then is made a comment, and so stays to be seen.
        terminal.press(&["Tab", "C-a", "#", "Enter"]);
        // Typed in two parts, so that only what it prints is the whole word.
        terminal.type_line("echo do\"\"ne");
        terminal.wait_for("\ndone");
        let screen = terminal.screen();
        let shown = screen.split("\ndone").next().unwrap_or_default();
        let shown = shown.replace("echo do\"\"ne", "").replace('#', "");
        shown.replace(PROMPT.trim_end(), "")
    }
}
