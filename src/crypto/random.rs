//! The only source of randomness.

use std::cell::RefCell;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::digest::sha256;
use crate::failure::Failure;

/// How many bytes a name has (RFC 7519, section 4.1.7: nobody else's by chance).
const ID: usize = 16;
const STOCKED: usize = 16;

thread_local! {
    static STOCK: RefCell<Vec<[u8; ID]>> = const { RefCell::new(Vec::new()) };
}

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

    /// A number for a name that nobody else has, and that is no secret. Every answer with a token has one, and
    /// the kernel is asked for many at once.
    pub fn id(&self) -> Result<[u8; ID], Failure> {
        if let Self::Counted(_) = self {
            return self.bytes();
        }
        STOCK.with_borrow_mut(|stock| {
            if stock.is_empty() {
                let drawn: [u8; ID * STOCKED] = self.bytes()?;
                stock.extend_from_slice(drawn.as_chunks().0);
            }
            stock.pop().map_or_else(|| self.bytes(), Ok)
        })
    }

    /// A secret of 256 bits, as base64url.
    pub fn secret(&self) -> Result<String, Failure> {
        Ok(URL_SAFE_NO_PAD.encode(self.bytes::<32>()?))
    }
}
