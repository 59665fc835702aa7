//! What comes through a pipe and is read more than once, or by somebody who needs a file.

use std::cell::RefCell;
use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::FileExt as _;
use std::path::Path;
use std::rc::Rc;

use anyhow::Context as _;

use crate::private_file::folder_of;
use crate::private_file::replace::Draft;

/// A file beside `path`.
pub(crate) fn draft(path: &Path) -> anyhow::Result<Draft> {
    Draft::beside(path).with_context(|| {
        let folder = folder_of(path).display();
        format!("cannot keep what comes through the pipe in {folder}; name a file instead")
    })
}

/// A pipe that can be read from its beginning several times.
#[derive(Clone)]
pub(crate) struct Pipe(Rc<RefCell<Kept>>);

struct Kept {
    input: Box<dyn Read>,
    /// What has come so far. It has no name.
    copy: File,
    length: u64,
}

impl Pipe {
    /// It is kept beside `path`.
    pub(crate) fn new(input: Box<dyn Read>, path: &Path) -> anyhow::Result<Self> {
        let draft = draft(path)?;
        let copy = File::options().read(true).write(true).open(draft.path())?;
        Ok(Self(Rc::new(RefCell::new(Kept {
            input,
            copy,
            length: 0,
        }))))
    }

    /// All of it. What is read `for_good` cannot be read once more.
    pub(crate) fn whole(&self, for_good: bool) -> impl Read + use<> {
        Replay {
            pipe: self.clone(),
            at: 0,
            for_good,
        }
    }
}

struct Replay {
    pipe: Pipe,
    at: u64,
    for_good: bool,
}

impl Read for Replay {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let kept = &mut *self.pipe.0.borrow_mut();
        if self.at < kept.length {
            let count = kept.copy.read_at(buffer, self.at)?;
            self.at += count as u64;
            return Ok(count);
        }
        let count = kept.input.read(buffer)?;
        if !self.for_good {
            kept.copy.write_all_at(&buffer[..count], kept.length)?;
            kept.length += count as u64;
            self.at = kept.length;
        }
        Ok(count)
    }
}
