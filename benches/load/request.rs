//! A request as the bytes that go on the wire, with the status that must come back.

use anyhow::{Result, bail};

use crate::client::{Answer, Client};

/// Ready to be sent any number of times.
pub struct Request {
    pub bytes: Vec<u8>,
    pub expected: u16,
}

impl Request {
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
