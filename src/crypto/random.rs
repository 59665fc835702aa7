//! The only source of randomness.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::digest::sha256;
use crate::failure::Failure;

/// Random bytes: the operating system's, or a test's that repeat from run to run.
#[derive(Clone, Debug)]
pub enum Random {
    /// A cryptographically secure generator.
    System,
    /// Bytes that follow from a counter. For tests.
    Counted(Arc<AtomicU64>),
}

impl Random {
    pub fn bytes<const N: usize>(&self) -> Result<[u8; N], Failure> {
        let mut bytes = [0; N];
        match self {
            // Straight from the kernel: the TLS library's own generator takes 50 ms to start.
            Self::System => {
                getrandom::fill(&mut bytes).map_err(Failure::when("drawing random bytes"))?;
            }
            Self::Counted(count) => {
                for chunk in bytes.chunks_mut(32) {
                    let block = sha256(&count.fetch_add(1, Ordering::SeqCst).to_be_bytes());
                    chunk.copy_from_slice(&block[..chunk.len()]);
                }
            }
        }
        Ok(bytes)
    }

    /// A secret of 256 bits, as base64url.
    pub fn secret(&self) -> Result<String, Failure> {
        Ok(URL_SAFE_NO_PAD.encode(self.bytes::<32>()?))
    }
}
