//! What went wrong on our side: the disk, the database, a broken file. Logged whole, shown as nothing.

use std::any::Any;
use std::error::Error;
use std::fmt;

/// Something the caller cannot act on. It carries what was being done and why that failed;
/// the whole chain goes to the log once, at the edge, and never to a client.
#[derive(Debug)]
pub struct Failure {
    doing: &'static str,
    transient: bool,
    cause: Box<dyn Error + Send + Sync>,
}

impl Failure {
    /// A failure while `doing` (a phrase such as "reading a session").
    pub fn new(doing: &'static str, cause: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self {
            doing,
            transient: false,
            cause: cause.into(),
        }
    }

    /// For `map_err`: `.map_err(Failure::when("reading a session"))`.
    pub fn when<E: Into<Box<dyn Error + Send + Sync>>>(
        doing: &'static str,
    ) -> impl FnOnce(E) -> Self {
        move |cause| Self::new(doing, cause)
    }

    /// Marks a failure that may pass by itself (the disk is full, a lock is held): the client is
    /// told to come back instead of being told that something broke.
    pub fn transient(mut self) -> Self {
        self.transient = true;
        self
    }

    /// Whether the same request may succeed later without anyone changing the program.
    pub fn is_transient(&self) -> bool {
        self.transient
    }

    /// The whole chain on one line, for the log and for an operator at a terminal.
    pub fn chain(&self) -> String {
        let mut text = self.to_string();
        let mut source = self.source();
        while let Some(cause) = source {
            text.push_str(": ");
            text.push_str(&cause.to_string());
            source = cause.source();
        }
        text
    }
}

/// What to say of something that `catch_unwind` caught.
pub fn panic_message(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().copied();
    let text = text.or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    format!("it panicked: {}", text.unwrap_or("nobody knows why"))
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "failed {}", self.doing)
    }
}

impl Error for Failure {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(self.cause.as_ref())
    }
}
