//! Where lines begin in a file that is read in chunks: the number that an editor shows, whatever ends
//! a line.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::io::{self, Read};
use std::rc::Rc;

/// The lines that something stands in: the byte where each begins, and its number.
#[derive(Clone, Default)]
pub(super) struct Lines(Rc<RefCell<VecDeque<(u64, u64)>>>);

impl Lines {
    /// The number of the first such line that begins at `byte` or after it. Those before it are
    /// forgotten.
    pub(super) fn at(&self, byte: u64) -> u64 {
        let mut lines = self.0.borrow_mut();
        while lines.front().is_some_and(|(begin, _)| *begin < byte) {
            lines.pop_front();
        }
        lines.front().map_or(0, |(_, number)| *number)
    }
}

/// A file whose lines are counted while it is read.
pub(super) struct Counted<R> {
    file: R,
    lines: Lines,
    byte: u64,
    number: u64,
    last: u8,
    is_empty: bool,
}

impl<R: Read> Counted<R> {
    /// Its first line has the number `first`.
    pub(super) fn new(file: R, first: u64) -> (Self, Lines) {
        let lines = Lines::default();
        let counted = Self {
            file,
            lines: lines.clone(),
            byte: 0,
            number: first,
            last: 0,
            is_empty: true,
        };
        (counted, lines)
    }
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.file.read(buffer)?;
        let mut lines = self.lines.0.borrow_mut();
        for &byte in &buffer[..count] {
            if matches!(byte, b'\r' | b'\n') {
                let is_second = byte == b'\n' && self.last == b'\r';
                self.number += u64::from(!is_second);
                self.is_empty = true;
            } else if self.is_empty {
                lines.push_back((self.byte, self.number));
                self.is_empty = false;
            }
            self.last = byte;
            self.byte += 1;
        }
        Ok(count)
    }
}
