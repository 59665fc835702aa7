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
    /// Whether the thread waits to be woken.
    is_asleep: bool,
    is_at_end: bool,
}

impl Lines {
    fn lock(&self) -> MutexGuard<'_, Gathered> {
        self.gathered.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Writes at once what has come, and then lets more come, until the end.
    fn pass_on(&self, mut to: impl Write) {
        let mut text = Vec::new();
        let (mut is_written, mut is_broken_off) = (true, false);
        while let Some(lost) = self.take(&mut text, is_written) {
            if lost > 0 {
                // Behind what was taken, and before what comes now.
                tracing::warn!(event = "log_lines_lost", count = lost);
            }
            if is_broken_off {
                text.insert(0, b'\n');
            }
            let mut rest = &*text;
            is_written = write_whole(&mut rest, &mut to).is_ok();
            if !is_written {
                let lines = rest.iter().filter(|it| **it == b'\n').count();
                self.lock().lost += lines as u64;
            }
            let written = &text[..text.len() - rest.len()];
            is_broken_off = written.last().map_or(is_broken_off, |it| *it != b'\n');
            thread::sleep(PAUSE);
        }
    }

    /// Exchanges what has come for an empty buffer, as soon as there is something. How many lines were lost before, to
    /// be said where that is of use; none once all is written and the log has ended.
    fn take(&self, text: &mut Vec<u8>, is_said: bool) -> Option<u64> {
        text.clear();
        text.shrink_to(KEPT);
        let mut gathered = self.lock();
        while gathered.text.is_empty() && !gathered.is_at_end {
            gathered.is_asleep = true;
            let woken = self.came.wait(gathered);
            gathered = woken.unwrap_or_else(PoisonError::into_inner);
        }
        std::mem::swap(&mut gathered.text, text);
        let lost = if is_said {
            std::mem::take(&mut gathered.lost)
        } else {
            0
        };
        (!text.is_empty()).then_some(lost)
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
        if gathered.text.len() + line.len() <= MOST {
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
