//! A small HTTP/1.1 client that sends whatever it is told to, right or wrong.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use serde_json::Value;

/// Nothing in a test takes as long; a hung server is to fail a test, not to stop it.
const PATIENCE: Duration = Duration::from_secs(25);

/// A request to be sent as it stands here.
#[derive(Clone, Debug)]
pub struct Request {
    pub method: String,
    pub target: String,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Request {
    pub fn new(method: &str, target: &str) -> Self {
        Self {
            method: method.to_owned(),
            target: target.to_owned(),
            headers: Vec::new(),
            body: Vec::new(),
        }
    }

    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    pub fn bearer(self, token: &str) -> Self {
        self.header("Authorization", &format!("Bearer {token}"))
    }

    /// The body alone; its `Content-Type` is another matter.
    pub fn bytes(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = body.into();
        self
    }

    pub fn body(self, content_type: &str, body: impl Into<Vec<u8>>) -> Self {
        self.header("Content-Type", content_type).bytes(body)
    }

    pub fn json(self, body: &Value) -> Self {
        self.body("application/json", body.to_string())
    }

    fn has(&self, name: &str) -> bool {
        self.headers
            .iter()
            .any(|(it, _)| it.eq_ignore_ascii_case(name))
    }

    fn to_bytes(&self) -> Vec<u8> {
        let mut head = format!("{} {} HTTP/1.1\r\n", self.method, self.target);
        let mut add = |name: &str, value: &str| head.push_str(&format!("{name}: {value}\r\n"));
        if !self.has("Host") {
            add("Host", "auth.test");
        }
        if !self.has("Connection") {
            add("Connection", "close");
        }
        for (name, value) in &self.headers {
            add(name, value);
        }
        let has_length = self.has("Content-Length") || self.has("Transfer-Encoding");
        if !has_length && (!self.body.is_empty() || self.method == "POST") {
            add("Content-Length", &self.body.len().to_string());
        }
        head.push_str("\r\n");
        [head.as_bytes(), &self.body].concat()
    }
}

/// What came back.
#[derive(Clone, Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Answer {
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut found = self
            .headers
            .iter()
            .filter(|(it, _)| it.eq_ignore_ascii_case(name));
        found.next().map(|(_, value)| value.as_str())
    }

    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|err| panic!("{err} in {}: {}", self.status, self.text()))
    }

    /// A text in the body.
    pub fn get(&self, name: &str) -> String {
        let json = self.json();
        let found = json[name].as_str();
        found
            .unwrap_or_else(|| panic!("no text {name} in {}: {json}", self.status))
            .to_owned()
    }

    /// The same answer, if it has this status; otherwise the test fails.
    #[track_caller]
    pub fn expect(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{}", self.text());
        self
    }

    /// All of it but what differs from one answer to the next by design.
    pub fn comparable(&self) -> (u16, Vec<(String, String)>, String) {
        let mut headers = self.headers.clone();
        headers.retain(|(name, _)| !["date", "x-request-id"].contains(&name.as_str()));
        headers.sort();
        (self.status, headers, self.text())
    }

    /// The value of the session cookie that was set.
    pub fn cookie(&self) -> Option<String> {
        let set = self.header("set-cookie")?;
        let value = set.strip_prefix("minisass_session=")?;
        value.split(';').next().map(str::to_owned)
    }
}

/// Sends a request on a connection of its own.
pub fn send(address: SocketAddr, request: &Request) -> Answer {
    let answer = exchange(address, &request.to_bytes(), request.method == "HEAD");
    answer.unwrap_or_else(|| panic!("no answer to {} {}", request.method, request.target))
}

/// Sends bytes; none if the connection was closed without an answer.
pub fn exchange(address: SocketAddr, bytes: &[u8], is_head: bool) -> Option<Answer> {
    let mut stream = open(address);
    // The server may have said no and closed before it has read all of it.
    let _ = stream.write_all(bytes);
    read_answer(&mut stream, is_head)
}

pub fn open(address: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(address).expect("the server listens");
    stream.set_read_timeout(Some(PATIENCE)).expect("a timeout");
    stream.set_nodelay(true).expect("no delay");
    stream
}

/// Reads one answer, and not a byte more.
pub fn read_answer(stream: &mut TcpStream, is_head: bool) -> Option<Answer> {
    let mut head = Vec::new();
    let mut chunk = [0; 4096];
    let end = loop {
        if let Some(end) = head.windows(4).position(|it| it == b"\r\n\r\n") {
            break end;
        }
        match stream.read(&mut chunk) {
            Ok(0) | Err(_) => return None,
            Ok(count) => head.extend_from_slice(&chunk[..count]),
        }
    };
    let mut body = head.split_off(end + 4);
    let (status, headers) = parse_head(&String::from_utf8_lossy(&head));
    let length = headers
        .iter()
        .find(|(name, _)| name == "content-length")
        .and_then(|(_, value)| value.parse::<usize>().ok());
    let wanted = if is_head || status == 304 {
        Some(0)
    } else {
        length
    };
    while wanted.is_none_or(|wanted| body.len() < wanted) {
        match stream.read(&mut chunk) {
            Ok(0) | Err(_) => break,
            Ok(count) => body.extend_from_slice(&chunk[..count]),
        }
    }
    assert!(
        wanted.is_none_or(|wanted| body.len() == wanted),
        "a body of another length than its head says"
    );
    Some(Answer {
        status,
        headers,
        body,
    })
}

fn parse_head(head: &str) -> (u16, Vec<(String, String)>) {
    let mut lines = head.trim_end().split("\r\n");
    let status = lines
        .next()
        .and_then(|line| line.split(' ').nth(1))
        .and_then(|code| code.parse().ok())
        .expect("a status line");
    let headers = lines
        .filter_map(|line| line.split_once(':'))
        .map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()))
        .collect();
    (status, headers)
}
