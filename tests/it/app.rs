//! The whole application in this process, over a folder of its own.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use minisass_auth::accounts::register::{OperatorChoice, Registration};
use minisass_auth::accounts::{Parts, Rules};
use minisass_auth::clock::Clock;
use minisass_auth::crypto::{
    Cost, Hasher, Issuer, MasterKey, OldKeys, Random, Signer, master_key_in,
};
use minisass_auth::domain::{Actor, PasswordRules, Timestamp, User, WebUrl};
use minisass_auth::http;
use minisass_auth::http::{ConnectionRules, Deployment, Listener};
use minisass_auth::mail::{Hello, Mailer, Smtp, SmtpServer, Transport};
use minisass_auth::operator::Operator;
use minisass_auth::operator::first_keys::OpenKeys;
use minisass_auth::store::{Location, Store};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::sync::oneshot;

use crate::client::{self, Answer, Request};
use crate::database::Database;
use crate::document;
use crate::postgres::{self, Postgres};

/// Where the tests begin; they move on from there by themselves.
pub const START: i64 = 1_800_000_000;
pub const HOUR: i64 = 3600;
pub const DAY: i64 = 24 * HOUR;
/// Of everybody, unless a test says otherwise.
pub const PASSWORD: &str = "Str0ng@Pass1";
pub const PUBLIC_URL: &str = "http://auth.test";
pub const API: &str = "/authentication/api/";
/// Endpoints that read a body, whoever sends it.
pub const WITH_BODY: [&str; 5] = [
    "login/",
    "token/",
    "refresh/",
    "register/",
    "request-reset/",
];
/// Hashing is not what is tested here.
const CHEAP: Cost = Cost { ln: 4, r: 1, p: 1 };

/// What a test may decide before the application starts.
pub struct Setup {
    pub rules: Rules,
    pub deployment: Deployment,
    pub connections: ConnectionRules,
    pub cost: Cost,
    pub hash_queue: usize,
    pub issuer: Issuer,
    /// Mails become files without it.
    pub mail_server: Option<SmtpServer>,
}

impl Setup {
    fn new() -> Self {
        Self {
            rules: Rules {
                access_ttl: Duration::from_secs(3600),
                session_ttl: Duration::from_secs(30 * 86_400),
                mobile_session_ttl: Duration::from_secs(90 * 86_400),
                token_session_ttl: Duration::from_secs(86_400),
                reset_ttl: Duration::from_secs(3600),
                activation_ttl: Duration::from_secs(7 * 86_400),
                mail_retry: Duration::from_secs(60),
                require_verified_email: false,
                password_history: 24,
                contact_to: None,
                password: PasswordRules { min_length: 8 },
                rotate_refresh: false,
                throttle: false,
                mail_keep: Duration::from_secs(30 * 86_400),
                audit_keep: None,
                public_url: PUBLIC_URL.to_owned(),
            },
            deployment: Deployment {
                public_url: web_url(PUBLIC_URL),
                is_made_up: false,
                frontend_url: None,
                cors_origins: Vec::new(),
                docs: true,
                metrics: true,
                trusted_proxies: Vec::new(),
            },
            connections: ConnectionRules::default(),
            cost: CHEAP,
            // As many as a test asks at once.
            hash_queue: 4096,
            issuer: Issuer::of_url(&web_url(PUBLIC_URL)),
            mail_server: None,
        }
    }
}

/// A running application. Its clock stands still until a test moves it.
pub struct App {
    pub operator: Operator,
    pub clock: Clock,
    pub address: SocketAddr,
    folder: TempDir,
    pub place: Location,
    /// What is there, if that is no file in the folder.
    postgres: Option<Arc<Postgres>>,
    runtime: Option<tokio::runtime::Runtime>,
    stop: Option<oneshot::Sender<()>>,
}

impl App {
    pub fn new() -> Self {
        Self::with(|_| {})
    }

    pub fn throttled() -> Self {
        Self::with(|setup| setup.rules.throttle = true)
    }

    pub fn with(decide: impl FnOnce(&mut Setup)) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let postgres = postgres::is_chosen().then(postgres::database).flatten();
        let file = || Location::from(&*folder.path().join("auth.db"));
        let place = postgres.as_ref().map_or_else(file, Postgres::location);
        let mut app = Self::over(folder, place, Clock::fixed(Timestamp(START)), decide);
        app.postgres = postgres.map(Arc::new);
        app
    }

    /// Over a database of PostgreSQL.
    pub fn on(postgres: Postgres) -> Self {
        let mut app = Self::at(postgres.location());
        app.postgres = Some(Arc::new(postgres));
        app
    }

    pub fn at(place: Location) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        Self::over(folder, place, Clock::fixed(Timestamp(START)), |_| {})
    }

    /// Another server of the same database, with the same keys.
    pub fn beside(&self) -> Self {
        self.elsewhere(self.place.clone(), self.clock.clone())
    }

    /// The same of another machine, which finds the database in its own way.
    pub fn elsewhere(&self, place: Location, clock: Clock) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let (from, to) = (self.path("keys"), folder.path().join("keys"));
        std::fs::create_dir(&to).expect("a folder of keys");
        for key in std::fs::read_dir(from).expect("keys").flatten() {
            std::fs::copy(key.path(), to.join(key.file_name())).expect("a key");
        }
        let mut app = Self::over(folder, place, clock, |_| {});
        app.postgres.clone_from(&self.postgres);
        app
    }

    /// The same data, served anew under other rules.
    pub fn restart(mut self, decide: impl FnOnce(&mut Setup)) -> Self {
        self.halt();
        let other = tempfile::tempdir().expect("a folder");
        let folder = std::mem::replace(&mut self.folder, other);
        let mut app = Self::over(folder, self.place.clone(), self.clock.clone(), decide);
        app.postgres = self.postgres.take();
        app
    }

    fn over(
        folder: TempDir,
        place: Location,
        clock: Clock,
        decide: impl FnOnce(&mut Setup),
    ) -> Self {
        let mut setup = Setup::new();
        decide(&mut setup);
        let deployment = setup.deployment.clone();
        let connections = setup.connections.clone();
        let operator = put_together(folder.path(), &place, &clock, setup);
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .expect("a runtime");
        let listener = runtime
            .block_on(tokio::net::TcpListener::bind("127.0.0.1:0"))
            .expect("a port");
        let address = listener.local_addr().expect("an address");
        let (stop, stopped) = oneshot::channel::<()>();
        let served = http::App::new(operator.accounts.clone(), deployment);
        let stopped = async {
            let _ = stopped.await;
        };
        runtime.spawn(http::serve(
            Listener::Tcp(listener),
            served,
            connections,
            stopped,
        ));
        Self {
            operator,
            clock,
            address,
            folder,
            place,
            postgres: None,
            runtime: Some(runtime),
            stop: Some(stop),
        }
    }

    /// Waits for a use case.
    pub fn wait<T>(&self, doing: impl Future<Output = T>) -> T {
        self.runtime.as_ref().expect("running").block_on(doing)
    }

    /// An active account with a complete profile.
    pub fn with_user(self, name: &str) -> Self {
        self.add_user(name);
        self
    }

    pub fn add_user(&self, name: &str) -> User {
        let account = Registration {
            username: name.to_owned(),
            email: format!("{name}@example.org"),
            password: Some(PASSWORD.to_owned()),
            ..Registration::default()
        };
        self.add(account, true, false)
    }

    pub fn add(&self, mut account: Registration, active: bool, staff: bool) -> User {
        account.organisation_type = "NGO".to_owned();
        account.organisation_name = "Kartoza".to_owned();
        account.country = "ZA".to_owned();
        let choice = OperatorChoice {
            active,
            staff,
            by_mail: true,
        };
        self.wait(self.operator.create_user(account, choice, &operator()))
            .expect("an account")
    }

    pub fn set_active(&self, name: &str, active: bool) {
        let user = self.wait(self.operator.user(name)).expect("an account");
        self.wait(self.operator.set_active(&user, active, &operator()))
            .expect("a change");
    }

    /// Sends a request and holds the answer against the document. A path without a slash at its
    /// start lies below the API.
    #[track_caller]
    pub fn send(&self, request: Request) -> Answer {
        let mut request = request;
        if !request.target.starts_with('/') {
            request.target = format!("{API}{}", request.target);
        }
        let answer = client::send(self.address, &request);
        document::check(&request, &answer);
        answer
    }

    #[track_caller]
    pub fn get(&self, path: &str) -> Answer {
        self.send(Request::new("GET", path))
    }

    #[track_caller]
    pub fn post(&self, path: &str, body: &Value) -> Answer {
        self.send(Request::new("POST", path).json(body))
    }

    #[track_caller]
    pub fn try_login(&self, email: &str, password: &str) -> Answer {
        self.post("login/", &json!({"email": email, "password": password}))
    }

    /// Opens a session.
    #[track_caller]
    pub fn login(&self, name: &str) -> Answer {
        self.try_login(name, PASSWORD).expect(200)
    }

    #[track_caller]
    pub fn status(&self, access: &str) -> Answer {
        self.send(Request::new("GET", "check-auth-status/").bearer(access))
    }

    #[track_caller]
    pub fn logout(&self, access: &str) -> Answer {
        self.send(Request::new("POST", "logout/").bearer(access))
    }

    #[track_caller]
    pub fn refresh(&self, refresh: &str) -> Answer {
        self.post("token/refresh/", &json!({"refresh": refresh}))
    }

    /// Has all due mails written and returns those in the folder, oldest first.
    pub fn mails(&self) -> Vec<String> {
        self.wait(self.operator.deliver_due()).expect("an outbox");
        // There is no folder before the first mail.
        let entries = std::fs::read_dir(self.path("outbox")).into_iter().flatten();
        let mut paths: Vec<_> = entries.map(|it| it.expect("a mail").path()).collect();
        paths.sort();
        let read = |path: PathBuf| std::fs::read(path).expect("a mail");
        paths.into_iter().map(|path| decode(&read(path))).collect()
    }

    /// A second look at the database, as another process has it.
    pub fn database(&self) -> Database {
        match &self.postgres {
            None => Database::at(&self.path("auth.db")),
            Some(it) => it.database(),
        }
    }

    /// How many password hashes were computed since the start.
    pub fn hashes(&self) -> u64 {
        self.operator.accounts.hashes_computed()
    }

    pub fn count(&self, sql: &str) -> i64 {
        self.database().get(sql)
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Lets nobody new in; what is in flight is answered within the grace.
    pub fn stop(&mut self) {
        drop(self.stop.take());
    }

    fn halt(&mut self) {
        self.stop();
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
            self.operator.close();
        }
    }
}

impl Drop for App {
    fn drop(&mut self) {
        let was_running = self.runtime.is_some();
        self.halt();
        if was_running && !std::thread::panicking() && self.place.file().is_some() {
            let check = "SELECT count(*) FROM pragma_integrity_check WHERE integrity_check <> 'ok'";
            assert_eq!(self.count(check), 0, "the database is damaged");
        }
    }
}

/// As `compose.rs` does it.
fn put_together(folder: &Path, place: &Location, clock: &Clock, setup: Setup) -> Operator {
    let random = Random::System;
    let keys = folder.join("keys");
    let master = MasterKey::make(&master_key_in(&keys), &keys, &random).expect("a master key");
    let transport = match setup.mail_server {
        None => Transport::Files(folder.join("outbox")),
        Some(server) => {
            let hello = Hello::of(&web_url(PUBLIC_URL));
            let smtp = Smtp::new(server, hello, None, Duration::from_secs(60));
            Transport::Smtp(smtp.expect("a mail server"))
        }
    };
    let hasher = Hasher::new(setup.cost, 2, setup.hash_queue, random.clone());
    let store = Store::open(place).expect("a database");
    let latest = store.latest_time().expect("a time");
    let old = OldKeys::read(&keys).expect("no keys");
    let stamp = Actor::server().at(clock.now());
    let open = OpenKeys::begin(&store, &master, &old, &random, &stamp).expect("keys");
    let signer = Signer::new(
        &open.ring,
        open.version,
        Some(setup.issuer),
        latest,
        stamp.at,
    );
    Operator::new(Parts {
        store,
        hasher: hasher.expect("a hasher"),
        signer: signer.expect("a signer"),
        master,
        links: open.links,
        mailer: Mailer::new(transport, "minisass@auth.test".parse().expect("a sender"))
            .with_outbox(folder.join("outbox")),
        clock: clock.clone(),
        random,
        rules: setup.rules,
    })
}

pub fn web_url(raw: &str) -> WebUrl {
    WebUrl::base(raw).expect("an address")
}

pub fn operator() -> Actor {
    Actor {
        name: "cli:test".into(),
        address: None,
        user_agent: None,
    }
}

/// A mail without its transfer encodings (RFC 2045, sections 6.7 and 6.8 are all that lettre writes).
fn decode(mail: &[u8]) -> String {
    let robust = quoted_printable::ParseMode::Robust;
    let decoded = quoted_printable::decode(mail, robust).expect("a mail");
    String::from_utf8_lossy(&decoded).into_owned()
}
