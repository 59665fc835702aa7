//! Memory: the system's allocator, and each thread keeps its last large block until it ends.
//!
//! scrypt takes and frees 128 MiB for each password. The system maps and unmaps them every time, at
//! 32 769 page faults a hash, which makes a login a third slower. A hashing thread asks for the same
//! size again and again, so the block it has freed is the one that it gets next: it never holds more
//! than one, and the memory of a storm of logins is the number of threads times the block.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

use rustix::mm::{Advice, madvise};

/// From this size on, in bytes, a block is kept: scrypt's at `ln=14,r=8` and above. Nothing else
/// asks for so much.
const LARGE: usize = 16 << 20;

/// Huge pages lie between multiples of this.
const HUGE_PAGE: usize = 2 << 20;

/// A block that nobody uses, and the layout it was made with.
struct Kept(Cell<Option<(*mut u8, Layout)>>);

impl Drop for Kept {
    fn drop(&mut self) {
        if let Some((block, layout)) = self.0.take() {
            // SAFETY: the block is the system's, of this layout, and nobody else has it.
            #[expect(unsafe_code, reason = "the allocator gives the block back")]
            unsafe {
                System.dealloc(block, layout);
            }
        }
    }
}

thread_local! {
    static KEPT: Kept = const { Kept(Cell::new(None)) };
}

/// The system's allocator with one large block kept for each thread.
pub struct KeepLarge;

impl KeepLarge {
    /// The kept block, if it has this layout.
    fn take(layout: Layout) -> Option<*mut u8> {
        let take = |kept: &Kept| {
            let (block, _) = kept.0.get().filter(|it| it.1 == layout)?;
            kept.0.set(None);
            Some(block)
        };
        // Near its end a thread keeps nothing any more.
        KEPT.try_with(take).ok().flatten()
    }

    /// Keeps the block, and returns what is to be given back instead.
    fn keep(block: *mut u8, layout: Layout) -> Option<(*mut u8, Layout)> {
        let new = Some((block, layout));
        KEPT.try_with(|kept| kept.0.replace(new)).unwrap_or(new)
    }
}

// SAFETY: a kept block is one of the system's that was freed and is handed out at most once, for the
// very layout it was made with; everything else is the system's affair. Setting up `KEPT` may ask for
// memory, but for little, and that does not come back here.
#[expect(unsafe_code, reason = "an allocator cannot be written without")]
unsafe impl GlobalAlloc for KeepLarge {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        if layout.size() < LARGE {
            // SAFETY: the caller's promises are passed on.
            return unsafe { System.alloc(layout) };
        }
        Self::take(layout).unwrap_or_else(|| {
            // SAFETY: the caller's promises are passed on.
            let block = unsafe { System.alloc(layout) };
            advise(block, layout.size());
            block
        })
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        let given_back = if layout.size() < LARGE {
            Some((block, layout))
        } else {
            Self::keep(block, layout)
        };
        if let Some((block, layout)) = given_back {
            // SAFETY: the block is the caller's or the one that was kept, with its layout.
            unsafe { System.dealloc(block, layout) }
        }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        if layout.size() < LARGE {
            // SAFETY: the caller's promises are passed on.
            return unsafe { System.alloc_zeroed(layout) };
        }
        if let Some(block) = Self::take(layout) {
            // SAFETY: the kept block has this layout, so it has that many bytes.
            unsafe { block.write_bytes(0, layout.size()) };
            return block;
        }
        // SAFETY: the caller's promises are passed on.
        let block = unsafe { System.alloc_zeroed(layout) };
        advise(block, layout.size());
        block
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        // SAFETY: the caller's promises are passed on; a block that is in use is the system's.
        unsafe { System.realloc(block, layout, new_size) }
    }
}

/// Asks for huge pages: scrypt jumps about in its block, and 4 KiB pages cost it 4 % in look-ups.
fn advise(block: *mut u8, size: usize) {
    let skipped = block.align_offset(HUGE_PAGE);
    if block.is_null() || skipped >= size {
        return;
    }
    let length = (size - skipped) & !(HUGE_PAGE - 1);
    let start = block.wrapping_add(skipped).cast();
    // SAFETY: the range lies within the block; the advice changes no byte of it. Without huge pages
    // everything works, only slower.
    #[expect(unsafe_code, reason = "the advice is about memory by its address")]
    let _ = unsafe { madvise(start, length, Advice::LinuxHugepage) };
}
