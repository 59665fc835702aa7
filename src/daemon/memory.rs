//! What only the start needed is given back: a server waits most of its life. And none of it is left behind.

use rustix::mm::{Advice, madvise};
use rustix::process::{Resource, Rlimit, setrlimit};

/// Gives back what the start used: 1.3 MB of the heap (the document of the API was made there), and those
/// pages of program and libraries that ran only once, 5 MB.
pub(super) fn give_back() {
    trim_heap();
    let smaps = std::fs::read_to_string("/proc/self/smaps").unwrap_or_default();
    let Ok(program) = std::env::current_exe() else {
        return;
    };
    for (start, end) in unchanged(&smaps, &program.to_string_lossy()) {
        let start = std::ptr::without_provenance_mut(start);
        // SAFETY: program and C library are mapped as long as the process lives. Nobody may write in this
        // range, and no page of it is a copy of our own, so all of it stands in its file too: the next look
        // at a page reads the same bytes, out of the system's memory as a rule.
        #[expect(unsafe_code, reason = "the advice is about memory by its address")]
        let _ = unsafe { madvise(start, end - start.addr(), Advice::LinuxDontNeed) };
    }
}

/// Where the program and the C library are mapped that cannot be written there, and of which every page is as in
/// its file (`man 5 proc_pid_smaps`). What the loader has relocated is not among them.
fn unchanged(smaps: &str, program: &str) -> Vec<(usize, usize)> {
    let mut found = Vec::new();
    let mut range = None;
    for line in smaps.lines() {
        let words: Vec<&str> = line.split_ascii_whitespace().collect();
        match words[..] {
            ["Anonymous:", "0", "kB"] => found.extend(range.take()),
            [addresses, rights, _, _, _, file] if !addresses.ends_with(':') => {
                let stays = file == program || file.ends_with("/libc.so.6");
                let is_of_file = stays && rights.starts_with('r') && !rights.contains('w');
                range =
                    addresses
                        .split_once('-')
                        .filter(|_| is_of_file)
                        .and_then(|(start, end)| {
                            let address = |digits| usize::from_str_radix(digits, 16).ok();
                            address(start).zip(address(end))
                        });
            }
            _ => {}
        }
    }
    found
}

/// A core file would hold the keys.
pub(super) fn leave_no_core() {
    let none = Rlimit {
        current: Some(0),
        maximum: Some(0),
    };
    // Less is always allowed.
    let _ = setrlimit(Resource::Core, none);
}

/// The C library keeps what was freed for the next who asks.
fn trim_heap() {
    #[cfg(target_env = "gnu")]
    {
        #[expect(unsafe_code, reason = "a function of the C library")]
        unsafe extern "C" {
            fn malloc_trim(keep: usize) -> std::ffi::c_int;
        }
        // SAFETY: it may be called at any time, by any thread, and touches only what is free.
        #[expect(unsafe_code, reason = "a function of the C library")]
        unsafe {
            malloc_trim(0);
        }
    }
}
