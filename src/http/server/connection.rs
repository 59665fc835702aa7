//! One connection, from its first byte to its last.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use http_body_util::combinators::BoxBody;
use hyper::body::{Body as _, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use poem::http::uri::Scheme;
use poem::http::{HeaderValue, header};
use poem::web::{LocalAddr, RemoteAddr};
use poem::{Body, Endpoint, Request, Response};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::sync::watch;

use super::refused_head::RefusedHead;
use super::request_body::RequestBody;
use super::rules::ConnectionRules;
use super::seats::Seat;
use super::stream::Stream;
use super::turn::AnswerBody;
use crate::http::wire::{RefusedEarly, Stopping};

/// What the head of a request may have, and what of a body or of an answer is in hand at once.
const MOST_BYTES: usize = 16 * 1024;
/// What a client that still sends after the last answer has to read it, and what it may send.
const FAREWELL: Duration = Duration::from_secs(1);
const FAREWELL_BYTES: u64 = 1 << 20;
/// What stands for a head that cannot be read. Only the log sees it.
const STAND_IN: &[u8] = b"- * HTTP/1.1\r\n\r\n";

/// Who answers on a connection.
pub(super) struct Partner<A> {
    pub(super) app: Arc<A>,
    pub(super) addresses: (LocalAddr, RemoteAddr),
    pub(super) stopping: Stopping,
}

/// Answers what comes, until one side has enough or `closing` is true.
pub(super) async fn converse<A: Endpoint<Output = Response> + 'static>(
    socket: impl AsyncRead + AsyncWrite + Unpin,
    (partner, seat): (Partner<A>, Arc<Seat>),
    rules: Arc<ConnectionRules>,
    mut closing: watch::Receiver<bool>,
) {
    let turn = Arc::clone(&seat.turn);
    let partner = &partner;
    let stream = Stream::new(socket, Arc::clone(&turn), rules);
    let service = service_fn(|request| {
        turn.begin();
        let turn = Arc::clone(&turn);
        async move {
            let response = partner.answer(request).await;
            if response.headers().contains_key(header::CONNECTION) {
                turn.is_the_last();
            }
            let response = hyper::Response::from(response);
            Ok::<_, Infallible>(response.map(|body| AnswerBody::new(body, turn)))
        }
    });
    let mut connection = http1::Builder::new()
        .header_read_timeout(None)
        .max_header_size(MOST_BYTES)
        .max_buf_size(MOST_BYTES)
        .serve_connection(TokioIo::new(stream), service);
    let close = async {
        // An error says that the server is gone.
        let _ = closing.wait_for(|it| *it).await;
    };
    let ended = tokio::select! {
        biased;
        ended = &mut connection => ended,
        // Somebody else needs the place more.
        () = seat.is_given_up() => {
            if turn.is_waiting() {
                return;
            }
            // A request came in this very moment: it is answered.
            std::pin::Pin::new(&mut connection).graceful_shutdown();
            (&mut connection).await
        }
        () = close => {
            std::pin::Pin::new(&mut connection).graceful_shutdown();
            (&mut connection).await
        }
    };
    let (mut socket, refused) = connection.into_parts().io.into_inner().end(ended);
    if let Some(refused) = refused {
        turn.is_the_last();
        // Few connections come here, and all would have the room for it.
        Box::pin(partner.refuse(refused, &mut socket)).await;
    } else if socket.shutdown().await.is_err() {
        // The client has gone.
        return;
    }
    if turn.was_the_last() {
        say_farewell(socket).await;
    }
}

/// Tells a client that has too many connections so, when it asks something: an answer to nothing is no
/// answer.
pub(super) async fn turn_away<A: Endpoint<Output = Response> + 'static>(
    mut socket: impl AsyncRead + AsyncWrite + Unpin,
    partner: Partner<A>,
) {
    let asked = tokio::time::timeout(FAREWELL, socket.read(&mut [0; 1024])).await;
    if matches!(asked, Ok(Ok(1..))) {
        partner.refuse(RefusedHead::Crowd, &mut socket).await;
        say_farewell(socket).await;
    }
}

impl<A: Endpoint<Output = Response>> Partner<A> {
    /// One request and its answer. A body that the application left unread is read here; if it does
    /// not come, the connection ends.
    async fn answer(&self, request: hyper::Request<Incoming>) -> Response {
        let (mut head, body) = request.into_parts();
        head.extensions.insert(self.stopping.clone());
        // The client waits to be asked for the body: then there is no rest to wait for.
        let waits_to_be_asked = head.headers.contains_key(header::EXPECT);
        let body = (!body.is_end_stream()).then(|| RequestBody::new(body));
        let shown = body.clone().map(BoxBody::new);
        let (local, remote) = self.addresses.clone();
        let request = Request::from_parts(
            (head, local, remote, Scheme::HTTP).into(),
            shown.map_or_else(Body::empty, Body::from),
        );
        let mut response = self.app.get_response(request).await;
        let closes = response.headers().contains_key(header::CONNECTION);
        if let Some(body) = body
            && !closes
            && !body.has_ended()
            && (waits_to_be_asked || !body.read_rest().await)
        {
            let close = HeaderValue::from_static("close");
            response.headers_mut().insert(header::CONNECTION, close);
        }
        response
    }

    /// Answers a head that was no request as if it had been one, so that the application counts it,
    /// logs it, and adds what every answer has.
    async fn refuse(&self, refused: RefusedHead, socket: &mut (impl AsyncWrite + Unpin)) {
        let service = service_fn(|mut request: hyper::Request<Incoming>| {
            let problem = RefusedEarly(refused.problem());
            request.extensions_mut().insert(problem);
            async {
                let response = self.answer(request).await;
                Ok::<_, Infallible>(hyper::Response::from(response))
            }
        });
        let stream = tokio::io::join(STAND_IN, socket);
        let connection = http1::Builder::new()
            .header_read_timeout(None)
            .half_close(true)
            .serve_connection(TokioIo::new(stream), service);
        // If the connection breaks, the client knows; there is nothing to do here.
        let _ = connection.await;
    }
}

/// A socket that is closed with bytes unread resets the connection, and the client may lose the
/// answer. So they are read, for a while.
async fn say_farewell(socket: impl AsyncRead + Unpin) {
    let mut rest = socket.take(FAREWELL_BYTES);
    let mut bytes = [0; 1024];
    let reading = async { while rest.read(&mut bytes).await.is_ok_and(|count| count > 0) {} };
    let _ = tokio::time::timeout(FAREWELL, reading).await;
}
