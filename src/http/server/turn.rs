//! Whose turn it is on a connection: known to its socket, to the request in hand and to the answer.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use std::task::{Context, Poll};

use hyper::body::{Body, Frame, SizeHint};

/// The client is to send a head.
const WAITING: u8 = 0;
/// A request is being answered.
const BUSY: u8 = 1;
/// The answer is made, and perhaps not sent yet.
const ANSWERED: u8 = 2;

#[derive(Default)]
pub(super) struct Turn {
    state: AtomicU8,
    has_begun: AtomicBool,
    is_last: AtomicBool,
}

impl Turn {
    pub(super) fn begin(&self) {
        self.has_begun.store(true, Ordering::Release);
        self.state.store(BUSY, Ordering::Release);
    }

    /// All that was to be sent is sent. Whether an answer was.
    pub(super) fn is_sent(&self) -> bool {
        let (from, to) = (ANSWERED, WAITING);
        let order = (Ordering::AcqRel, Ordering::Acquire);
        let changed = self.state.compare_exchange(from, to, order.0, order.1);
        changed.is_ok()
    }

    pub(super) fn is_waiting(&self) -> bool {
        self.state.load(Ordering::Acquire) == WAITING
    }

    /// Whether a whole head has come, ever.
    pub(super) fn has_begun(&self) -> bool {
        self.has_begun.load(Ordering::Acquire)
    }

    /// The connection closes behind this answer though the client may still be sending.
    pub(super) fn is_the_last(&self) {
        self.is_last.store(true, Ordering::Release);
    }

    pub(super) fn was_the_last(&self) -> bool {
        self.is_last.load(Ordering::Acquire)
    }
}

/// The body of an answer; its end is the end of the turn.
pub(super) struct AnswerBody<B> {
    body: B,
    turn: Arc<Turn>,
}

impl<B> AnswerBody<B> {
    pub(super) fn new(body: B, turn: Arc<Turn>) -> Self {
        Self { body, turn }
    }
}

impl<B> Drop for AnswerBody<B> {
    fn drop(&mut self) {
        self.turn.state.store(ANSWERED, Ordering::Release);
    }
}

impl<B: Body + Unpin> Body for AnswerBody<B> {
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<B::Data>, B::Error>>> {
        Pin::new(&mut self.body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
