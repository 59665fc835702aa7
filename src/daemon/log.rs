//! The log of the server.

use std::io::{self, Write};
use std::sync::mpsc::{self, RecvTimeoutError};
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
    // As long as the process is there: whoever writes borrows it, and nobody counts who does.
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
    /// Writes the last lines; false if nobody reads them in time.
    pub(crate) fn end(self) -> bool {
        self.lines.lock().is_at_end = true;
        self.lines.came.notify_one();
        // The thread lets go of its end, and sends nothing.
        self.ended.recv_timeout(PATIENCE) == Err(RecvTimeoutError::Disconnected)
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
    /// How many lines found no room since this was last said.
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
        while self.take(&mut text) {
            // Whoever closed it wants no log.
            let _ = write_whole(&text, &mut to);
            let lost = std::mem::take(&mut self.lock().lost);
            if lost > 0 {
                tracing::warn!(event = "log_lines_lost", count = lost);
            }
            thread::sleep(PAUSE);
        }
    }

    /// Exchanges what has come for an empty buffer, as soon as there is something. False once all is written and the
    /// log has ended.
    fn take(&self, text: &mut Vec<u8>) -> bool {
        text.clear();
        text.shrink_to(KEPT);
        let mut gathered = self.lock();
        while gathered.text.is_empty() && !gathered.is_at_end {
            gathered.is_asleep = true;
            let woken = self.came.wait(gathered);
            gathered = woken.unwrap_or_else(PoisonError::into_inner);
        }
        std::mem::swap(&mut gathered.text, text);
        !text.is_empty()
    }
}

/// Also to what does not wait, as a parent may have left a pipe: a line that broke off would spoil the next one.
fn write_whole(mut text: &[u8], to: &mut impl Write) -> io::Result<()> {
    while !text.is_empty() {
        match to.write(text) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(count) => text = &text[count..],
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
