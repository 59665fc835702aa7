//! One HTTP/1.1 connection, written by hand: the client shares the cores with the server that it
//! measures, so it does nothing but send prepared bytes and find the end of the answer.

use std::net::SocketAddr;

use anyhow::{Context, Result, bail};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// Larger than any answer that is measured, so that most answers take one read.
const BUFFER: usize = 16 * 1024;

pub struct Client {
    address: SocketAddr,
    stream: Option<TcpStream>,
    buffer: Vec<u8>,
}

pub struct Answer<'a> {
    pub status: u16,
    pub body: &'a [u8],
}

impl Client {
    pub async fn connect(address: SocketAddr) -> Result<Self> {
        let stream = Some(open(address).await?);
        Ok(Self {
            address,
            stream,
            buffer: Vec::with_capacity(BUFFER),
        })
    }

    /// Sends one request and reads its answer, over a new connection if the last answer closed the
    /// old one.
    pub async fn send(&mut self, request: &[u8]) -> Result<Answer<'_>> {
        let mut stream = match self.stream.take() {
            Some(stream) => stream,
            None => open(self.address).await?,
        };
        stream
            .write_all(request)
            .await
            .context("sending a request")?;
        self.buffer.clear();
        let head = loop {
            self.fill(&mut stream).await?;
            if let Some(head) = Head::parse(&self.buffer)? {
                break head;
            }
        };
        while self.buffer.len() < head.size + head.body {
            self.fill(&mut stream).await?;
        }
        if !head.close {
            self.stream = Some(stream);
        }
        Ok(Answer {
            status: head.status,
            body: &self.buffer[head.size..head.size + head.body],
        })
    }

    async fn fill(&mut self, stream: &mut TcpStream) -> Result<()> {
        self.buffer.reserve(BUFFER / 4);
        if stream
            .read_buf(&mut self.buffer)
            .await
            .context("reading an answer")?
            == 0
        {
            bail!("the server closed the connection before the end of its answer");
        }
        Ok(())
    }
}

async fn open(address: SocketAddr) -> Result<TcpStream> {
    let stream = TcpStream::connect(address)
        .await
        .with_context(|| format!("connecting to {address}"))?;
    stream.set_nodelay(true).context("setting TCP_NODELAY")?;
    Ok(stream)
}

/// What must be known of an answer to find its end.
struct Head {
    status: u16,
    /// Bytes up to and including the empty line.
    size: usize,
    body: usize,
    close: bool,
}

impl Head {
    /// `None` while the empty line has not arrived.
    fn parse(received: &[u8]) -> Result<Option<Self>> {
        let Some(end) = received.windows(4).position(|four| four == b"\r\n\r\n") else {
            return Ok(None);
        };
        let text = str::from_utf8(&received[..end]).context("the head of an answer is not text")?;
        let mut lines = text.split("\r\n");
        let status = lines
            .next()
            .and_then(|line| line.split(' ').nth(1))
            .context("an answer without a status")?;
        let status = status
            .parse()
            .with_context(|| format!("a strange status {status:?}"))?;
        let mut length = None;
        let mut close = false;
        for (name, value) in lines.filter_map(|line| line.split_once(':')) {
            if name.eq_ignore_ascii_case("content-length") {
                length = Some(value.trim().parse().context("a strange Content-Length")?);
            } else if name.eq_ignore_ascii_case("connection") {
                close = value.trim().eq_ignore_ascii_case("close");
            }
        }
        let body = length.context("an answer without Content-Length")?;
        Ok(Some(Self {
            status,
            size: end + 4,
            body,
            close,
        }))
    }
}
