//! Key files: written whole, refused when others can read them.

use std::fs;
use std::io::{self, ErrorKind};
use std::path::Path;

use zeroize::Zeroizing;

use super::weak_key::{Weakness, weakness};
use crate::failure::{Failure, in_words};
use crate::private_file::owner::quoted_path;
use crate::private_file::replace::Draft;
use crate::private_file::{
    is_of_another_user, is_open_to_others, is_writable_by_others, make_folder,
};

pub(crate) fn make_private_folder(folder: &Path) -> Result<(), Failure> {
    make_folder(folder).map_err(Failure::when("creating the folder of keys"))?;
    check_folder(folder)
}

/// Whoever writes to the folder chooses the keys.
pub(crate) fn check_folder(folder: &Path) -> Result<(), Failure> {
    let doing = "reading the folder of keys";
    let metadata = fs::metadata(folder).map_err(Failure::when(doing))?;
    let shown = folder.display();
    if is_writable_by_others(&metadata) {
        let why = format!(
            "others can write to {shown}; see whose the keys are, and run: chmod 700 {}",
            quoted_path(folder)
        );
        return Err(Failure::new(doing, why));
    }
    if is_of_another_user(&metadata) {
        let why = format!("{shown} belongs to another user; run this as its owner");
        return Err(Failure::new(doing, why));
    }
    Ok(())
}

/// A key is written whole under another name first: nobody ever reads half of it, and a start that
/// raced another one finds its file there and leaves it alone.
pub(crate) fn create_private(path: &Path, secret: &str) -> Result<(), Failure> {
    let write = || {
        let draft = Draft::beside(path)?;
        fs::write(draft.path(), Zeroizing::new(format!("{secret}\n")))?;
        match draft.keep(path, false) {
            Err(err) if err.kind() == ErrorKind::AlreadyExists => Ok(()),
            kept => kept,
        }
    };
    write().map_err(Failure::when("creating a key"))
}

/// The byte order mark that editors on Windows write.
const MARK: &[u8] = b"\xef\xbb\xbf";

/// A key as a file holds it, without marks and white space around it.
fn bare(mut text: &[u8]) -> &[u8] {
    while let Some(rest) = text.strip_prefix(MARK) {
        text = rest;
    }
    text.trim_ascii()
}

/// The text of a file that nobody else can read.
pub(crate) fn text_of(path: &Path) -> Result<Zeroizing<Vec<u8>>, Failure> {
    let refuse = |why: String| Failure::new("reading a key", why);
    let shown = path.display();
    let unread = |err: io::Error| refuse(format!("{shown}: {}", in_words(&err)));
    let metadata = fs::metadata(path).map_err(unread)?;
    if is_open_to_others(&metadata) {
        return Err(refuse(format!(
            "others can read {shown}; run: chmod 600 {}",
            quoted_path(path)
        )));
    }
    if is_of_another_user(&metadata) {
        return Err(refuse(format!(
            "{shown} belongs to another user; run this as its owner"
        )));
    }
    let text = Zeroizing::new(fs::read(path).map_err(unread)?);
    Ok(Zeroizing::new(bare(&text).to_vec()))
}

/// Reads a key, which must be strong. If `allow_weak`, Django may have made it for development.
pub(crate) fn read_private(path: &Path, allow_weak: bool) -> Result<Zeroizing<Vec<u8>>, Failure> {
    let refuse = |why: String| Failure::new("reading a key", why);
    let shown = path.display();
    let key = text_of(path)?;
    match weakness(&key) {
        None => Ok(key),
        Some(Weakness::ForDevelopment) if allow_weak => Ok(key),
        Some(Weakness::ForDevelopment) => Err(refuse(format!(
            "{shown} is too weak: {}; move the file away, and take the key over again with \
             `key import --allow-weak`",
            Weakness::ForDevelopment
        ))),
        Some(why) => Err(refuse(format!(
            "{shown} is too weak: {why}; \
             remove the file and run `key rotate --discard-old` to have one made (everybody has to \
             log in again)"
        ))),
    }
}
