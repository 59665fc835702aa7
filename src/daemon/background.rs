//! What `serve` does beside answering, on a thread of its own: mails leave, old rows go, backups are
//! made, and the clock is watched. Nothing of it makes a request wait, or anything else of it.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use tokio::sync::{Mutex, oneshot, watch};
use tokio::task::{JoinError, JoinSet};
use tokio::time::{Instant, sleep, sleep_until};

use crate::daemon::backups::Backups;
use crate::daemon::clock::{Trust, Watched};
use crate::daemon::memory;
use crate::daemon::trouble::Trouble;
use crate::failure::{Failure, panic_message};
use crate::http::App;
use crate::operator::Operator;
use crate::operator::delivery::Taken;
use crate::operator::hash_kinds::HashKinds;
use crate::operator::keys::{Followed, KeyWatch};

/// How many mails are on their way at once: one that hangs does not hold up the others.
const SENDERS: usize = 4;
/// By then a server answers.
const START: Duration = Duration::from_millis(500);
/// Pause between two looks at the outbox: a mail that the command line queued leaves after it.
const OUTBOX_PAUSE: Duration = Duration::from_millis(500);
/// Pause between two attempts to give back what counts against somebody and should not.
const RETURNS_PAUSE: Duration = Duration::from_millis(500);
/// How long a mail may take that is on its way when the server is stopped, and until the database takes what
/// became of it.
const LAST_MAIL: Duration = Duration::from_millis(1500);
const LAST_PAUSE: Duration = Duration::from_millis(100);
/// Pause between two looks whether the keys have changed: much less than `LOOK` in `crypto/token.rs` and
/// `SETTLING` in `crypto/keys.rs`.
const KEYS_PAUSE: Duration = Duration::from_millis(500);
/// Pause between two looks at new accounts; whoever was imported may have a hash of another kind.
const HASHES_PAUSE: Duration = Duration::from_secs(15);
/// Pause between two looks at who has been quiet: after a minute nobody's requests count any more.
const CLIENTS_PAUSE: Duration = Duration::from_secs(60);
/// Pause between two clean-ups, and between two looks whether a backup is due.
const TIDY_PAUSE: Duration = Duration::from_secs(600);
/// The same after a clean-up that was not done, or not all of it.
const TIDY_TROUBLE: Duration = Duration::from_secs(30);

/// A million rows take a minute in this way.
const BATCH_PAUSE: Duration = Duration::from_millis(10);

/// Becomes true when the server stops.
type Stopped = watch::Receiver<bool>;

/// Starts the thread, which ends soon after `stopped`. If the keys that are stored cannot be opened any more,
/// `lost_keys` hears why.
pub(crate) fn start(
    operator: Operator,
    app: App,
    backups: Option<Backups>,
    lost_keys: oneshot::Sender<Failure>,
    stopped: Stopped,
) -> anyhow::Result<std::thread::JoinHandle<()>> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("cannot start")?;
    let work = async move {
        let (mut clock, trust) = Watched::new();
        // Before anything is deleted.
        clock.look(&operator).await;
        let mut tasks = JoinSet::new();
        let look = Arc::new(Mutex::default());
        for _ in 0..SENDERS {
            tasks.spawn(send(operator.clone(), Arc::clone(&look), stopped.clone()));
        }
        tasks.spawn(retry_refunds(operator.clone(), stopped.clone()));
        tasks.spawn(watch_keys(operator.clone(), lost_keys, stopped.clone()));
        tasks.spawn(watch_hashes(operator.clone(), stopped.clone()));
        tasks.spawn(watch_clock(operator.clone(), clock, stopped.clone()));
        if let Some(backups) = backups {
            let (operator, trust) = (operator.clone(), trust.clone());
            tasks.spawn(back_up(operator, backups, trust, stopped.clone()));
        }
        tasks.spawn(settle(stopped.clone()));
        tasks.spawn(forget_clients(app, stopped.clone()));
        tasks.spawn(tidy(operator, trust, stopped));
        while let Some(ended) = tasks.join_next().await {
            if let Err(err) = ended {
                panicked(err).log();
            }
        }
    };
    let thread = std::thread::Builder::new().name("housekeeping".into());
    thread
        .spawn(move || {
            runtime.block_on(work);
            // A name server that does not answer would hold up the stop.
            runtime.shutdown_background();
        })
        .context("cannot start")
}

/// Once, when the start is over.
async fn settle(stopped: Stopped) {
    pause(&stopped, Instant::now() + START).await;
    memory::give_back();
}

/// Of all that do this one looks at the outbox at a time, and knows what went wrong before.
async fn send(operator: Operator, look: Arc<Mutex<Trouble>>, stopped: Stopped) {
    let sent = async {
        loop {
            let mut trouble = look.lock().await;
            if *stopped.borrow() {
                break;
            }
            match task(take(operator.clone())).await {
                Ok(Some(mail)) => {
                    trouble.clear();
                    drop(trouble);
                    let sent = task(deliver(operator.clone(), mail)).await;
                    if let Err(failure) = sent {
                        look.lock().await.tell(&failure);
                    }
                }
                Ok(None) => {
                    trouble.clear();
                    pause(&stopped, Instant::now() + OUTBOX_PAUSE).await;
                }
                Err(failure) => {
                    trouble.tell(&failure);
                    pause(&stopped, Instant::now() + OUTBOX_PAUSE).await;
                }
            }
        }
    };
    tokio::select! {
        () = sent => {}
        // The next server sends it again.
        () = cut_off(stopped.clone()) => return,
    }
    let marked = async {
        while operator.mark_done().await.is_err() {
            sleep(LAST_PAUSE).await;
        }
    };
    tokio::select! {
        () = marked => {}
        // Those are sent again.
        () = cut_off(stopped.clone()) => {}
    }
}

/// Whoever logs in next would do it too; but that may be at another server.
async fn retry_refunds(operator: Operator, stopped: Stopped) {
    while !*stopped.borrow() {
        operator.accounts.retry_refunds();
        pause(&stopped, Instant::now() + RETURNS_PAUSE).await;
    }
}

/// Follows what others do to the keys, until they cannot be opened any more.
async fn watch_keys(operator: Operator, lost: oneshot::Sender<Failure>, stopped: Stopped) {
    let mut watch = KeyWatch::default();
    while !*stopped.borrow() {
        match operator.follow_keys(&mut watch).await {
            Ok(Followed::AsKnown) => {}
            Ok(Followed::Changed) => tracing::info!(event = "sys_keys_changed"),
            Ok(Followed::WentBack) => tracing::error!(
                event = "sys_keys_went_back",
                note = "the database has older keys than this server, which works with its own until it is \
                        started again"
            ),
            // Whoever is served is told of a database that does not answer.
            Err(failure) if failure.is_transient() => {}
            Err(failure) => {
                // The server may be stopping already.
                let _ = lost.send(failure);
                return;
            }
        }
        pause(&stopped, Instant::now() + KEYS_PAUSE).await;
    }
}

/// Refusals are to take as long as the dearest kind of hash that is stored.
async fn watch_hashes(operator: Operator, stopped: Stopped) {
    let mut kinds = HashKinds::default();
    let mut trouble = Trouble::default();
    while !*stopped.borrow() {
        let look = tokio::select! {
            look = operator.look_at_hashes(&mut kinds) => look,
            // A hash that is measured now is of no use any more.
            () = stop(stopped.clone()) => return,
        };
        match &look {
            Ok(_) => trouble.clear(),
            Err(failure) => trouble.tell(failure),
        }
        if look.unwrap_or_default() {
            tokio::task::yield_now().await;
        } else {
            pause(&stopped, Instant::now() + HASHES_PAUSE).await;
        }
    }
}

async fn watch_clock(operator: Operator, mut clock: Watched, stopped: Stopped) {
    while !*stopped.borrow() {
        let wait = clock.look(&operator).await;
        pause(&stopped, Instant::now() + wait).await;
    }
    let noted = operator.note_latest_time().await;
    noted.unwrap_or_else(|err| err.log());
}

async fn take(operator: Operator) -> Result<Option<Taken>, Failure> {
    operator.take_mail().await
}

async fn deliver(operator: Operator, mail: Taken) -> Result<(), Failure> {
    operator.send_mail(mail).await
}

async fn cut_off(stopped: Stopped) {
    stop(stopped).await;
    sleep(LAST_MAIL).await;
}

async fn stop(mut stopped: Stopped) {
    // An error says that the sender is gone, and so is the server.
    let _ = stopped.wait_for(|it| *it).await;
}

/// Does work as a task of its own. If that panics it has failed, like other work, and whoever asked
/// for it goes on.
async fn task<T: Send + 'static>(
    work: impl Future<Output = Result<T, Failure>> + Send + 'static,
) -> Result<T, Failure> {
    tokio::spawn(work)
        .await
        .unwrap_or_else(|err| Err(panicked(err)))
}

fn panicked(err: JoinError) -> Failure {
    let why = match err.try_into_panic() {
        Ok(panic) => panic_message(&*panic),
        Err(err) => err.to_string(),
    };
    Failure::new("working in the background", why)
}

async fn forget_clients(app: App, stopped: Stopped) {
    while !*stopped.borrow() {
        app.forget_quiet_clients();
        pause(&stopped, Instant::now() + CLIENTS_PAUSE).await;
    }
}

async fn tidy(operator: Operator, trust: watch::Receiver<Trust>, stopped: Stopped) {
    let mut trouble = Trouble::default();
    while !*stopped.borrow() {
        let began = Instant::now();
        match operator.note_served_until(TIDY_PAUSE).await {
            // Whoever writes is told of a full disk, say.
            Err(failure) if !failure.is_transient() => failure.log(),
            _ => {}
        }
        let purged = task(purge(operator.clone(), trust.clone(), stopped.clone())).await;
        let wait = match purged {
            Ok(is_all) => {
                trouble.clear();
                if is_all { TIDY_PAUSE } else { TIDY_TROUBLE }
            }
            Err(failure) => {
                trouble.tell(&failure);
                TIDY_TROUBLE
            }
        };
        if let Some(bytes) = operator.overgrown_log() {
            let note = "somebody reads an old state of the database all the time, so that its log \
                        cannot be emptied; find out who with `fuser`, and end it";
            tracing::warn!(event = "sys_log_grows", mebibytes = bytes >> 20, note);
        }
        pause(&stopped, began + wait).await;
    }
}

/// A full disk is complained about now and then, not all the time.
async fn back_up(
    operator: Operator,
    backups: Backups,
    trust: watch::Receiver<Trust>,
    stopped: Stopped,
) {
    while !*stopped.borrow() {
        // Each one takes the place of the oldest, by its name, which is a time.
        let now = trust.borrow().time();
        if let Some(now) = now {
            backups.make(&operator, now, &stopped).await;
        }
        pause(&stopped, Instant::now() + TIDY_PAUSE).await;
    }
}

/// Deletes what has expired, in batches, between which everybody else may write. Returns whether that was all of it.
async fn purge(
    operator: Operator,
    trust: watch::Receiver<Trust>,
    stopped: Stopped,
) -> Result<bool, Failure> {
    while !*stopped.borrow() {
        let Some(now) = trust.borrow().time() else {
            break;
        };
        if operator.purge_some(now).await? {
            operator.remove_stray_mails(now).await?;
            return Ok(true);
        }
        pause(&stopped, Instant::now() + BATCH_PAUSE).await;
    }
    Ok(false)
}

/// Until then, or the stop.
async fn pause(stopped: &Stopped, until: Instant) {
    let mut stopped = stopped.clone();
    tokio::select! {
        _ = stopped.wait_for(|it| *it) => {}
        () = sleep_until(until) => {}
    }
}
