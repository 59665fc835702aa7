//! Sending the queued mails.

use std::time::Duration;

use serde_json::{Map, Value};

use super::Operator;
use super::in_hand::{Done, InHand};
use crate::domain::{Email, Timestamp, User};
use crate::failure::Failure;
use crate::mail::{Letter, NotSent, Values};
use crate::store::clock::LongestWaits;
use crate::store::mails::{Delivery, DueMail, Leased};

/// Two attempts lie no further apart than this.
const LONGEST_PAUSE: Duration = Duration::from_secs(4 * 3600);
/// After attempts for longer than this a mail has failed (RFC 5321, section 4.5.4.1). Time in which
/// nobody tried does not count: neither a server that stood still nor what was before a `mail retry`.
const GIVE_UP: Duration = Duration::from_secs(5 * 24 * 3600);
/// What a sender needs beside the time that the mail server takes.
const MARGIN: Duration = Duration::from_secs(60);

/// A mail for whoever has it to send.
pub struct Taken {
    leased: Leased,
    in_hand: InHand,
}

impl Operator {
    /// Sends all that is due, one after the other, and returns how many mails that were.
    pub async fn deliver_due(&self) -> Result<usize, Failure> {
        let mut count = 0;
        while let Some(mail) = self.take_mail().await? {
            self.send_mail(mail).await?;
            count += 1;
        }
        Ok(count)
    }

    /// The next mail that is due, if there is one, for the caller alone to send. If it is killed before it has, that
    /// mail is sent once more after the next start.
    pub async fn take_mail(&self) -> Result<Option<Taken>, Failure> {
        self.mark_done().await?;
        let (store, clock) = (&self.parts.store, &self.parts.clock);
        // Looking is cheap; leasing a mail is a write.
        while !store.due_mail(self.now(), 1).await?.is_empty() {
            let Some(leased) = store.lease_mail(clock, self.lease()).await? else {
                return Ok(None);
            };
            if let Some(in_hand) = self.senders.take(&leased) {
                return Ok(Some(Taken { leased, in_hand }));
            }
        }
        self.parts.mailer.close_idle().await;
        Ok(None)
    }

    /// Sends a mail, and notes what became of it.
    pub async fn send_mail(&self, Taken { leased, in_hand }: Taken) -> Result<(), Failure> {
        let delivery = self.deliver(&leased.mail, leased.at).await;
        let mail = in_hand;
        self.mark(Done { mail, delivery }).await
    }

    /// Notes what became of mails while the database took nothing.
    pub async fn mark_done(&self) -> Result<(), Failure> {
        while let Some(done) = self.senders.next_unmarked() {
            self.mark(done).await?;
        }
        Ok(())
    }

    /// Notes what became of a mail; later, if the database takes nothing now: it would be sent again otherwise.
    async fn mark(&self, done: Done) -> Result<(), Failure> {
        let (id, until) = (done.mail.id, done.mail.until());
        let delivery = done.delivery.clone();
        let marked = self.parts.store.mark_mail(id, until, delivery, self.now());
        match marked.await {
            Ok(true) => Ok(()),
            Ok(false) => self.parts.mailer.forget(&[id]),
            Err(failure) => {
                if failure.is_transient() {
                    self.senders.keep(done);
                }
                Err(failure)
            }
        }
    }

    /// Queues again the mails that a crashed server had leased. Only right while no server runs; of a
    /// database that others share nobody knows, and the leases end by themselves.
    pub async fn release_mail(&self) -> Result<(), Failure> {
        if self.parts.store.is_shared() {
            return Ok(());
        }
        self.parts.store.release_mail().await
    }

    /// No mail waits for much longer than this.
    pub(super) fn longest_waits(&self) -> LongestWaits {
        LongestWaits {
            first: self.usual_pause(0),
            any: self.usual_pause(u32::MAX).mul_f64(1.25),
            // Another server may be more patient with its mail server than this one.
            lease: self.lease().max(Duration::from_secs(3600)),
        }
    }

    fn lease(&self) -> Duration {
        self.parts.mailer.longest_attempt() + MARGIN
    }

    async fn deliver(&self, mail: &DueMail, now: Timestamp) -> Delivery {
        if mail.recipient.is_empty() {
            return Delivery::Decoy;
        }
        if mail.expires_at.is_some_and(|it| it <= now) {
            tracing::warn!(event = "mail_expired", mail = mail.id);
            return Delivery::Expired;
        }
        let letter = match self.letter(mail, self.link(mail, now)) {
            Ok(letter) => letter,
            Err(failure) => {
                let error = failure.chain();
                tracing::error!(event = "mail_failed", mail = mail.id, error);
                return Delivery::Failed(error);
            }
        };
        let to = Email::stored(mail.recipient.clone());
        let mailer = &self.parts.mailer;
        match mailer.send(mail.id, mail.created_at, &to, &letter).await {
            Ok(_) => {
                let user_id = mail.user.as_ref().map(|it| it.id.0);
                tracing::info!(event = "mail_sent", mail = mail.id, user_id);
                Delivery::Sent
            }
            Err(refusal) => self.refused(mail, &refusal),
        }
    }

    fn refused(&self, mail: &DueMail, refusal: &NotSent) -> Delivery {
        let (now, error) = (self.now(), refusal.brief());
        let tried: Duration = (0..mail.attempts).map(|it| self.usual_pause(it)).sum();
        if refusal.is_final || tried > GIVE_UP {
            tracing::error!(
                event = "mail_failed",
                mail = mail.id,
                error,
                hint = refusal.hint
            );
            return Delivery::Failed(refusal.advice());
        }
        let next_at = now.plus(self.pause(mail.attempts));
        let hint = refusal.hint;
        tracing::warn!(event = "mail_retry", mail = mail.id, error, hint, next_at = %next_at);
        Delivery::Retry(next_at, refusal.advice())
    }

    /// The pause doubles with each attempt, and differs by a quarter either way: what failed
    /// together is not tried again together.
    fn pause(&self, attempts: u32) -> Duration {
        // Without randomness the pause is right all the same.
        let [byte] = self.parts.random.bytes().unwrap_or([128]);
        let quarters = 0.75 + f64::from(byte) / 510.0;
        let pause = self.usual_pause(attempts).mul_f64(quarters);
        Duration::from_secs(pause.as_secs_f64().ceil() as u64)
    }

    fn usual_pause(&self, attempts: u32) -> Duration {
        let first = self.parts.rules.mail_retry;
        let pause = first.saturating_mul(2_u32.saturating_pow(attempts));
        pause.min(LONGEST_PAUSE)
    }

    /// The link of a mail, and for how many seconds it still works.
    fn link(&self, mail: &DueMail, now: Timestamp) -> Option<(String, u64)> {
        let (user, nonce) = (mail.user.as_ref()?, mail.nonce.as_ref()?);
        let seconds = mail.expires_at?.seconds_since(now).unsigned_abs();
        Some((self.accounts.link_url(mail.kind, user.id, nonce), seconds))
    }

    pub(super) fn letter(
        &self,
        mail: &DueMail,
        link: Option<(String, u64)>,
    ) -> Result<Letter, Failure> {
        let mut values = Values::default().with("public_url", self.parts.rules.public_url.as_str());
        if let Some(user) = &mail.user {
            values = values.with("username", name_for(user, mail));
        }
        if let Some((link, seconds)) = link {
            values = values.with_link(link, seconds);
        }
        let details: Map<String, Value> = match &mail.details {
            Some(details) => {
                serde_json::from_str(details).map_err(Failure::when("reading a mail"))?
            }
            None => Map::new(),
        };
        let text = |name: &str| {
            details
                .get(name)
                .and_then(Value::as_str)
                .unwrap_or_default()
        };
        for name in mail.kind.details() {
            values = values.with(name, text(name));
        }
        self.parts.mailer.write(mail.kind, values)
    }
}

/// Whom the mail speaks to.
fn name_for<'a>(user: &'a User, mail: &'a DueMail) -> &'a str {
    if user.is_called_by_name(mail.kind) {
        user.username.as_str()
    } else {
        &mail.recipient
    }
}
