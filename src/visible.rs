//! What others chose may hold characters that move the cursor, change colours or turn the writing
//! round (Trojan Source, CVE-2021-42574). People see such characters as what they are.

use std::io::{self, Write};

use icu_properties::CodePointMapData;
use icu_properties::props::GeneralCategory;

/// C0 and C1 controls, bidirectional and other format characters, line and paragraph separators.
fn is_invisible(c: char) -> bool {
    let category = || CodePointMapData::<GeneralCategory>::new().get(c);
    c.is_control()
        || !c.is_ascii()
            && matches!(
                category(),
                GeneralCategory::Format
                    | GeneralCategory::LineSeparator
                    | GeneralCategory::ParagraphSeparator
            )
}

/// Whether it is printable ASCII. Looks at all of it: many bytes at once are quicker than one after the other.
fn is_plain(text: &[u8]) -> bool {
    let is_printable = |byte: &u8| matches!(byte, b' '..=b'~');
    text.iter().fold(true, |all, it| all & is_printable(it))
}

/// A text for people: `\u{202e}` instead of the character.
pub fn visible(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for c in text.chars() {
        if is_invisible(c) {
            shown.extend(c.escape_unicode());
        } else {
            shown.push(c);
        }
    }
    shown
}

/// The same for JSON, which means the same afterwards: in JSON they stand in strings only.
pub fn visible_json(json: &str) -> String {
    let mut shown = String::with_capacity(json.len());
    for c in json.chars() {
        if is_invisible(c) && c != '\n' {
            let mut units = [0; 2];
            for unit in c.encode_utf16(&mut units) {
                shown.push_str(&format!("\\u{unit:04x}"));
            }
        } else {
            shown.push(c);
        }
    }
    shown
}

/// Makes visible what is written through it, a line at a time.
pub struct Visible<W: Write> {
    to: W,
    show: fn(&str) -> String,
    line: Vec<u8>,
}

impl<W: Write> Visible<W> {
    pub fn text(to: W) -> Self {
        Self::new(to, visible)
    }

    pub fn json(to: W) -> Self {
        Self::new(to, visible_json)
    }

    fn new(to: W, show: fn(&str) -> String) -> Self {
        Self {
            to,
            show,
            line: Vec::new(),
        }
    }
}

impl<W: Write> Write for Visible<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        // Most lines of the log, which come one by one while somebody waits.
        if self.line.is_empty() && bytes.strip_suffix(b"\n").is_some_and(is_plain) {
            self.to.write_all(bytes)?;
            return Ok(bytes.len());
        }
        for part in bytes.split_inclusive(|it| *it == b'\n') {
            match part.strip_suffix(b"\n") {
                None => self.line.extend_from_slice(part),
                Some(rest) => {
                    self.line.extend_from_slice(rest);
                    let line = std::mem::take(&mut self.line);
                    let mut shown = (self.show)(&String::from_utf8_lossy(&line));
                    shown.push('\n');
                    self.to.write_all(shown.as_bytes())?;
                }
            }
        }
        Ok(bytes.len())
    }

    /// A line that has not ended waits for its end.
    fn flush(&mut self) -> io::Result<()> {
        self.to.flush()
    }
}
