//! The dialogue with a mail server (RFC 5321), each step of which has its time.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use lettre::address::Envelope;
use lettre::transport::smtp::Error;
use lettre::transport::smtp::authentication::{Credentials, Mechanism};
use lettre::transport::smtp::client::{
    AsyncSmtpConnection, Certificate, TlsParameters, TlsParametersBuilder,
};
use lettre::transport::smtp::commands::{Data, Mail, Noop, Quit, Rcpt, Rset};
use lettre::transport::smtp::extension::{ClientId, Extension, MailBodyParameter, MailParameter};
use lettre::transport::smtp::response::Response;

use super::hello::Hello;
use super::message::OutgoingMail;
use super::refusal::{NotSent, not_sent, ours, shortened, silent};
use super::server::{Encryption, SmtpServer};
use crate::failure::Failure;

/// How long a connection with nothing to do is kept.
const KEEP_IDLE: Duration = Duration::from_secs(20);
/// How long QUIT may take; nobody needs its answer.
const QUIT_TIMEOUT: Duration = Duration::from_secs(1);
/// Looking after an old connection, connecting, STARTTLS, AUTH, MAIL, RCPT, DATA, the message, and RSET.
const STEPS: u32 = 9;

/// A mail server, with connections that are kept for the next mail.
pub struct Smtp {
    server: SmtpServer,
    tls: Option<TlsParameters>,
    hello: ClientId,
    timeout: Duration,
    idle: Mutex<Vec<(AsyncSmtpConnection, Instant)>>,
}

impl Smtp {
    /// A mail server each of whose answers comes within `timeout`. Its certificate is checked
    /// against the public authorities, and those in `authorities` (PEM).
    pub fn new(
        server: SmtpServer,
        hello: Hello,
        authorities: Option<&[u8]>,
        timeout: Duration,
    ) -> Result<Self, Failure> {
        let tls = match server.encryption {
            Encryption::None => None,
            _ => Some(parameters(&server.host, authorities)?),
        };
        Ok(Self {
            server,
            tls,
            hello: hello.0,
            timeout,
            idle: Mutex::default(),
        })
    }

    /// No mail takes longer.
    pub(crate) fn longest_attempt(&self) -> Duration {
        self.timeout * STEPS
    }

    /// Hands a message over, and returns the server's words.
    pub(super) async fn send(&self, mail: &OutgoingMail<'_>) -> Result<String, NotSent> {
        let mut connection = match self.idle_connection().await {
            Some(connection) => connection,
            None => self.connect().await?,
        };
        let sent = self.hand_over(&mut connection, mail).await;
        // After a refusal the connection is as good as new; after silence nobody knows.
        let is_clean = match &sent {
            Ok(_) => true,
            Err(err) if err.code.is_none_or(|code| code == 421) => false,
            Err(_) => self.step("RSET", connection.command(Rset)).await.is_ok(),
        };
        if is_clean {
            self.pool().push((connection, Instant::now()));
        }
        sent
    }

    /// Connects, encrypts and logs in as for a mail, and sends none. All of it comes within the time
    /// that a single answer has, because somebody waits for it.
    pub(crate) async fn greet(&self) -> Result<String, NotSent> {
        let greeting = async {
            let mut connection = self.connect().await?;
            let answer = self.step("NOOP", connection.command(Noop)).await?;
            // Whether it says goodbye too is its own affair.
            let _ = tokio::time::timeout(QUIT_TIMEOUT, connection.command(Quit)).await;
            Ok(said(&answer))
        };
        tokio::time::timeout(self.timeout, greeting)
            .await
            .unwrap_or_else(|_| Err(silent("greeting the mail server", self.timeout)))
    }

    /// Says goodbye on connections that have waited too long.
    pub(crate) async fn close_idle(&self) {
        let old: Vec<_> = {
            let mut idle = self.pool();
            let (old, young) = idle.drain(..).partition(|it| it.1.elapsed() > KEEP_IDLE);
            *idle = young;
            old
        };
        for (mut connection, _) in old {
            // It is closed either way.
            let _ = tokio::time::timeout(QUIT_TIMEOUT, connection.command(Quit)).await;
        }
    }

    fn pool(&self) -> std::sync::MutexGuard<'_, Vec<(AsyncSmtpConnection, Instant)>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A connection that was used before and still answers.
    async fn idle_connection(&self) -> Option<AsyncSmtpConnection> {
        let (mut connection, since) = self.pool().pop()?;
        let is_fresh = since.elapsed() < KEEP_IDLE;
        let answers = is_fresh && self.step("NOOP", connection.command(Noop)).await.is_ok();
        answers.then_some(connection)
    }

    async fn connect(&self) -> Result<AsyncSmtpConnection, NotSent> {
        let server = &self.server;
        let from_the_start = self
            .tls
            .clone()
            .filter(|_| server.encryption == Encryption::Wrapped);
        let address = (server.host.as_str(), server.port);
        let connecting =
            AsyncSmtpConnection::connect_tokio1(address, None, &self.hello, from_the_start, None);
        let mut connection = self.step("connecting", connecting).await?;
        self.encrypt(&mut connection).await?;
        self.log_in(&mut connection).await?;
        Ok(connection)
    }

    async fn encrypt(&self, connection: &mut AsyncSmtpConnection) -> Result<(), NotSent> {
        let by_command = matches!(
            self.server.encryption,
            Encryption::Required | Encryption::Opportunistic
        );
        match &self.tls {
            Some(tls) if by_command && connection.can_starttls() => {
                let upgrade = connection.starttls(tls.clone(), &self.hello);
                self.step("STARTTLS", upgrade).await
            }
            Some(_) if self.server.encryption == Encryption::Required => {
                Err(ours("STARTTLS", "the mail server does not offer it"))
            }
            _ => Ok(()),
        }
    }

    async fn log_in(&self, connection: &mut AsyncSmtpConnection) -> Result<(), NotSent> {
        let Some((user, password)) = &self.server.login else {
            return Ok(());
        };
        let credentials = Credentials::new(user.clone(), password.to_string());
        let mechanisms = [Mechanism::Plain, Mechanism::Login];
        if connection
            .server_info()
            .get_auth_mechanism(&mechanisms)
            .is_none()
        {
            return Err(ours(
                "AUTH",
                "the mail server offers neither PLAIN nor LOGIN",
            ));
        }
        let login = connection.auth(&mechanisms, &credentials);
        self.step("AUTH", login).await.map(drop)
    }

    async fn hand_over(
        &self,
        connection: &mut AsyncSmtpConnection,
        mail: &OutgoingMail<'_>,
    ) -> Result<String, NotSent> {
        let broken = |failure: Failure| NotSent::broken(&failure);
        let envelope = mail.envelope().map_err(broken)?;
        let is_8bit = offers(connection, Extension::EightBitMime);
        let message = mail.message(is_8bit).map_err(broken)?;
        let parameters = mail_parameters(connection, &envelope, &message)?;
        let mail = Mail::new(envelope.from().cloned(), parameters);
        self.step("MAIL FROM", connection.command(mail)).await?;
        for to in envelope.to() {
            let recipient = Rcpt::new(to.clone(), Vec::new());
            self.step("RCPT TO", connection.command(recipient)).await?;
        }
        self.step("DATA", connection.command(Data)).await?;
        let answer = self
            .step("the message", connection.message(&message))
            .await?;
        Ok(said(&answer))
    }

    async fn step<T>(
        &self,
        during: &'static str,
        doing: impl Future<Output = Result<T, Error>>,
    ) -> Result<T, NotSent> {
        match tokio::time::timeout(self.timeout, doing).await {
            Ok(done) => done.map_err(|err| not_sent(during, &err)),
            Err(_) => Err(silent(during, self.timeout)),
        }
    }
}

fn said(answer: &Response) -> String {
    let words: Vec<&str> = answer.message().collect();
    format!("{} {}", answer.code(), shortened(&words.join(" ")))
}

fn parameters(host: &str, authorities: Option<&[u8]>) -> Result<TlsParameters, Failure> {
    let doing = "reading the certificates in smtp_ca_file";
    let mut builder = TlsParametersBuilder::new(host.to_owned());
    if let Some(pem) = authorities {
        let blocks = pem_blocks(pem);
        if blocks.is_empty() {
            return Err(Failure::new(doing, "there is no certificate in PEM in it"));
        }
        for block in blocks {
            let certificate = Certificate::from_pem(&block).map_err(Failure::when(doing))?;
            builder = builder.add_root_certificate(certificate);
        }
    }
    builder.build().map_err(Failure::when(doing))
}

/// Each certificate of a file by itself.
fn pem_blocks(pem: &[u8]) -> Vec<Vec<u8>> {
    const END: &str = "-----END CERTIFICATE-----";
    let text = String::from_utf8_lossy(pem);
    let blocks = text.split_inclusive(END);
    blocks
        .filter(|block| block.ends_with(END))
        .map(|block| block.as_bytes().to_vec())
        .collect()
}

fn offers(connection: &AsyncSmtpConnection, extension: Extension) -> bool {
    connection.server_info().supports_feature(extension)
}

fn mail_parameters(
    connection: &AsyncSmtpConnection,
    envelope: &Envelope,
    message: &[u8],
) -> Result<Vec<MailParameter>, NotSent> {
    let mut parameters = Vec::new();
    // The sender's is ASCII, and so is every domain.
    if !envelope.to().iter().all(|it| it.user().is_ascii()) {
        if !offers(connection, Extension::SmtpUtfEight) {
            return Err(NotSent {
                is_final: true,
                hint: "ask for an address that has only ASCII before the @",
                ..ours(
                    "MAIL FROM",
                    "the mail server takes only ASCII before the @ (it does not offer SMTPUTF8)",
                )
            });
        }
        parameters.push(MailParameter::SmtpUtfEight);
    }
    if !message.is_ascii() && offers(connection, Extension::EightBitMime) {
        parameters.push(MailParameter::Body(MailBodyParameter::EightBitMime));
    }
    Ok(parameters)
}
