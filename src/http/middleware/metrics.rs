//! What has been answered so far, for Prometheus.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use poem::web::Data;
use poem::{Response, handler};

use crate::accounts::Accounts;

/// Counts by route and status. A route is a name, never a path: paths have secrets in them, and
/// anybody can invent new ones.
#[derive(Default)]
pub(crate) struct Metrics {
    answered: Mutex<BTreeMap<(Arc<str>, u16), Answered>>,
}

#[derive(Default, Clone, Copy)]
struct Answered {
    count: u64,
    took: Duration,
}

impl Metrics {
    pub(crate) fn count(&self, route: &Arc<str>, status: u16, took: Duration) {
        let mut answered = self.answered.lock().unwrap_or_else(PoisonError::into_inner);
        let entry = answered.entry((Arc::clone(route), status)).or_default();
        entry.count += 1;
        entry.took += took;
    }

    /// The Prometheus text format, version 0.0.4.
    fn text(&self) -> String {
        let answered = self
            .answered
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        let mut text = String::new();
        let mut family = |name: &str, help: &str, value: &dyn Fn(&Answered) -> f64| {
            let name = format!("minisass_auth_{name}");
            let _ = writeln!(text, "# HELP {name} {help}\n# TYPE {name} counter");
            for ((route, status), entry) in &answered {
                let _ = writeln!(
                    text,
                    "{name}{{route=\"{route}\",status=\"{status}\"}} {}",
                    value(entry)
                );
            }
        };
        #[expect(clippy::cast_precision_loss, reason = "Prometheus counts in floats")]
        family("requests_total", "Answered requests.", &|it| {
            it.count as f64
        });
        family(
            "request_seconds_total",
            "Seconds that they took together.",
            &|it| it.took.as_secs_f64(),
        );
        text
    }
}

/// The counts.
#[handler]
pub(crate) fn metrics(
    Data(metrics): Data<&Arc<Metrics>>,
    Data(accounts): Data<&Accounts>,
) -> Response {
    let hashes = accounts.hashes_computed();
    let name = "minisass_auth_password_hashes_total";
    let text = metrics.text();
    let text = format!(
        "{text}# HELP {name} Computed password hashes.\n# TYPE {name} counter\n{name} {hashes}\n"
    );
    Response::builder()
        .content_type("text/plain; version=0.0.4; charset=utf-8")
        .body(text)
}
