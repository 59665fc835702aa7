//! What is answered to a head that cannot be read. The HTTP library refuses it with an empty body,
//! which the Android client cannot read.

use poem::http::StatusCode;
use serde_json::json;

/// Our words for `refusal`, which are the library's. A head that is too long may have nothing but an
/// address that is.
pub(super) fn answer(refusal: &[u8], is_in_first_line: bool) -> Vec<u8> {
    let status = refusal
        .get("HTTP/1.1 ".len()..)
        .and_then(|it| StatusCode::from_bytes(it.get(..3)?).ok())
        .unwrap_or(StatusCode::BAD_REQUEST);
    let (status, sentence) = match status {
        StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE if is_in_first_line => {
            (StatusCode::URI_TOO_LONG, "The address is too long.")
        }
        StatusCode::URI_TOO_LONG => (status, "The address is too long."),
        StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE => {
            (status, "The head of the request is too long.")
        }
        _ => (status, "The request is malformed."),
    };
    tracing::info!(event = "head_refused", status = status.as_u16());
    let body = json!({ "detail": sentence }).to_string();
    format!(
        "HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\
         Connection: close\r\nCache-Control: no-store\r\nX-Content-Type-Options: nosniff\r\n\
         Referrer-Policy: no-referrer\r\n\r\n{body}",
        body.len()
    )
    .into_bytes()
}
