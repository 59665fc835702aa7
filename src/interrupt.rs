//! Ctrl-C and SIGTERM: long work ends where nothing is half done, and a server stops cleanly.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::Context;
use tokio::signal::unix::{SignalKind, signal};

/// How an interrupted command exits: 128 and the number of SIGINT, as a shell says it.
pub(crate) const CODE: u8 = 130;

/// Why work ended early, and what to do about it.
#[derive(Debug, thiserror::Error)]
#[error("interrupted: {0}")]
pub(crate) struct Interrupted(pub(crate) &'static str);

/// From now on the first signal does this, and does not end the process; the second one does, at once.
pub(crate) fn at_signal(act: impl FnOnce() + Send + 'static) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("cannot start")?;
    let stop = {
        let _inside = runtime.enter();
        stop_signal()?
    };
    std::thread::Builder::new()
        .name("signals".into())
        .spawn(move || {
            runtime.block_on(async {
                stop.await;
                act();
                // The second signal is waited for beside this.
                std::future::pending::<()>().await;
            });
        })
        .map(drop)
        .context("cannot start")
}

/// From now on a write beyond the limit for files (`ulimit -f`, `LimitFSIZE=`) fails, as on a full disk, instead of
/// ending the process. To be called inside of a runtime.
pub(crate) fn outlive_file_limit() -> anyhow::Result<()> {
    // As Linux numbers it on x86, Arm and RISC-V (signal(7)).
    const SIGXFSZ: i32 = 25;
    let watched = signal(SignalKind::from_raw(SIGXFSZ));
    watched.map(drop).context("cannot start")
}

/// Whether somebody wants the work to end.
#[derive(Clone)]
pub(crate) struct Interrupt(Arc<AtomicBool>);

impl Interrupt {
    /// From now on the first signal is only noted here; the second ends the process at once.
    pub(crate) fn watch() -> anyhow::Result<Self> {
        let came = Arc::new(AtomicBool::new(false));
        let note = Arc::clone(&came);
        at_signal(move || note.store(true, Ordering::Relaxed))?;
        Ok(Self(came))
    }

    pub(crate) fn came(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }

    /// Puts the interruption into the place of the failure that it caused.
    pub(crate) fn explain<T, E: Into<anyhow::Error>>(
        &self,
        done: Result<T, E>,
        what: &'static str,
    ) -> anyhow::Result<T> {
        done.map_err(|err| match self.came() {
            true => Interrupted(what).into(),
            false => err.into(),
        })
    }
}

/// Done at the first SIGTERM or Ctrl-C; the second one ends the process at once.
pub(crate) fn stop_signal() -> anyhow::Result<impl Future<Output = ()>> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    Ok(async move {
        tokio::select! { _ = terminate.recv() => {}, _ = interrupt.recv() => {} }
        tokio::spawn(async move {
            tokio::select! { _ = terminate.recv() => {}, _ = interrupt.recv() => {} }
            std::process::exit(i32::from(CODE));
        });
    })
}
