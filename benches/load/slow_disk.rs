//! A disk of known cost. The one below the benchmark may acknowledge a commit in a tenth of a
//! millisecond, and then says nothing about waiting for it. Here a library that is loaded before the
//! others makes every `fsync` and `fdatasync` of a program take four milliseconds, as an ordinary
//! solid-state disk does that loses nothing when the power fails.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};

/// How long the disk takes, in microseconds.
pub const MICROS: u32 = 4000;

const SOURCE: &str = r#"
#define _GNU_SOURCE
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static long slow(long call, int file) {
    struct timespec end;
    clock_gettime(CLOCK_MONOTONIC, &end);
    end.tv_nsec += MICROS * 1000L;
    end.tv_sec += end.tv_nsec / 1000000000L;
    end.tv_nsec %= 1000000000L;
    long done = syscall(call, file);
    clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &end, NULL);
    return done;
}

int fsync(int file) { return (int)slow(SYS_fsync, file); }
int fdatasync(int file) { return (int)slow(SYS_fdatasync, file); }
"#;

/// Makes every program that is told so wait for this disk.
pub struct SlowDisk(PathBuf);

impl SlowDisk {
    /// Compiles the library into `folder`; none where there is no C compiler.
    pub fn make(folder: &Path) -> Result<Option<Self>> {
        let (source, library) = (folder.join("slow.c"), folder.join("slow.so"));
        fs::write(&source, SOURCE).context("writing the library of the slow disk")?;
        let mut command = Command::new("cc");
        command
            .args(["-O2", "-shared", "-fPIC", "-o"])
            .arg(&library);
        command.arg(format!("-DMICROS={MICROS}")).arg(&source);
        match command.status() {
            Err(_) => Ok(None),
            Ok(status) => {
                ensure!(status.success(), "cc ended with {status}: {command:?}");
                Ok(Some(Self(library)))
            }
        }
    }

    pub fn slow(&self, command: &mut Command) {
        command.env("LD_PRELOAD", &self.0);
    }
}
