//! Headers that a request has once.

use poem::http::{HeaderMap, HeaderName, StatusCode, header};

use super::problem::Problem;

const ONCE: [(HeaderName, &str); 3] = [
    (header::AUTHORIZATION, "Authorization"),
    (header::CONTENT_TYPE, "Content-Type"),
    (header::ORIGIN, "Origin"),
];

/// Refuses a second one: somebody in front of us may have looked at the other.
pub(crate) fn check_once(headers: &HeaderMap) -> Result<(), Problem> {
    // As almost always: as many names as headers.
    if headers.keys_len() == headers.len() {
        return Ok(());
    }
    for (header, name) in ONCE {
        if headers.get_all(header).iter().nth(1).is_some() {
            let sentence = format!("The {name} header stands there twice.");
            return Err(Problem::new(StatusCode::BAD_REQUEST, sentence));
        }
    }
    Ok(())
}
