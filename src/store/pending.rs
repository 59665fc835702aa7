//! The answer of a database: there already, or on its way.

use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};

use futures_channel::oneshot;

use crate::failure::Failure;

/// What most methods of [`crate::store::Store`] return. A read of SQLite is answered in microseconds
/// and is there at once; a write is there when its transaction is on the disk. Nothing here blocks a
/// thread, and no runtime is needed to wait.
#[must_use = "a write is only acknowledged when it was waited for"]
pub enum Pending<T> {
    /// The answer is there.
    Ready(Option<Result<T, Failure>>),
    /// Somebody else works on it.
    Waiting(oneshot::Receiver<Result<T, Failure>>),
}

/// What somebody who works on an answer gives it to.
pub(super) type Promise<T> = oneshot::Sender<Result<T, Failure>>;

impl<T> Pending<T> {
    /// An answer that somebody else will give.
    pub(super) fn promised() -> (Promise<T>, Self) {
        let (promise, answer) = oneshot::channel();
        (promise, Self::Waiting(answer))
    }

    /// An answer that is there.
    pub fn ready(answer: Result<T, Failure>) -> Self {
        Self::Ready(Some(answer))
    }
}

impl<T: Unpin> Pending<T> {
    /// The answer, if it is there; none comes any more.
    pub fn last(mut self) -> Option<Result<T, Failure>> {
        if let Self::Waiting(answer) = &mut self {
            answer.close();
        }
        self.now().ok()
    }

    /// The answer, if it is there.
    pub fn now(self) -> Result<Result<T, Failure>, Self> {
        match self {
            Self::Ready(answer) => Ok(answer.unwrap_or_else(|| Err(gone()))),
            Self::Waiting(mut answer) => match answer.try_recv() {
                Ok(None) => Err(Self::Waiting(answer)),
                Ok(Some(answer)) => Ok(answer),
                Err(_) => Ok(Err(gone())),
            },
        }
    }

    /// Blocks the thread, which must be none that serves requests.
    pub fn wait(self) -> Result<T, Failure> {
        let waker = Waker::from(Arc::new(Unpark(thread::current())));
        let (mut answer, mut context) = (pin!(self), Context::from_waker(&waker));
        loop {
            match answer.as_mut().poll(&mut context) {
                Poll::Ready(answer) => return answer,
                Poll::Pending => thread::park(),
            }
        }
    }
}

struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

impl<T: Unpin> Future for Pending<T> {
    type Output = Result<T, Failure>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        match self.get_mut() {
            Self::Ready(answer) => Poll::Ready(answer.take().unwrap_or_else(|| Err(gone()))),
            Self::Waiting(answer) => Pin::new(answer)
                .poll(context)
                .map(|it| it.unwrap_or_else(|_| Err(gone()))),
        }
    }
}

fn gone() -> Failure {
    Failure::new("waiting for the database", "the database has been closed").transient()
}
