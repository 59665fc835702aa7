//! nginx or Caddy as a TLS proxy before the program, and curl as its client.

use std::net::TcpStream;
use std::os::unix::fs::chown;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use serde_json::Value;
use tempfile::TempDir;

use super::port::Port;
use super::{file, part, program};
use crate::server::{Server, Site, run, until};
use crate::smtp_server;
use crate::wire::Answer;

/// A proxy at `https://localhost:PORT/auth`. It is killed when dropped.
///
/// Its address is known before it starts, because the program has to be told.
pub struct Proxy {
    nginx: PathBuf,
    curl: PathBuf,
    port: Port,
    backend: Port,
    folder: TempDir,
    prefix: &'static str,
    forwarded: &'static str,
    guide: Option<String>,
    caddy: Option<PathBuf>,
    user: Option<[&'static str; 2]>,
    child: Option<Child>,
}

impl Proxy {
    #[track_caller]
    pub fn reserve() -> Option<Self> {
        let programs = program("nginx").and_then(|nginx| Ok((nginx, program("curl")?)));
        part(programs).map(|(nginx, curl)| Self {
            nginx,
            curl,
            port: Port::reserve(),
            backend: Port::reserve(),
            folder: tempfile::tempdir().expect("a folder"),
            prefix: "/auth",
            forwarded: "$proxy_add_x_forwarded_for",
            guide: None,
            caddy: None,
            user: None,
            child: None,
        })
    }

    /// Is configured by these servers, which a guide shows for `auth.example.org`.
    pub fn of_the_guide(mut self, servers: &str) -> Self {
        let folder = "/etc/letsencrypt/live/auth.example.org";
        let servers = servers
            .replace(&format!("{folder}/fullchain.pem"), "{CERTIFICATE}")
            .replace(&format!("{folder}/privkey.pem"), "{CERTIFICATE}")
            .replace("listen 443 ssl", "listen 127.0.0.1:{PORT} ssl")
            .replace("listen 80;", "listen unix:{FOLDER}/plain.sock;")
            .replace("127.0.0.1:8000", "{BACKEND}")
            .replace("auth.example.org", "localhost");
        self.guide = Some(servers);
        self.prefix = "";
        self
    }

    /// Says who the client was in another way: a value in nginx's language, such as
    /// `"$remote_addr:$remote_port"`.
    pub fn forwarding(mut self, value: &'static str) -> Self {
        self.forwarded = value;
        self
    }

    pub fn host(&self) -> String {
        format!("localhost:{}", self.port.number)
    }

    /// Is Caddy instead, configured by these sites, which a guide shows for `auth.example.org`.
    pub fn by_caddy(mut self, caddy: PathBuf, sites: &str) -> Self {
        // Its own authority and ports of everybody are nothing for a test.
        let site =
            "https://localhost:{PORT} {\n    bind 127.0.0.1\n    tls {CERTIFICATE} {CERTIFICATE}";
        let sites = sites
            .replace("127.0.0.1:8000", "{BACKEND}")
            .replace("auth.example.org {", site);
        let ours = "{\n    admin off\n    auto_https disable_redirects\n    storage file_system {FOLDER}\n}\n";
        self.guide = Some(format!("{ours}{sites}"));
        self.prefix = "";
        self.caddy = Some(caddy);
        self
    }

    /// Runs as this user and group, given by their numbers.
    pub fn run_by(mut self, user: &'static str, group: &'static str) -> Self {
        self.user = Some([user, group]);
        self
    }

    /// What belongs into `public_url`.
    pub fn url(&self) -> String {
        format!("https://{}{}", self.host(), self.prefix)
    }

    /// Starts our program on this site, which believes the proxy, and nginx before it.
    pub fn start(&mut self, site: &Site, arguments: &[&str]) -> Server {
        let listen = format!("127.0.0.1:{}", self.backend.number);
        let public = self.url();
        let mut command = site.command(&["serve", "--listen", &listen, "--public-url", &public]);
        command
            .args(["--trusted-proxies", "127.0.0.1"])
            .args(arguments);
        let mut server = Server::start(command, &site.path("log"));
        // It announces the proxy; here it is asked itself.
        server.announced = format!("  API  http://{listen}/");
        self.start_before(&listen);
        server
    }

    /// Starts nginx before `backend`, which is named in nginx's language: `host:port`, `unix:/path`.
    pub fn start_before(&mut self, backend: &str) {
        let configuration = self.folder.path().join("configuration");
        std::fs::write(&configuration, self.configuration(backend)).expect("a configuration");
        let log = self.folder.path().join("error.log");
        let certificate = self.folder.path().join("server.pem");
        std::fs::copy(smtp_server::file("server.pem"), certificate).expect("a certificate");
        let mut proxy = self.program();
        if self.caddy.is_some() {
            let open = std::fs::File::create(&log).expect("a log");
            proxy.args(["run", "--adapter", "caddyfile", "--config"]);
            proxy.arg(configuration).stderr(open);
        } else {
            proxy.arg("-p").arg(self.folder.path()).arg("-e").arg(&log);
            proxy.arg("-c").arg(configuration);
        }
        let mut child = proxy.stdin(Stdio::null()).spawn().expect("a proxy");
        let address = ("127.0.0.1", self.port.number);
        until("the proxy", || {
            let ended = child.try_wait().expect("its end");
            let said = || std::fs::read_to_string(&log).unwrap_or_default();
            assert!(ended.is_none(), "the proxy ended: {}", said());
            TcpStream::connect(address).ok()
        });
        self.child = Some(child);
    }

    fn program(&self) -> Command {
        let program = self.caddy.as_ref().unwrap_or(&self.nginx);
        let Some([user, group]) = self.user else {
            return Command::new(program);
        };
        let number = |text: &str| text.parse().expect("a number");
        let (owner, owning) = (Some(number(user)), Some(number(group)));
        chown(self.folder.path(), owner, owning).expect("a folder of its own");
        let mut setpriv = Command::new("setpriv");
        setpriv.args(["--reuid", user, "--regid", group, "--clear-groups"]);
        setpriv.arg(program);
        setpriv
    }

    fn configuration(&self, backend: &str) -> String {
        let nginx = std::fs::read_to_string(file("nginx.conf")).expect("the template");
        let (head, _) = nginx.split_once("    upstream").expect("our servers");
        let mut text = match (&self.guide, &self.caddy) {
            (Some(sites), Some(_)) => sites.clone(),
            (Some(servers), None) => format!("{head}{servers}}}\n"),
            (None, _) => nginx.clone(),
        };
        for (name, value) in [
            ("FOLDER", &*self.folder.path().display().to_string()),
            ("BACKEND", backend),
            ("PORT", &self.port.number.to_string()),
            (
                "CERTIFICATE",
                &self.folder.path().join("server.pem").display().to_string(),
            ),
            ("PREFIX", self.prefix),
            ("FORWARDED", self.forwarded),
        ] {
            text = text.replace(&format!("{{{name}}}"), value);
        }
        text
    }

    /// A client at this address, one of those that start with 127.
    pub fn client(&self, address: &str) -> Client<'_> {
        Client {
            proxy: self,
            address: address.to_owned(),
        }
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        if let Some(child) = &mut self.child {
            // It may have ended.
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// curl, which checks the certificate.
pub struct Client<'a> {
    proxy: &'a Proxy,
    address: String,
}

impl Client<'_> {
    fn curl(&self, path: &str, arguments: &[&str]) -> String {
        let mut curl = Command::new(&self.proxy.curl);
        curl.args(["--silent", "--show-error", "--max-time", "20"])
            .args(["--noproxy", "*", "--interface", &self.address, "--cacert"])
            .arg(smtp_server::file("authority.pem"))
            .args(arguments)
            .arg(format!("{}{path}", self.proxy.url()));
        run(&mut curl, "").ok()
    }

    /// One request with curl's own arguments.
    #[track_caller]
    pub fn ask(&self, path: &str, arguments: &[&str]) -> Answer {
        let answer = self.curl(path, &[&["--include"], arguments].concat());
        Answer::read(answer.as_bytes())
    }

    /// The statuses of so many requests in a row.
    #[track_caller]
    pub fn statuses(&self, count: usize, path: &str, arguments: &[&str]) -> Vec<u16> {
        let each = ["--output", "/dev/null", "--write-out", "%{http_code} "];
        let path = format!("{path}?n=[1-{count}]");
        let statuses = self.curl(&path, &[&each, arguments].concat());
        let statuses = statuses.split_whitespace();
        statuses.map(|it| it.parse().expect("a number")).collect()
    }

    #[track_caller]
    pub fn post(&self, endpoint: &str, body: &Value) -> Answer {
        let kind = "Content-Type: application/json";
        let arguments = ["--header", kind, "--data", &body.to_string()];
        self.ask(&format!("/authentication/api/{endpoint}/"), &arguments)
    }
}

/// The value of a header of an answer.
pub fn header<'a>(answer: &'a Answer, name: &str) -> Option<&'a str> {
    let mut lines = answer.head.lines();
    lines.find_map(|line| {
        let (key, value) = line.split_once(": ")?;
        key.eq_ignore_ascii_case(name).then_some(value)
    })
}
