//! A text without the byte order marks that editors on Windows put before it. Where files were joined,
//! they stand before lines.

use std::io::{self, BufRead, Read};

const MARK: &[u8] = b"\xef\xbb\xbf";

/// Reads `file` without them.
pub(super) struct WithoutMarks<R> {
    file: R,
    /// How many bytes of a mark a line has begun with. None within a line.
    begun: Option<usize>,
    /// What looked like a mark and is none.
    owed: &'static [u8],
    /// How many bytes come before the next line that may begin with one, as far as is read.
    clear: usize,
}

impl<R: BufRead> WithoutMarks<R> {
    pub(super) fn new(file: R) -> Self {
        Self {
            file,
            begun: Some(0),
            owed: &[],
            clear: 0,
        }
    }

    /// Passes over the marks at the beginning of a line.
    fn pass(&mut self) -> io::Result<()> {
        while let Some(begun) = self.begun {
            let byte = self.file.fill_buf()?.first();
            if byte == MARK.get(begun) {
                self.file.consume(1);
                self.begun = Some((begun + 1) % MARK.len());
            } else {
                self.owed = &MARK[..begun];
                self.begun = None;
            }
        }
        Ok(())
    }
}

impl<R: BufRead> BufRead for WithoutMarks<R> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        self.pass()?;
        if !self.owed.is_empty() {
            return Ok(self.owed);
        }
        let chunk = self.file.fill_buf()?;
        if self.clear == 0 {
            let is_end = |it: &[u8]| it[0] == b'\n' && it[1] == MARK[0];
            let end = chunk.windows(2).position(is_end);
            self.clear = end.map_or(chunk.len(), |it| it + 1);
        }
        Ok(&chunk[..self.clear])
    }

    fn consume(&mut self, count: usize) {
        if !self.owed.is_empty() {
            self.owed = &self.owed[count..];
            return;
        }
        // What is consumed was read before, so this reads nothing.
        let last = self.file.fill_buf().ok();
        let last = last.and_then(|it| it.get(..count)?.last().copied());
        self.file.consume(count);
        self.clear -= count;
        if self.clear == 0 && last == Some(b'\n') {
            self.begun = Some(0);
        }
    }
}

impl<R: BufRead> Read for WithoutMarks<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let chunk = self.fill_buf()?;
        let count = chunk.len().min(buffer.len());
        buffer[..count].copy_from_slice(&chunk[..count]);
        self.consume(count);
        Ok(count)
    }
}
