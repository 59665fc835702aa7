//! A client's socket as the HTTP library sees it: a head has to arrive in time, and a head that cannot
//! be read is refused by us.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep};

use super::refused_head::RefusedHead;
use super::rules::ConnectionRules;
use super::turn::Turn;

pub(super) struct Stream<S> {
    socket: S,
    turn: Arc<Turn>,
    rules: Arc<ConnectionRules>,
    /// When the head that is waited for has to be there.
    until: Instant,
    /// Set to `until` only when there is something to wait for.
    alarm: Pin<Box<Sleep>>,
    head: Head,
    refused: Option<RefusedHead>,
}

/// What has arrived of the head.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Head {
    Nothing,
    /// A part of its first line.
    Begun,
    /// The first line at least.
    Line,
}

impl<S> Stream<S> {
    pub(super) fn new(socket: S, turn: Arc<Turn>, rules: Arc<ConnectionRules>) -> Self {
        let until = Instant::now() + rules.head_deadline;
        Self {
            socket,
            turn,
            rules,
            until,
            alarm: Box::pin(tokio::time::sleep_until(until)),
            head: Head::Nothing,
            refused: None,
        }
    }

    fn has_arrived(&mut self, bytes: &[u8]) {
        if bytes.is_empty() || !self.turn.is_waiting() || self.head == Head::Line {
            return;
        }
        if self.head == Head::Nothing {
            // A new connection does not get the time twice.
            self.until = self.until.min(Instant::now() + self.rules.head_deadline);
        }
        self.head = if bytes.contains(&b'\n') {
            Head::Line
        } else {
            Head::Begun
        };
    }

    fn poll_alarm(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if self.alarm.deadline() != self.until {
            self.alarm.as_mut().reset(self.until);
        }
        self.alarm.as_mut().poll(cx)
    }

    /// With no request in hand the library speaks for itself: it refuses a head, with an empty body.
    fn refuse(&mut self, said: &[u8]) {
        let is_in_first_line = self.head == Head::Begun;
        let refused = RefusedHead::read(said, is_in_first_line);
        self.refused.get_or_insert(refused);
    }

    /// The socket behind it, when the library has done, and the head that was no request.
    pub(super) fn end(self, ended: hyper::Result<()>) -> (S, Option<RefusedHead>) {
        // Of some heads the library says nothing: HTTP/2, and one that ends in its middle.
        let is_no_request = |err: hyper::Error| err.is_parse() || err.is_incomplete_message();
        let is_silent = self.turn.is_waiting() && ended.is_err_and(is_no_request);
        let malformed = is_silent.then_some(RefusedHead::Malformed);
        (self.socket, self.refused.or(malformed))
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Stream<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        if Pin::new(&mut self.socket).poll_read(cx, buffer)?.is_ready() {
            self.has_arrived(&buffer.filled()[before..]);
            return Poll::Ready(Ok(()));
        }
        if self.turn.is_waiting() {
            ready!(self.poll_alarm(cx));
            if self.head != Head::Nothing {
                self.refused = Some(RefusedHead::Late);
            }
            return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
        }
        Poll::Pending
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Stream<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        if self.turn.is_waiting() {
            self.refuse(bytes);
            return Poll::Ready(Ok(bytes.len()));
        }
        Pin::new(&mut self.socket).poll_write(cx, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        if self.turn.is_waiting() {
            let first = slices.iter().find(|it| !it.is_empty());
            self.refuse(first.map_or(&[], |it| it));
            return Poll::Ready(Ok(slices.iter().map(|it| it.len()).sum()));
        }
        Pin::new(&mut self.socket).poll_write_vectored(cx, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.socket.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(Pin::new(&mut self.socket).poll_flush(cx))?;
        if self.turn.is_sent() {
            self.head = Head::Nothing;
            self.until = Instant::now() + self.rules.idle_deadline;
            // The library may have looked for the next head already, and looks again when it is woken.
            if self.poll_alarm(cx).is_ready() {
                cx.waker().wake_by_ref();
            }
        }
        Poll::Ready(Ok(()))
    }

    /// There may be a refusal to send, so the socket is shut down later.
    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}
