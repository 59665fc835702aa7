//! What the clients ask of a server.

use std::net::SocketAddr;
use std::sync::Arc;

use anyhow::{Context, Result};
use serde_json::{Value, json};

use crate::drive::{Amount, Load};
use crate::request::Request;

const ROOT: &str = "/authentication/api";
pub const PASSWORD: &str = "Bench@Pass1";

/// The server drops the oldest session of a user above 50; below this many, all of them live.
const SESSIONS_PER_USER: usize = 40;

/// The API of one server.
#[derive(Clone, Copy)]
pub struct Api {
    pub address: SocketAddr,
}

impl Api {
    pub fn health(self) -> Request {
        self.request("GET", "/healthz", None, None, 200)
    }

    pub fn login(self, email: &str) -> Request {
        let body = json!({"email": email, "password": PASSWORD});
        self.request("POST", &format!("{ROOT}/login/"), None, Some(&body), 200)
    }

    /// One of the registered users has forgotten the password.
    pub fn request_reset(self, user: usize) -> Request {
        self.request_reset_of(&email(user))
    }

    /// Somebody says that they have.
    pub fn request_reset_of(self, email: &str) -> Request {
        let body = json!({ "email": email });
        let path = format!("{ROOT}/request-reset/");
        self.request("POST", &path, None, Some(&body), 200)
    }

    /// A guess at an account that is not there.
    pub fn refused_login(self, email: &str) -> Request {
        let body = json!({ "email": email, "password": PASSWORD });
        self.request("POST", &format!("{ROOT}/login/"), None, Some(&body), 401)
    }

    pub fn check(self, token: &str) -> Request {
        self.request(
            "GET",
            &format!("{ROOT}/check-auth-status/"),
            Some(token),
            None,
            200,
        )
    }

    /// A check without a token: the cheapest proof that an API without `/healthz` is up.
    pub fn check_nobody(self) -> Request {
        self.request(
            "GET",
            &format!("{ROOT}/check-auth-status/"),
            None,
            None,
            401,
        )
    }

    pub fn refresh(self, token: &str) -> Request {
        let path = format!("{ROOT}/token/refresh/");
        let body = json!({ "refresh": token });
        self.request("POST", &path, None, Some(&body), 200)
    }

    pub fn logout(self, token: &str) -> Request {
        self.request("POST", &format!("{ROOT}/logout/"), Some(token), None, 200)
    }

    /// Registers this many users, whose hashes cost what the server was started with.
    pub async fn register(self, users: usize) -> Result<()> {
        let requests = (0..users).map(|user| self.registration(user)).collect();
        self.load(users.min(32), requests)
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

    pub fn load(self, clients: usize, requests: Arc<[Request]>) -> Load {
        Load {
            address: self.address,
            clients,
            requests,
        }
    }

    pub fn registration(self, user: usize) -> Request {
        let body = json!({
            "username": format!("load{user}"), "email": email(user), "password": PASSWORD,
            "first_name": "Nomsa", "last_name": "Dlamini",
            "organizationType": "NGO", "organizationName": "Kartoza", "country": "ZA",
        });
        self.request("POST", &format!("{ROOT}/register/"), None, Some(&body), 201)
    }

    pub fn request(
        self,
        method: &str,
        path: &str,
        token: Option<&str>,
        body: Option<&Value>,
        expected: u16,
    ) -> Request {
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
        Request {
            bytes: text.into_bytes(),
            expected,
        }
    }
}

/// The access token in the answer to a login.
pub fn access_token(body: &[u8]) -> Result<String> {
    Ok(tokens(body)?.0)
}

/// The access and the refresh token in the answer to a login.
pub fn tokens(body: &[u8]) -> Result<(String, String)> {
    let body: Value =
        serde_json::from_slice(body).context("a login was answered by something else than JSON")?;
    let token = |name| body[name].as_str().map(str::to_owned);
    let tokens = token("access_token").zip(token("refresh_token"));
    tokens.context("a login was answered without its tokens")
}

pub fn email(user: usize) -> String {
    format!("load{user}@example.org")
}
