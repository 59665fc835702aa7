//! A terminal of a given size, in which the real program runs: type, look, wait for what is to be
//! seen. tmux makes it, on a server of its own that ends with the test.

use std::path::PathBuf;
use std::process::Command;

use tempfile::TempDir;

use crate::examples::shell;
use crate::server::{Site, run, until};

/// Lines that have left the screen are kept.
const SET_UP: [&str; 5] = ["set", "-g", "history-limit", "10000", ";"];

/// Stands below the last line once that has ended. The terminal stays open then: of one that is
/// closed, tmux may not have read all.
const END: &str = "\u{2404}";

/// A terminal and what runs in it.
pub struct Terminal {
    folder: TempDir,
}

impl Terminal {
    /// Runs a line of bash in the folder of `site`, in which `minisass-auth` is the program.
    pub fn new(site: &Site, (columns, rows): (usize, usize), line: &str) -> Self {
        let terminal = Self {
            folder: tempfile::tempdir().expect("a folder"),
        };
        let code = terminal.code().display().to_string();
        let end = format!("echo $? > {code}; printf \"\\n{END}\"; read -r");
        let line = shell(site, &format!("trap '{end}' EXIT\n{line}"));
        let mut tmux = terminal.tmux();
        tmux.args(["-f", "/dev/null"]).args(SET_UP);
        tmux.args(["new-session", "-d", "-x", &columns.to_string()]);
        tmux.args(["-y", &rows.to_string(), "--"]);
        tmux.arg(line.get_program()).args(line.get_args());
        // The line is run in the surroundings of whoever starts the server.
        tmux.current_dir(site.path("")).env_remove("NO_COLOR");
        for (name, value) in line.get_envs() {
            match value {
                Some(value) => tmux.env(name, value),
                None => tmux.env_remove(name),
            };
        }
        run(&mut tmux, "").ok();
        terminal
    }

    fn tmux(&self) -> Command {
        let mut tmux = Command::new("tmux");
        tmux.arg("-u")
            .arg("-S")
            .arg(self.folder.path().join("tmux"));
        tmux
    }

    fn ask(&self, arguments: &[&str]) -> String {
        run(self.tmux().args(arguments), "").ok()
    }

    /// All that was written so far, without colours. A line that is wider than the terminal is one
    /// line here.
    pub fn screen(&self) -> String {
        self.capture(&["-J"])
    }

    /// The same with colours, as escape codes.
    pub fn coloured(&self) -> String {
        self.capture(&["-J", "-e"])
    }

    fn capture(&self, how: &[&str]) -> String {
        let all = self.ask(&[&["capture-pane", "-p", "-S", "-"], how].concat());
        let shown = all.split(END).next().unwrap_or_default();
        shown.to_owned()
    }

    /// Waits until `text` is on the screen.
    #[track_caller]
    pub fn wait_for(&self, text: &str) {
        until(text, || self.screen().contains(text).then_some(()));
    }

    /// Waits until what is typed is not shown.
    #[track_caller]
    pub fn wait_until_hidden(&self) {
        let device = self.ask(&["display-message", "-p", "#{pane_tty}"]);
        let modes = || run(Command::new("stty").args(["-a", "-F", device.trim()]), "").ok();
        until("typing to be hidden", || {
            modes().contains("-echo ").then_some(())
        });
    }

    pub fn type_line(&self, line: &str) {
        self.ask(&["send-keys", "-l", "--", line]);
        self.ask(&["send-keys", "Enter"]);
    }

    /// Keys as `tmux send-keys` names them, such as `Tab`.
    pub fn press(&self, keys: &[&str]) {
        self.ask(&[&["send-keys"], keys].concat());
    }

    /// The exit code, once the line has ended.
    #[track_caller]
    pub fn wait(&self) -> i32 {
        let all = || self.ask(&["capture-pane", "-p", "-S", "-"]);
        until("the line to end", || all().contains(END).then_some(()));
        let code = std::fs::read_to_string(self.code()).expect("an exit code");
        code.trim().parse().expect("a number")
    }

    /// Where the line leaves its exit code.
    fn code(&self) -> PathBuf {
        self.folder.path().join("code")
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        // It may have failed to start.
        let _ = self.tmux().arg("kill-server").output();
    }
}
