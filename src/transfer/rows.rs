//! The rows of a dump, cut out of it one by one: what is inside of them is not judged here, because
//! most belong to models that are none of ours.

use std::io::BufRead;

use anyhow::{anyhow, bail};

/// The longest row that is kept whole, in bytes.
const LONGEST: usize = 1 << 24;

/// Values nested deeper than this are dropped: nothing of ours lies there.
const DEEPEST: usize = 100;

/// As much of a line as is shown.
const SHOWN: usize = 60;

/// Where in the file the reader is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    Begin,
    /// After the bracket that opens the array.
    Opened,
    /// Among the rows of an array.
    Array,
    /// Among rows that stand by themselves: JSON Lines.
    Lines,
    End,
}

/// A row as it stands in the file.
pub(super) struct RawRow<'a> {
    /// Where it begins.
    pub(super) line: u64,
    pub(super) text: &'a [u8],
    /// Whether it goes on.
    pub(super) is_cut: bool,
}

/// Reads an array of objects, or objects one after the other.
pub(super) struct Rows<R> {
    file: R,
    place: Place,
    line: u64,
    /// What was read of the line so far, outside of rows.
    before: Vec<u8>,
    row: Vec<u8>,
}

impl<R: BufRead> Rows<R> {
    pub(super) fn new(file: R) -> Self {
        Self {
            file,
            place: Place::Begin,
            line: 1,
            before: Vec::new(),
            row: Vec::new(),
        }
    }

    pub(super) fn next(&mut self) -> anyhow::Result<Option<RawRow<'_>>> {
        if !self.find()? {
            return Ok(None);
        }
        let line = self.line;
        let is_cut = self.cut_out()?;
        Ok(Some(RawRow {
            line,
            text: &self.row,
            is_cut,
        }))
    }

    /// Whether there is one more row. It comes next then.
    fn find(&mut self) -> anyhow::Result<bool> {
        loop {
            let Some(&byte) = self.file.fill_buf()?.first() else {
                return match self.place {
                    Place::Begin => bail!("it is empty"),
                    Place::Opened | Place::Array => bail!(
                        "it ends at line {} before its last row; it is not the whole dump",
                        self.line
                    ),
                    Place::Lines | Place::End => Ok(false),
                };
            };
            self.place = match (self.place, byte) {
                (place, b' ' | b'\t' | b'\r' | b'\n') => place,
                (Place::Begin, b'[') => Place::Opened,
                (Place::Array, b',') => Place::Array,
                (Place::Opened | Place::Array, b']') => Place::End,
                (Place::Begin | Place::Lines, b'{') => {
                    self.place = Place::Lines;
                    return Ok(true);
                }
                (Place::Opened | Place::Array, b'{') => {
                    self.place = Place::Array;
                    return Ok(true);
                }
                _ => return Err(self.stranger()?),
            };
            self.file.consume(1);
            if byte == b'\n' {
                self.line += 1;
                self.before.clear();
            } else {
                self.before.push(byte);
                self.before.truncate(SHOWN);
            }
        }
    }

    /// Says that something stands where a row should, and not what: it may be a secret.
    fn stranger(&mut self) -> anyhow::Result<anyhow::Error> {
        let mut text = std::mem::take(&mut self.before);
        let rest = self.file.fill_buf()?;
        let rest = &rest[..rest.len().min(SHOWN)];
        text.extend(rest.iter().take_while(|it| !b"\r\n".contains(it)));
        let shown = String::from_utf8_lossy(&text);
        let shown = shown.trim();
        let (line, is_first) = (self.line, matches!(self.place, Place::Begin));
        if is_first && shown.starts_with('<') {
            return Ok(anyhow!("it is XML; dump again with --format json"));
        }
        let yaml = ["- model:", "- fields:", "- pk:", "---", "%YAML"];
        if is_first && yaml.iter().any(|it| shown.starts_with(it)) {
            return Ok(anyhow!("it is YAML; dump again with --format json"));
        }
        let sql = ["--", "/*", "CREATE ", "INSERT ", "BEGIN", "PRAGMA"];
        if is_first && sql.iter().any(|it| shown.starts_with(it)) {
            return Ok(anyhow!(
                "it is SQL; have `manage.py dumpdata -o dump.json` read the database"
            ));
        }
        let place = match self.place {
            Place::Begin | Place::Opened => "stands before the rows",
            Place::Array | Place::Lines => "stands among the rows",
            Place::End => "stands after the rows",
        };
        Ok(anyhow!(
            "line {line} is no JSON of a dump: something {place}; take it out, or dump again with -o FILE"
        ))
    }

    /// Reads a whole row. Whether it is too long to be kept.
    fn cut_out(&mut self) -> anyhow::Result<bool> {
        self.before.clear();
        self.row.clear();
        let begin = self.line;
        let (mut depth, mut in_string, mut is_escaped, mut is_cut) = (0_usize, false, false, false);
        loop {
            let chunk = self.file.fill_buf()?;
            if chunk.is_empty() {
                bail!("it ends in the row that begins at line {begin}; it is not the whole dump");
            }
            let mut end = None;
            for (at, &byte) in chunk.iter().enumerate() {
                if in_string {
                    match byte {
                        _ if is_escaped => is_escaped = false,
                        b'\\' => is_escaped = true,
                        b'"' => in_string = false,
                        _ => {}
                    }
                    continue;
                }
                match byte {
                    b'"' => in_string = true,
                    b'{' | b'[' => depth += 1,
                    b'\n' => self.line += 1,
                    b'}' | b']' => {
                        depth = depth.saturating_sub(1);
                        if depth == 0 {
                            end = Some(at + 1);
                            break;
                        }
                    }
                    _ => {}
                }
            }
            let used = end.unwrap_or(chunk.len());
            let kept = used.min(LONGEST - self.row.len());
            self.row.extend_from_slice(&chunk[..kept]);
            is_cut |= kept < used;
            self.file.consume(used);
            if end.is_some() {
                return Ok(is_cut);
            }
        }
    }
}

/// The model of a row, wherever it stands in it.
pub(super) fn model_of(row: &[u8]) -> Option<&str> {
    let (mut at, mut depth, mut name) = (0, 0_usize, None);
    while let Some(byte) = row.get(at) {
        match byte {
            b'"' => {
                let end = string_end(row, at)?;
                let text = &row[at + 1..end - 1];
                if depth == 1 && name == Some(&b"model"[..]) {
                    return std::str::from_utf8(text).ok();
                }
                if depth == 1 {
                    name = Some(text);
                }
                at = end;
                continue;
            }
            b'{' | b'[' => depth += 1,
            b'}' | b']' => depth = depth.saturating_sub(1),
            b',' if depth == 1 => name = None,
            _ => {}
        }
        at += 1;
    }
    None
}

/// Where the string that begins at `at` is over.
fn string_end(row: &[u8], at: usize) -> Option<usize> {
    let mut end = at + 1;
    loop {
        match row.get(end)? {
            b'\\' => end += 2,
            b'"' => return Some(end + 1),
            _ => end += 1,
        }
    }
}

/// The row with `instead` for each value that Python writes and JSON does not know, or that lies too deep.
pub(super) fn tamed(row: &[u8], instead: &str) -> Vec<u8> {
    let mut out = Vec::with_capacity(row.len());
    let (mut at, mut depth) = (0, 0_usize);
    while let Some(&byte) = row.get(at) {
        let mut end = at + 1;
        match byte {
            b'"' => end = string_end(row, at).unwrap_or(row.len()),
            b'{' | b'[' => depth += 1,
            b'}' | b']' => depth = depth.saturating_sub(1),
            b'-' | b'0'..=b'9' | b'A'..=b'Z' | b'a'..=b'z' => {
                let is_in = |it: &&u8| it.is_ascii_alphanumeric() || b"+-.".contains(it);
                end = at + row[at..].iter().take_while(is_in).count();
            }
            _ => {}
        }
        let text = &row[at..end.min(row.len())];
        let is_opened = matches!(byte, b'{' | b'[');
        let is_closed = matches!(byte, b'}' | b']');
        if is_opened && depth == DEEPEST {
            out.extend_from_slice(instead.as_bytes());
        } else if depth < DEEPEST && !(is_closed && depth + 1 == DEEPEST) {
            out.extend_from_slice(if is_known(text) {
                text
            } else {
                instead.as_bytes()
            });
        }
        at = end;
    }
    out
}

/// Whether JSON knows a word or number.
fn is_known(text: &[u8]) -> bool {
    let is_word = text
        .first()
        .is_some_and(|it| it.is_ascii_alphanumeric() || *it == b'-');
    let number = || std::str::from_utf8(text).ok()?.parse::<f64>().ok();
    !is_word
        || matches!(text, b"true" | b"false" | b"null")
        || text.last().is_some_and(u8::is_ascii_digit) && number().is_some_and(f64::is_finite)
}
