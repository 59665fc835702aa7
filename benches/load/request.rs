//! A request as the bytes that go on the wire, with the status that must come back.

use std::net::Ipv4Addr;

use anyhow::{Result, bail};

use crate::client::{Answer, Client};

/// Ready to be sent any number of times.
#[derive(Clone)]
pub struct Request {
    pub bytes: Vec<u8>,
    pub expected: u16,
}

impl Request {
    /// The same, as a proxy passes it on for a client at this address.
    #[must_use]
    pub fn from(mut self, client: Ipv4Addr) -> Self {
        let line = self.bytes.iter().position(|byte| *byte == b'\n');
        let header = format!("X-Forwarded-For: {client}\r\n");
        let after = line.map_or(self.bytes.len(), |it| it + 1);
        self.bytes.splice(after..after, header.into_bytes());
        self
    }

    pub async fn send<'a>(&self, client: &'a mut Client) -> Result<Answer<'a>> {
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
