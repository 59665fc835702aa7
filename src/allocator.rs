//! Memory: large blocks from mimalloc, everything else from the system.
//!
//! scrypt takes and frees 128 MiB for each password. glibc maps and unmaps them, at 32 769 page
//! faults a hash; mimalloc keeps them, which makes a login a third faster. For small blocks mimalloc
//! asks for huge pages too, which doubles the memory of an idle server and gains nothing.

use std::alloc::{GlobalAlloc, Layout, System};

use mimalloc::MiMalloc;

/// From this size on, in bytes, a block is large: nothing but password hashing asks for it often.
const LARGE: usize = 1 << 20;

/// Chooses by the size of a block, which is known when it is freed, too.
pub struct BySize;

impl BySize {
    fn of(size: usize) -> &'static dyn GlobalAlloc {
        if size >= LARGE { &MiMalloc } else { &System }
    }
}

// SAFETY: every block goes back to the allocator it came from, because its layout has the size that
// chose it; the two allocators keep the rest of the contract.
#[expect(unsafe_code, reason = "an allocator cannot be written without")]
unsafe impl GlobalAlloc for BySize {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller's promises are passed on.
        unsafe { Self::of(layout.size()).alloc(layout) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        // SAFETY: the caller's promises are passed on.
        unsafe { Self::of(layout.size()).dealloc(block, layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller's promises are passed on.
        unsafe { Self::of(layout.size()).alloc_zeroed(layout) }
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        if (layout.size() >= LARGE) == (new_size >= LARGE) {
            // SAFETY: the block stays with its allocator; the caller's promises are passed on.
            return unsafe { Self::of(new_size).realloc(block, layout, new_size) };
        }
        // SAFETY: the caller promises that `new_size` makes a layout of this alignment, and that
        // `block` has `layout`; the two blocks do not overlap, one being new.
        unsafe {
            let new = self.alloc(Layout::from_size_align_unchecked(new_size, layout.align()));
            if !new.is_null() {
                new.copy_from_nonoverlapping(block, layout.size().min(new_size));
                self.dealloc(block, layout);
            }
            new
        }
    }
}
