//! Progress of work that takes its time, on standard error.

use std::io::{self, Read};
use std::sync::{Arc, Once};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::interrupt::Interrupt;
use crate::progress::{Progress, Step};
use crate::visible::visible;

/// Work that is done by then passes without a bar.
const DELAY: Duration = Duration::from_millis(500);

/// A line that appears when the work has taken a while, if standard error is a terminal, and goes
/// with the last clone.
#[derive(Clone)]
pub(crate) struct Bar {
    line: ProgressBar,
    started: Instant,
    shown: Arc<Once>,
}

impl Bar {
    pub(crate) fn of(what: &'static str) -> Self {
        let line = ProgressBar::with_draw_target(None, ProgressDrawTarget::hidden());
        Self {
            line: line.with_message(what),
            started: Instant::now(),
            shown: Arc::new(Once::new()),
        }
    }

    pub(crate) fn at(&self, step: Step) {
        let template = match step {
            Step::Done(done, all) => {
                self.line.set_length(all);
                self.line.set_position(done);
                // Within 80 columns, also with a million users.
                "{msg} [{bar:16}] {percent:>3} %, {eta} left"
            }
            Step::Checking => {
                self.line.tick();
                "{spinner} {msg}"
            }
        };
        // A template that is wrong shows as the bar that the library draws by itself.
        self.line
            .set_style(ProgressStyle::with_template(template).map_or_else(
                |_| ProgressStyle::default_bar(),
                |it| it.progress_chars("=> "),
            ));
        if self.started.elapsed() >= DELAY {
            self.shown
                .call_once(|| self.line.set_draw_target(ProgressDrawTarget::stderr()));
        }
    }

    /// Changes the words beside the bar.
    pub(crate) fn say(&self, text: String) {
        self.line.set_message(visible(&text));
    }

    /// Writes to the terminal without tearing the line.
    pub(crate) fn aside<T>(&self, write: impl FnOnce() -> T) -> T {
        self.line.suspend(write)
    }

    /// Removes the line.
    pub(crate) fn clear(&self) {
        self.line.finish_and_clear();
    }

    /// Shows the progress of the store, and ends its work if somebody interrupts.
    pub(crate) fn progress(&self, interrupt: Option<&Interrupt>) -> Progress {
        let (bar, interrupt) = (self.clone(), interrupt.cloned());
        Arc::new(move |step| {
            bar.at(step);
            !interrupt.as_ref().is_some_and(Interrupt::came)
        })
    }

    /// Shows how much of a file is read; `bytes` is 0 if nobody knows how long it is.
    pub(crate) fn reading<R: Read>(&self, file: R, bytes: u64) -> impl Read + use<R> {
        Reading {
            file,
            bytes,
            done: 0,
            bar: self.clone(),
        }
    }
}

struct Reading<R> {
    file: R,
    bytes: u64,
    done: u64,
    bar: Bar,
}

impl<R: Read> Read for Reading<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.file.read(buffer)?;
        self.done += count as u64;
        self.bar.at(match self.bytes {
            0 => Step::Checking,
            all => Step::Done(self.done, all),
        });
        Ok(count)
    }
}
