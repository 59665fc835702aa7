//! Figure: whether a mail server that hangs is felt by those who ask for a mail.

use std::net::Ipv4Addr;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};

use crate::api::Api;
use crate::client::Client;
use crate::options::Options;
use crate::report::Row;
use crate::server::{Server, TOKEN_COST, fresh_folder};
use crate::stats::{Turns, median, milliseconds};

/// So many accounts ask in turn.
const USERS: usize = 50;
const GOAL: f64 = 1.1;

pub async fn measure(options: &Options) -> Result<Vec<Row>> {
    let (fine_folder, hanging_folder) = (fresh_folder()?, fresh_folder()?);
    let fine = start(fine_folder.path(), true).await?;
    let hanging = start(hanging_folder.path(), false).await?;
    let requests = options.pick(400, 100);
    let mut turns = Turns::default();
    for _ in 0..options.pick(6, 2) {
        let reference = asked(fine.api, requests).await?;
        turns.add(asked(hanging.api, requests).await?, reference);
    }
    let (hanging, fine) = turns.medians();
    Ok(vec![Row::at_most(
        "request-reset (median), SMTP hanging ÷ SMTP fine",
        format!("{hanging:.2} ms hanging, {fine:.2} ms fine"),
        hanging / fine,
        GOAL,
    )])
}

async fn start(data: &std::path::Path, is_fine: bool) -> Result<Server> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await;
    let listener = listener.context("listening as a mail server")?;
    let url = format!("smtp://{}?tls=none", listener.local_addr()?);
    tokio::spawn(be_a_mail_server(listener, is_fine));
    let server = Server::start_with(data, TOKEN_COST, &["--smtp-url", &url]).await?;
    server.api.register(USERS).await?;
    Ok(server)
}

/// The median time of a request, in milliseconds, one after the other.
async fn asked(api: Api, requests: usize) -> Result<f64> {
    let mut client = Client::connect(api.address).await?;
    let mut times = Vec::new();
    for turn in 0..requests {
        let request = api.request_reset(turn % USERS);
        let sent = Instant::now();
        request.send(&mut client).await?;
        times.push(milliseconds(sent.elapsed()));
        // People do not ask back to back, and the mails of a fine server need their time too.
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    Ok(median(times))
}

/// Takes every mail, or takes every connection and says nothing.
async fn be_a_mail_server(listener: TcpListener, is_fine: bool) {
    let mut silent = Vec::new();
    while let Ok((stream, _)) = listener.accept().await {
        if is_fine {
            tokio::spawn(take_mail(stream));
        } else {
            silent.push(stream);
        }
    }
}

/// As much of SMTP as a sender needs (RFC 5321, appendix D.1). The sender hanging up is its end.
async fn take_mail(stream: TcpStream) -> Option<()> {
    let (read, mut write) = stream.into_split();
    let mut lines = BufReader::new(read).lines();
    write.write_all(b"220 ready\r\n").await.ok()?;
    let mut in_message = false;
    while let Some(line) = lines.next_line().await.ok()? {
        let answer: &[u8] = match line.as_str() {
            "." => b"250 taken\r\n",
            _ if in_message => continue,
            "DATA" => b"354 go on\r\n",
            _ => b"250 fine\r\n",
        };
        in_message = line == "DATA";
        write.write_all(answer).await.ok()?;
    }
    Some(())
}
