//! A file as people have it: with a byte order mark, packed, or of another kind than it should be.

use std::io::{self, BufRead, BufReader, Cursor, Read};

use anyhow::bail;
use flate2::bufread::MultiGzDecoder;

use super::marks::WithoutMarks;

/// How many bytes are read at once.
pub const CHUNK: usize = 1 << 16;

/// As much of a file as says what it is.
const HEAD: u64 = 512;

const GZIP: &[u8] = b"\x1f\x8b";

const DAMAGED: &str = "it is packed by gzip, and cut off or damaged; copy it here again, and try \
                       it: gzip -t FILE";

const UTF_16: &str = "it is UTF-16, as `>` of PowerShell writes; let the other program write the \
                      file (dumpdata: -o FILE), or make it UTF-8: iconv -f UTF-16 -t UTF-8";

/// What a file may be by mistake, and what it begins with.
const OTHERS: &[(&[u8], &str)] = &[
    (b"\xff\xfe", UTF_16),
    (b"\xfe\xff", UTF_16),
    (
        b"SQLite format 3\0",
        "it is an SQLite database; have `manage.py dumpdata -o dump.json` read it",
    ),
    (
        b"PGDMP",
        "it is a dump of PostgreSQL; have `manage.py dumpdata -o dump.json` read the database",
    ),
    (
        b"PK\x03\x04",
        "it is a ZIP file; unpack it, or save the spreadsheet as CSV",
    ),
    (
        b"BZh",
        "it is packed; unpack it: bzip2 -dc FILE | minisass-auth user import … -",
    ),
    (
        b"\xfd7zXZ\0",
        "it is packed; unpack it: xz -dc FILE | minisass-auth user import … -",
    ),
    (
        b"\x5d\0\0",
        "it is packed; unpack it: xz -dc FILE | minisass-auth user import … -",
    ),
    (
        b"\x28\xb5\x2f\xfd",
        "it is packed; unpack it: zstd -dc FILE | minisass-auth user import … -",
    ),
];

/// The text in a file, unpacked and without byte order marks.
pub fn open(file: impl BufRead + 'static) -> anyhow::Result<Box<dyn BufRead>> {
    let (head, file) = peek(file)?;
    if !head.starts_with(GZIP) {
        return text(&head, file);
    }
    let unpacked = BufReader::with_capacity(CHUNK, Unpacked(MultiGzDecoder::new(file)));
    let (head, file) = peek(unpacked)?;
    if head.starts_with(GZIP) {
        bail!("it is packed twice; unpack it once: gzip -dc FILE | minisass-auth user import … -");
    }
    text(&head, file)
}

/// What says of a damaged file what people can do about it.
struct Unpacked<R>(R);

impl<R: Read> Read for Unpacked<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.0.read(buffer).map_err(|err| match err.raw_os_error() {
            // The disk has the word.
            Some(_) => err,
            None => io::Error::new(err.kind(), DAMAGED),
        })
    }
}

/// The beginning, and all of it.
fn peek(mut file: impl BufRead + 'static) -> anyhow::Result<(Vec<u8>, Box<dyn BufRead>)> {
    let mut head = Vec::new();
    file.by_ref().take(HEAD).read_to_end(&mut head)?;
    let all = Cursor::new(head.clone()).chain(file);
    Ok((head, Box::new(all)))
}

fn text(head: &[u8], file: Box<dyn BufRead>) -> anyhow::Result<Box<dyn BufRead>> {
    if let Some((_, what)) = OTHERS.iter().find(|(begin, _)| head.starts_with(begin)) {
        bail!("{what}");
    }
    // Behind the name of its first file.
    if head.get(257..).is_some_and(|it| it.starts_with(b"ustar")) {
        bail!("it is a tar archive; unpack it: tar -xf FILE");
    }
    // Without a mark: every text here begins with ASCII.
    if head.get(..2).is_some_and(|it| it.contains(&0)) {
        bail!("{UTF_16}");
    }
    Ok(Box::new(WithoutMarks::new(file)))
}
