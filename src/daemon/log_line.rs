//! A line of the log as one JSON object. The library has such a format too; but that reads the fields of the
//! span out of their text again for each line, and writes in small pieces, each of which it checks: a
//! sixth of what a status check costs.

use std::cell::RefCell;
use std::fmt::{self, Debug};
use std::time::{SystemTime, UNIX_EPOCH};

use tracing::field::{Field, Visit};
use tracing::{Event, Subscriber};
use tracing_subscriber::field::RecordFields;
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields, FormattedFields};
use tracing_subscriber::registry::LookupSpan;

use crate::domain::Timestamp;

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
        line.write_str("{\"timestamp\":\"")?;
        write_time(&mut line)?;
        line.write_str("\",\"level\":\"")?;
        line.write_str(event.metadata().level().as_str())?;
        line.write_char('"')?;
        JsonLine.format_fields(line.by_ref(), event)?;
        if let Some(span) = context.lookup_current() {
            line.write_str(",\"span\":{\"name\":\"")?;
            line.write_str(span.name())?;
            line.write_char('"')?;
            if let Some(fields) = span.extensions().get::<FormattedFields<N>>() {
                line.write_str(&fields.fields)?;
            }
            line.write_char('}')?;
        }
        line.write_str("}\n")
    }
}

thread_local! {
    /// The second in which this thread last wrote a line, and how that is written.
    static SECOND: RefCell<(u64, String)> = const { RefCell::new((0, String::new())) };
}

/// The time now, to the microsecond (RFC 3339). A busy server writes thousands of lines in one second.
fn write_time(line: &mut Writer<'_>) -> fmt::Result {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    let now = now.unwrap_or_default();
    SECOND.with_borrow_mut(|(second, written)| {
        if *second != now.as_secs() || written.is_empty() {
            *second = now.as_secs();
            *written = Timestamp(i64::try_from(*second).unwrap_or(i64::MAX)).to_string();
        }
        line.write_str(written.trim_end_matches('Z'))
    })?;
    write!(line, ".{:06}Z", now.subsec_micros())
}

/// Each with a comma before it.
impl<'a> FormatFields<'a> for JsonLine {
    fn format_fields<R: RecordFields>(&self, to: Writer<'a>, fields: R) -> fmt::Result {
        let mut members = Members {
            to,
            written: Ok(()),
        };
        fields.record(&mut members);
        members.written
    }
}

struct Members<'a> {
    to: Writer<'a>,
    written: fmt::Result,
}

impl Members<'_> {
    fn name(&mut self, field: &Field) -> fmt::Result {
        self.written?;
        self.to.write_str(",\"")?;
        self.to.write_str(field.name())?;
        self.to.write_str("\":")
    }

    fn number(&mut self, field: &Field, number: impl fmt::Display) {
        self.written = self.name(field).and_then(|()| write!(self.to, "{number}"));
    }

    fn text(&mut self, field: &Field, text: &str) -> fmt::Result {
        self.name(field)?;
        if text
            .bytes()
            .any(|it| it < b' ' || matches!(it, b'"' | b'\\'))
        {
            let quoted = serde_json::to_string(text).map_err(|_| fmt::Error)?;
            return self.to.write_str(&quoted);
        }
        self.to.write_char('"')?;
        self.to.write_str(text)?;
        self.to.write_char('"')
    }
}

impl Visit for Members<'_> {
    fn record_str(&mut self, field: &Field, text: &str) {
        self.written = self.text(field, text);
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
        self.written = self.text(field, &format!("{value:?}"));
    }
}
