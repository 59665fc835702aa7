//! What the clients send: each request as the bytes that go on the wire, with the status that must
//! come back.

use std::net::SocketAddr;
use std::sync::Arc;

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};

use crate::client::{Answer, Client};
use crate::drive::{Amount, Load};

const ROOT: &str = "/authentication/api";
const PASSWORD: &str = "Bench@Pass1";

/// The server drops the oldest session of a user above 50; below this many, all of them live.
const SESSIONS_PER_USER: usize = 40;

/// A request that is ready to be sent any number of times.
pub struct Shot {
    bytes: Vec<u8>,
    expected: u16,
}

impl Shot {
    pub async fn fire<'a>(&self, client: &'a mut Client) -> Result<Answer<'a>> {
        let answer = client.send(&self.bytes).await?;
        if answer.status != self.expected {
            let line = self
                .bytes
                .split(|&byte| byte == b'\r')
                .next()
                .unwrap_or_default();
            let (line, body) = (
                String::from_utf8_lossy(line),
                String::from_utf8_lossy(answer.body),
            );
            bail!(
                "{line} was answered by {} {body}, not by {}",
                answer.status,
                self.expected
            );
        }
        Ok(answer)
    }
}

/// The API of one server.
#[derive(Clone, Copy)]
pub struct Api {
    pub address: SocketAddr,
}

impl Api {
    pub fn health(self) -> Shot {
        self.shot("GET", "/healthz", None, None, 200)
    }

    pub fn login(self, email: &str) -> Shot {
        let body = json!({"email": email, "password": PASSWORD});
        self.shot("POST", &format!("{ROOT}/login/"), None, Some(&body), 200)
    }

    /// One of the registered users has forgotten the password.
    pub fn request_reset(self, user: usize) -> Shot {
        let body = json!({"email": email(user)});
        let path = format!("{ROOT}/request-reset/");
        self.shot("POST", &path, None, Some(&body), 200)
    }

    pub fn check(self, token: &str) -> Shot {
        self.shot(
            "GET",
            &format!("{ROOT}/check-auth-status/"),
            Some(token),
            None,
            200,
        )
    }

    /// A check without a token: the cheapest proof that an API without `/healthz` is up.
    pub fn check_nobody(self) -> Shot {
        self.shot(
            "GET",
            &format!("{ROOT}/check-auth-status/"),
            None,
            None,
            401,
        )
    }

    pub fn logout(self, token: &str) -> Shot {
        self.shot("POST", &format!("{ROOT}/logout/"), Some(token), None, 200)
    }

    /// Registers this many users, whose hashes cost what the server was started with.
    pub async fn register(self, users: usize) -> Result<()> {
        let shots = (0..users).map(|user| self.registration(user)).collect();
        self.load(users.min(32), shots)
            .rate(Amount::Jobs(users))
            .await
            .context("registering users")?;
        Ok(())
    }

    /// Registers the users that so many sessions need, logs them in, and returns the access tokens.
    pub async fn open_sessions(self, sessions: usize) -> Result<Vec<String>> {
        let users = sessions.div_ceil(SESSIONS_PER_USER);
        self.register(users).await?;
        let load = self.logins(sessions.min(32), users);
        load.collect(Amount::Jobs(sessions), access_token)
            .await
            .context("opening sessions")
    }

    /// Clients that log in, over and over, each time as the next of the registered users.
    pub fn logins(self, clients: usize, users: usize) -> Load {
        self.load(
            clients,
            (0..users).map(|user| self.login(&email(user))).collect(),
        )
    }

    pub fn load(self, clients: usize, shots: Arc<[Shot]>) -> Load {
        Load {
            address: self.address,
            clients,
            shots,
        }
    }

    fn registration(self, user: usize) -> Shot {
        let body = json!({
            "username": format!("load{user}"), "email": email(user), "password": PASSWORD,
            "first_name": "Nomsa", "last_name": "Dlamini",
            "organizationType": "NGO", "organizationName": "Kartoza", "country": "ZA",
        });
        self.shot("POST", &format!("{ROOT}/register/"), None, Some(&body), 201)
    }

    fn shot(
        self,
        method: &str,
        path: &str,
        token: Option<&str>,
        body: Option<&Value>,
        expected: u16,
    ) -> Shot {
        let mut text = format!(
            "{method} {path} HTTP/1.1\r\nHost: {}\r\nUser-Agent: load\r\n",
            self.address
        );
        if let Some(token) = token {
            text += &format!("Authorization: Bearer {token}\r\n");
        }
        let body = body.map(Value::to_string).unwrap_or_default();
        if !body.is_empty() {
            text += "Content-Type: application/json\r\n";
        }
        if method == "POST" {
            text += &format!("Content-Length: {}\r\n", body.len());
        }
        text += "\r\n";
        text += &body;
        Shot {
            bytes: text.into_bytes(),
            expected,
        }
    }
}

/// The access token in the answer to a login.
pub fn access_token(body: &[u8]) -> Result<String> {
    let body: Value =
        serde_json::from_slice(body).context("a login was answered by something else than JSON")?;
    let token = body["access_token"]
        .as_str()
        .context("a login was answered without an access_token")?;
    Ok(token.to_owned())
}

fn email(user: usize) -> String {
    format!("load{user}@example.org")
}
