//! A head that was no request. The HTTP library refuses it with an empty body, which the Android client
//! cannot read, or says nothing. And one on a connection too many.

use poem::http::StatusCode;

use crate::http::wire::Problem;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum RefusedHead {
    Malformed,
    TooLong,
    AddressTooLong,
    Late,
    /// Its client has too many connections.
    Crowd,
}

impl RefusedHead {
    /// Reads what the library says. A head that is too long may have nothing but an address that is.
    pub(super) fn read(said: &[u8], is_in_first_line: bool) -> Self {
        let status = said.get("HTTP/1.1 ".len()..).and_then(|it| it.get(..3));
        match status {
            Some(b"431") if is_in_first_line => Self::AddressTooLong,
            Some(b"414") => Self::AddressTooLong,
            Some(b"431") => Self::TooLong,
            _ => Self::Malformed,
        }
    }

    pub(super) fn problem(self) -> Problem {
        let (status, sentence) = match self {
            Self::Malformed => (StatusCode::BAD_REQUEST, "The request is malformed."),
            Self::TooLong => (
                StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
                "The head of the request is too long.",
            ),
            Self::AddressTooLong => (StatusCode::URI_TOO_LONG, "The address is too long."),
            Self::Late => (
                StatusCode::REQUEST_TIMEOUT,
                "The head of the request did not arrive in time.",
            ),
            Self::Crowd => (
                StatusCode::TOO_MANY_REQUESTS,
                "Too many connections come from this address. Try again later.",
            ),
        };
        Problem::new(status, sentence)
    }
}
