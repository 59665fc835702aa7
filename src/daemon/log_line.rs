//! A line of the log as one JSON object. The library has such a format too; but that reads the fields of the
//! span out of their text again for each line, and writes in small pieces, each of which it checks: a
//! sixth of what a status check costs.

use std::cell::{Cell, RefCell};
use std::fmt::{self, Debug, Write};
use std::time::{SystemTime, UNIX_EPOCH};

use tracing::field::{Field, Visit};
use tracing::{Event, Subscriber};
use tracing_subscriber::field::RecordFields;
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields, FormattedFields};
use tracing_subscriber::registry::LookupSpan;

use crate::domain::{Timestamp, push_json};

/// When, how bad, what happened, and in which request.
pub(super) struct JsonLine;

impl<S, N> FormatEvent<S, N> for JsonLine
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(
        &self,
        context: &FmtContext<'_, S, N>,
        mut line: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        // In one piece: each piece goes through several hands.
        let mut text = LINE.take();
        text.clear();
        text.push_str("{\"timestamp\":\"");
        push_time(&mut text);
        text.push_str("\",\"level\":\"");
        text.push_str(event.metadata().level().as_str());
        text.push('"');
        event.record(&mut Members(&mut text));
        if let Some(span) = context.lookup_current() {
            text.push_str(",\"span\":{\"name\":\"");
            text.push_str(span.name());
            text.push('"');
            if let Some(fields) = span.extensions().get::<FormattedFields<N>>() {
                text.push_str(&fields.fields);
            }
            text.push('}');
        }
        text.push_str("}\n");
        let written = line.write_str(&text);
        LINE.set(text);
        written
    }
}

thread_local! {
    /// Room for the line that this thread writes next.
    static LINE: Cell<String> = const { Cell::new(String::new()) };
    /// The second in which this thread last wrote a line, and how that is written.
    static SECOND: RefCell<(u64, String)> = const { RefCell::new((0, String::new())) };
}

/// The time now, to the microsecond (RFC 3339). A busy server writes thousands of lines in one second.
fn push_time(line: &mut String) {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    let now = now.unwrap_or_default();
    SECOND.with_borrow_mut(|(second, written)| {
        if *second != now.as_secs() || written.is_empty() {
            *second = now.as_secs();
            *written = Timestamp(i64::try_from(*second).unwrap_or(i64::MAX)).to_string();
        }
        line.push_str(written.trim_end_matches('Z'));
    });
    push(line, format_args!(".{:06}Z", now.subsec_micros()));
}

/// A text takes whatever is written.
fn push(text: &mut String, what: fmt::Arguments<'_>) {
    let _ = text.write_fmt(what);
}

/// Each with a comma before it.
impl<'a> FormatFields<'a> for JsonLine {
    fn format_fields<R: RecordFields>(&self, mut to: Writer<'a>, fields: R) -> fmt::Result {
        let mut text = String::new();
        fields.record(&mut Members(&mut text));
        to.write_str(&text)
    }
}

struct Members<'a>(&'a mut String);

impl Members<'_> {
    fn name(&mut self, field: &Field) {
        self.0.push_str(",\"");
        self.0.push_str(field.name());
        self.0.push_str("\":");
    }

    fn number(&mut self, field: &Field, number: impl fmt::Display) {
        self.name(field);
        push(self.0, format_args!("{number}"));
    }
}

impl Visit for Members<'_> {
    fn record_str(&mut self, field: &Field, text: &str) {
        self.name(field);
        push_json(text, self.0);
    }

    fn record_u64(&mut self, field: &Field, number: u64) {
        self.number(field, number);
    }

    fn record_i64(&mut self, field: &Field, number: i64) {
        self.number(field, number);
    }

    fn record_bool(&mut self, field: &Field, truth: bool) {
        self.number(field, truth);
    }

    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.record_str(field, &format!("{value:?}"));
    }
}
