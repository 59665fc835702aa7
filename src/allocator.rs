//! Memory: the system's allocator, and each thread keeps its last large block.
//!
//! scrypt takes and frees 128 MiB for each password. The system maps and unmaps them every time, at
//! 32 769 page faults a hash, which makes a login a third slower. A hashing thread asks for the same
//! size again and again, so the block it has freed is the one that it gets next: it never holds more
//! than one, and the memory of a storm of logins is the number of threads times the block.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::ptr::null_mut;

use rustix::mm::{Advice, madvise};

/// From this size on, in bytes, a block is kept: scrypt's at `ln=14,r=8` and above. Nothing else
/// asks for so much.
const LARGE: usize = 16 << 20;

/// Huge pages lie between multiples of this.
const HUGE_PAGE: usize = 2 << 20;

#[derive(Clone, Copy)]
struct Kept {
    block: *mut u8,
    size: usize,
    align: usize,
}

const NOTHING: Kept = Kept {
    block: null_mut(),
    size: 0,
    align: 0,
};

thread_local! {
    // Without a destructor, so that it can be used at any time; hashing threads live as long as the
    // process.
    static KEPT: Cell<Kept> = const { Cell::new(NOTHING) };
}

/// The system's allocator with one large block kept for each thread.
pub struct KeepLarge;

impl KeepLarge {
    /// The kept block, if it has this layout.
    fn take(layout: Layout) -> Option<*mut u8> {
        let fits = |kept: Kept| kept.size == layout.size() && kept.align == layout.align();
        KEPT.with(|it| fits(it.get()).then(|| it.replace(NOTHING).block))
    }
}

// SAFETY: a kept block is one of the system's that was freed and is handed out at most once, for the
// very layout it was made with; everything else is the system's affair.
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
        let (mut block, mut layout) = (block, layout);
        if layout.size() >= LARGE {
            let new = Kept {
                block,
                size: layout.size(),
                align: layout.align(),
            };
            let old = KEPT.with(|it| it.replace(new));
            match Layout::from_size_align(old.size, old.align) {
                Ok(old_layout) if !old.block.is_null() => (block, layout) = (old.block, old_layout),
                _ => return,
            }
        }
        // SAFETY: the block is the caller's, or the one that was kept, with the layout it was made with.
        unsafe { System.dealloc(block, layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        if layout.size() >= LARGE
            && let Some(block) = Self::take(layout)
        {
            // SAFETY: the kept block has this layout, so it has that many bytes.
            unsafe { block.write_bytes(0, layout.size()) };
            return block;
        }
        // SAFETY: the caller's promises are passed on.
        let block = unsafe { System.alloc_zeroed(layout) };
        if layout.size() >= LARGE {
            advise(block, layout.size());
        }
        block
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        if layout.size() < LARGE && new_size < LARGE {
            // SAFETY: the caller's promises are passed on.
            return unsafe { System.realloc(block, layout, new_size) };
        }
        // SAFETY: the caller promises that `new_size` makes a layout of this alignment and that
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
