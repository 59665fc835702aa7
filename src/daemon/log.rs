//! The log of the server.

use std::io::{self, BufWriter, Stderr, Write};
use std::thread;
use std::time::Duration;

use tracing_appender::non_blocking::{NonBlockingBuilder, WorkerGuard};

use super::log_line::JsonLine;
use crate::visible::Visible;

/// How many lines wait for a slow reader of the log; the rest is lost. The queue is allocated at
/// once.
const LINES: usize = 4096;

/// How long lines gather before the next are written.
const PAUSE: Duration = Duration::from_millis(5);

/// The log goes to standard error through a thread of its own: a full pipe loses lines, never time.
pub(crate) fn start(is_json: bool) -> WorkerGuard {
    let (writer, guard) = NonBlockingBuilder::default()
        .lossy(true)
        .buffered_lines_limit(LINES)
        .finish(Gathering(BufWriter::new(io::stderr())));
    // A terminal may show it, or a person read it at one.
    let show = if is_json {
        Visible::json
    } else {
        Visible::text
    };
    let visible = move || show(writer.clone());
    let log = tracing_subscriber::fmt()
        .with_writer(visible)
        .with_target(false)
        .with_max_level(tracing::Level::INFO)
        .with_ansi(false)
        .log_internal_errors(false);
    if is_json {
        log.fmt_fields(JsonLine).event_format(JsonLine).init();
    } else {
        log.init();
    }
    guard
}

/// Writes at once what has come, and then lets more come. A thread that slept until the next line would be
/// woken for each: that took a third of the time of a status check.
struct Gathering(BufWriter<Stderr>);

impl Write for Gathering {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write(bytes)
    }

    /// The thread calls it when no line waits.
    fn flush(&mut self) -> io::Result<()> {
        let flushed = self.0.flush();
        thread::sleep(PAUSE);
        flushed
    }
}
