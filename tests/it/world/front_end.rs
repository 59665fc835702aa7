//! A front end at an origin of its own: one page, whatever is asked for.

use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};

pub struct FrontEnd {
    address: SocketAddr,
}

impl FrontEnd {
    /// What stands on the page.
    pub const WELCOME: &str = "Welcome to the front end";

    /// It serves for as long as the tests run.
    pub fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address");
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                std::thread::spawn(move || answer(stream));
            }
        });
        Self { address }
    }

    pub fn host(&self) -> String {
        self.address.to_string()
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }
}

fn answer(mut stream: TcpStream) -> Option<()> {
    let lines = BufReader::new(stream.try_clone().ok()?).lines();
    // A browser opens connections that it then does not use.
    lines
        .map_while(Result::ok)
        .take_while(|it| !it.is_empty())
        .last()?;
    let page = format!(
        "<!doctype html><link rel=icon href=data:,><p>{}",
        FrontEnd::WELCOME
    );
    let head = "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nConnection: close";
    write!(
        stream,
        "{head}\r\nContent-Length: {}\r\n\r\n{page}",
        page.len()
    )
    .ok()
}
