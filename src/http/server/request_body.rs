//! The body of a request, of which the server keeps hold: what the application leaves unread is read
//! before the next request, or the connection ends.

use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use hyper::body::{Body, Frame, Incoming, SizeHint};

/// How much is read for nothing. A longer rest costs more than a new connection.
const MOST_BYTES: usize = 64 * 1024;
/// How long the answer waits for the rest. Most bodies are sent together with their heads.
const PATIENCE: Duration = Duration::from_millis(250);

#[derive(Clone)]
pub(super) struct RequestBody(Arc<Mutex<Parts>>);

struct Parts {
    body: Incoming,
    has_ended: bool,
}

impl RequestBody {
    pub(super) fn new(body: Incoming) -> Self {
        let has_ended = false;
        Self(Arc::new(Mutex::new(Parts { body, has_ended })))
    }

    fn with<T>(&self, look: impl FnOnce(&mut Parts) -> T) -> T {
        look(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    pub(super) fn has_ended(&self) -> bool {
        self.with(|it| it.has_ended)
    }

    /// Reads what is left, if that is little and comes soon. Whether nothing is left.
    pub(super) async fn read_rest(mut self) -> bool {
        let mut left = MOST_BYTES;
        let reading = async {
            while let Some(frame) =
                std::future::poll_fn(|cx| Pin::new(&mut self).poll_frame(cx)).await
            {
                let length = frame.ok()?.data_ref().map_or(0, Bytes::len);
                left = left.checked_sub(length)?;
            }
            Some(())
        };
        let read = tokio::time::timeout(PATIENCE, reading).await;
        matches!(read, Ok(Some(())))
    }
}

impl Body for RequestBody {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        self.with(|parts| {
            let polled = Pin::new(&mut parts.body).poll_frame(cx);
            parts.has_ended |= matches!(polled, Poll::Ready(None)) || parts.body.is_end_stream();
            polled.map_err(io::Error::other)
        })
    }

    fn is_end_stream(&self) -> bool {
        self.with(|it| it.body.is_end_stream())
    }

    fn size_hint(&self) -> SizeHint {
        self.with(|it| it.body.size_hint())
    }
}
