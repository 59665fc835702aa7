//! The log of the server.

use std::io;

use tracing_appender::non_blocking::{NonBlockingBuilder, WorkerGuard};

use crate::visible::Visible;

/// How many lines wait for a slow reader of the log; the rest is lost. The queue is allocated at
/// once.
const LINES: usize = 4096;

/// The log goes to standard error through a thread of its own: a full pipe loses lines, never time.
pub(crate) fn start(is_json: bool) -> WorkerGuard {
    let (writer, guard) = NonBlockingBuilder::default()
        .lossy(true)
        .buffered_lines_limit(LINES)
        .finish(io::stderr());
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
        log.json().flatten_event(true).with_span_list(false).init();
    } else {
        log.init();
    }
    guard
}
