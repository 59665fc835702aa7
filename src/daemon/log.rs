//! The log of the server.

use std::io::{self, Write};
use std::sync::mpsc;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use super::log_line::JsonLine;
use crate::visible::Visible;

/// How much waits for a slow reader of the log, in bytes; the rest is lost.
const MOST: usize = 1 << 20;

/// What the two buffers keep between lines, in bytes.
const KEPT: usize = 64 * 1024;

/// How long lines gather before the next are written.
const PAUSE: Duration = Duration::from_millis(5);

/// How long the end of the server waits for the reader of its last lines.
const PATIENCE: Duration = Duration::from_secs(1);

/// The log goes to standard error through a thread of its own: a full pipe loses lines, never time.
pub(crate) fn start(is_json: bool) -> io::Result<Log> {
    // Never freed: it lives as long as the process, so that writers borrow it and count no references.
    let lines: &'static Lines = Box::leak(Box::default());
    let (ending, ended) = mpsc::channel();
    thread::Builder::new().name("log".into()).spawn(|| {
        lines.pass_on(io::stderr());
        drop(ending);
    })?;
    // A terminal may show it, or a person read it at one.
    let show = if is_json {
        Visible::json
    } else {
        Visible::text
    };
    let log = tracing_subscriber::fmt()
        .with_writer(move || show(lines))
        .with_target(false)
        .with_max_level(tracing::Level::INFO)
        .with_ansi(false)
        .log_internal_errors(false);
    if is_json {
        log.fmt_fields(JsonLine).event_format(JsonLine).init();
    } else {
        log.init();
    }
    Ok(Log { lines, ended })
}

/// The log of a server that runs.
pub(crate) struct Log {
    lines: &'static Lines,
    ended: mpsc::Receiver<()>,
}

impl Log {
    /// Writes the last lines, if somebody reads them in time.
    pub(crate) fn end(self) {
        self.lines.lock().is_at_end = true;
        self.lines.came.notify_one();
        // The thread sends nothing: it drops its end once all is written.
        let _ = self.ended.recv_timeout(PATIENCE);
    }
}

/// Lines on their way from those who write them, who may not be held up, to the thread that passes them on. A
/// channel would allocate each here and free it there, and wake the thread for it.
#[derive(Default)]
struct Lines {
    gathered: Mutex<Gathered>,
    came: Condvar,
}

#[derive(Default)]
struct Gathered {
    text: Vec<u8>,
    /// How many lines found no room, here or on the disk, since this was last said.
    lost: u64,
    /// What is said of them, which needs no room.
    aside: Vec<u8>,
    /// Whether it is being said.
    is_aside: bool,
    /// Whether the thread waits to be woken.
    is_asleep: bool,
    is_at_end: bool,
}

impl Lines {
    fn lock(&self) -> MutexGuard<'_, Gathered> {
        self.gathered.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Writes at once what has come, and then lets more come, until the end.
    fn pass_on(&self, to: impl Write) {
        let mut out = Out {
            to,
            is_broken_off: false,
        };
        let mut text = Vec::new();
        while let Some(lost) = self.take(&mut text) {
            let missing = out.write(&text);
            self.lock().lost += missing;
            if missing == 0 {
                self.tell_lost(lost, &mut out);
            }
            thread::sleep(PAUSE);
        }
        let lost = self.lock().lost;
        self.tell_lost(lost, &mut out);
    }

    /// Exchanges what has come for an empty buffer, as soon as there is something. How many lines were lost up to
    /// then; none once all is written and the log has ended.
    fn take(&self, text: &mut Vec<u8>) -> Option<u64> {
        text.clear();
        text.shrink_to(KEPT);
        let mut gathered = self.lock();
        while gathered.text.is_empty() && !gathered.is_at_end {
            gathered.is_asleep = true;
            let woken = self.came.wait(gathered);
            gathered = woken.unwrap_or_else(PoisonError::into_inner);
        }
        std::mem::swap(&mut gathered.text, text);
        (!text.is_empty()).then_some(gathered.lost)
    }

    /// Says how many lines were lost. They count until that is written.
    fn tell_lost(&self, lost: u64, out: &mut Out<impl Write>) {
        if lost == 0 {
            return;
        }
        self.lock().is_aside = true;
        tracing::warn!(event = "log_lines_lost", count = lost);
        let mut gathered = self.lock();
        gathered.is_aside = false;
        let line = std::mem::take(&mut gathered.aside);
        drop(gathered);
        if out.write(&line) == 0 {
            self.lock().lost -= lost;
        }
    }
}

/// Where the log goes.
struct Out<W> {
    to: W,
    /// Whether the disk had no room for the end of a line.
    is_broken_off: bool,
}

impl<W: Write> Out<W> {
    /// Writes lines, and returns how many of them found no room.
    fn write(&mut self, lines: &[u8]) -> u64 {
        let mut rest = lines;
        let written = self
            .end_line()
            .and_then(|()| write_whole(&mut rest, &mut self.to));
        if written.is_ok() {
            return 0;
        }
        if let Some(last) = lines[..lines.len() - rest.len()].last() {
            self.is_broken_off = *last != b'\n';
        }
        rest.iter().filter(|it| **it == b'\n').count() as u64
    }

    fn end_line(&mut self) -> io::Result<()> {
        if self.is_broken_off {
            write_whole(&mut &b"\n"[..], &mut self.to)?;
            self.is_broken_off = false;
        }
        Ok(())
    }
}

/// Waits for a pipe that does not wait itself, as a parent may have left it: `write_all` would stop in the middle of a
/// line. What could not be written is left in `text`.
fn write_whole(text: &mut &[u8], to: &mut impl Write) -> io::Result<()> {
    while !text.is_empty() {
        match to.write(text) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(count) => *text = &text[count..],
            Err(err) if err.kind() == io::ErrorKind::WouldBlock => thread::sleep(PAUSE),
            Err(err) if err.kind() == io::ErrorKind::Interrupted => {}
            Err(err) => return Err(err),
        }
    }
    Ok(())
}

/// A whole line at a time.
impl Write for &Lines {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let mut gathered = self.lock();
        if gathered.is_aside {
            gathered.aside.extend_from_slice(line);
        } else if gathered.text.len() + line.len() <= MOST {
            gathered.text.extend_from_slice(line);
        } else {
            gathered.lost += 1;
        }
        if std::mem::take(&mut gathered.is_asleep) {
            self.came.notify_one();
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
