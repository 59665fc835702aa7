//! Digests of what we send, for policies and caches.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

/// As a Content-Security-Policy names a script or a style sheet inside a page (CSP Level 3, section
/// 6.7.2).
pub(crate) fn digest(text: &str) -> String {
    let digest = ring::digest::digest(&ring::digest::SHA256, text.as_bytes());
    format!("sha256-{}", STANDARD.encode(digest))
}
