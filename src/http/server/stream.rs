//! A client's socket as the HTTP library sees it: a head has to arrive in time, a head that cannot be
//! read is answered in our words, and a client that still sends reads the last answer all the same.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep};

use super::refused_head;
use super::rules::ConnectionRules;
use super::turn::Turn;

/// What a client that still sends after the last answer has to read it, and what it may send.
const FAREWELL: Duration = Duration::from_secs(1);
const FAREWELL_BYTES: usize = 1 << 20;

pub(super) struct Stream<S> {
    socket: S,
    turn: Arc<Turn>,
    rules: Arc<ConnectionRules>,
    /// When the head that is waited for has to be there.
    until: Instant,
    /// Set to `until` only when there is something to wait for.
    alarm: Pin<Box<Sleep>>,
    head: Head,
    /// What is answered to a head that cannot be read, as far as it is not sent.
    refusal: Vec<u8>,
    farewell: Option<usize>,
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
            refusal: Vec::new(),
            farewell: None,
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
        self.refusal = refused_head::answer(said, self.head == Head::Begun);
        self.turn.is_the_last();
    }
}

impl<S: AsyncWrite + Unpin> Stream<S> {
    fn poll_refusal(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while !self.refusal.is_empty() {
            let socket = Pin::new(&mut self.socket);
            let count = ready!(socket.poll_write(cx, &self.refusal))?;
            if count == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.refusal.drain(..count);
        }
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncRead + Unpin> Stream<S> {
    /// A socket that is closed with bytes unread resets the connection, and the client may lose the
    /// answer. So they are read, for a while.
    fn poll_farewell(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let mut bytes = [0; 4096];
        loop {
            let mut buffer = ReadBuf::new(&mut bytes);
            match Pin::new(&mut self.socket).poll_read(cx, &mut buffer) {
                Poll::Ready(Ok(())) if !buffer.filled().is_empty() => {
                    let read = self.farewell.unwrap_or_default() + buffer.filled().len();
                    if read > FAREWELL_BYTES {
                        return Poll::Ready(());
                    }
                    self.farewell = Some(read);
                }
                Poll::Ready(_) => return Poll::Ready(()),
                Poll::Pending => return self.poll_alarm(cx),
            }
        }
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
        ready!(self.poll_refusal(cx))?;
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

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_refusal(cx))?;
        if self.farewell.is_none() {
            ready!(Pin::new(&mut self.socket).poll_shutdown(cx))?;
            if !self.turn.was_the_last() {
                return Poll::Ready(Ok(()));
            }
            self.farewell = Some(0);
            self.until = Instant::now() + FAREWELL;
        }
        ready!(self.poll_farewell(cx));
        Poll::Ready(Ok(()))
    }
}
