//! What `user import` reads, as often as it has to, and the report that it writes.

use std::cell::RefCell;
use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, BufWriter, ErrorKind, Read, Seek, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, anyhow, ensure};

use crate::cli::piped::Pipe;
use crate::cli::terminal::progress::Bar;
use crate::private_file::folder_of;
use crate::private_file::owner::command_handed;
use crate::private_file::replace::{Draft, nameless, stream};
use crate::transfer::input::{self, CHUNK};
use crate::transfer::report::Case;
use crate::visible::visible_json;

/// Where the users come from.
pub(super) struct Source {
    path: PathBuf,
    /// If it is read more than once.
    pipe: Option<Pipe>,
    /// What says with `-` what the name of the file says; empty if that says nothing.
    flag: &'static str,
}

impl Source {
    pub(super) fn new(path: &Path, is_read_again: bool, put_aside: &Path) -> anyhow::Result<Self> {
        let mut source = Self::at(path, "");
        let is_file = source.is_file()?;
        if is_read_again && !is_file {
            source.pipe = Some(Pipe::new(source.stream()?, put_aside)?);
        }
        Ok(source)
    }

    /// Refuses a file that cannot be read, or is something else. A pipe is not looked into. The `flag` takes the place of
    /// its name where it comes by standard input.
    pub(super) fn check(path: &Path, flag: &'static str) -> anyhow::Result<()> {
        let source = Self::at(path, flag);
        if source.is_file()? {
            let file = File::open(path).map_err(|err| source.unreadable(err))?;
            let opened = input::open(buffered(file));
            opened.with_context(|| format!("cannot read {}", source.shown()))?;
        }
        Ok(())
    }

    fn unreadable(&self, err: io::Error) -> anyhow::Error {
        let shown = self.shown();
        let is_closed = err.kind() == ErrorKind::PermissionDenied;
        // Root works as the owner of the data, and then may not read what is root's.
        match command_handed(&self.path, self.flag).filter(|_| is_closed) {
            Some(line) => anyhow!("cannot read {shown}: permission denied; hand it over: {line}"),
            None => anyhow!(err).context(format!("cannot read {shown}")),
        }
    }

    fn at(path: &Path, flag: &'static str) -> Self {
        Self {
            path: path.to_owned(),
            pipe: None,
            flag,
        }
    }

    /// For people.
    pub(super) fn shown(&self) -> String {
        if self.is_piped() {
            "standard input".to_owned()
        } else {
            self.path.display().to_string()
        }
    }

    /// The text in it, from its beginning, and perhaps `for_good`. The bar shows how much of it is read.
    pub(super) fn open(&self, for_good: bool, bar: &Bar) -> anyhow::Result<Box<dyn BufRead>> {
        if let Some(pipe) = &self.pipe {
            let all = pipe.whole(for_good);
            return input::open(buffered(bar.reading(all, 0)));
        }
        if self.is_piped() {
            return input::open(buffered(bar.reading(io::stdin(), 0)));
        }
        let file = File::open(&self.path)?;
        let bytes = file.metadata()?.len();
        input::open(buffered(bar.reading(file, bytes)))
    }

    fn stream(&self) -> io::Result<Box<dyn Read>> {
        Ok(match self.is_piped() {
            true => Box::new(io::stdin()),
            false => Box::new(File::open(&self.path)?),
        })
    }

    fn is_piped(&self) -> bool {
        self.path == Path::new("-")
    }

    fn is_file(&self) -> anyhow::Result<bool> {
        if self.is_piped() {
            return Ok(false);
        }
        let metadata = self.path.metadata().map_err(|err| self.unreadable(err))?;
        ensure!(!metadata.is_dir(), "{} is a folder", self.shown());
        // Whoever writes into a pipe takes it badly if it is opened only to look at it.
        if metadata.is_file() {
            File::open(&self.path).map_err(|err| self.unreadable(err))?;
        }
        Ok(metadata.is_file())
    }
}

fn buffered(input: impl Read) -> impl BufRead {
    BufReader::with_capacity(CHUNK, input)
}

/// A new file with a line of JSON for each user who is worth a word.
pub(super) struct Report {
    path: PathBuf,
    to: Destination,
    out: RefCell<BufWriter<File>>,
    /// Why it is not whole.
    broken: RefCell<Option<io::Error>>,
}

/// Where it goes when it is whole.
enum Destination {
    File(Draft),
    /// A pipe or a device, which is written into.
    Stream(File),
}

impl Report {
    /// Refuses a name that a file has, and one in a folder that is not there. Pipes and devices are
    /// written into.
    pub(super) fn check(path: &Path) -> anyhow::Result<()> {
        ensure!(
            path != Path::new("-"),
            "standard output has the summary; name a file for the report, or /dev/stderr"
        );
        let folder = folder_of(path);
        ensure!(
            folder.is_dir(),
            "there is no folder {} for the report",
            folder.display()
        );
        // A link that leads nowhere has the name too.
        let is_file = |it: fs::Metadata| it.is_file() || it.is_symlink() && !path.exists();
        ensure!(
            !path.symlink_metadata().is_ok_and(is_file),
            "{} exists already; choose another name for the report",
            path.display()
        );
        Ok(())
    }

    pub(super) fn new(path: &Path) -> anyhow::Result<Self> {
        let shown = path.display();
        Self::check(path)?;
        let cannot = || format!("cannot write {shown}");
        let (to, out) = match stream(path).with_context(cannot)? {
            Some(stream) => (Destination::Stream(stream), nameless()?),
            None => {
                let draft = Draft::beside(path).with_context(cannot)?;
                let out = File::options().write(true).open(draft.path())?;
                (Destination::File(draft), out)
            }
        };
        Ok(Self {
            path: path.to_owned(),
            to,
            out: RefCell::new(BufWriter::new(out)),
            broken: RefCell::new(None),
        })
    }

    /// Forgets what was written of a file that is read once more.
    pub(super) fn begin(&self) {
        self.note(|out| {
            out.rewind()?;
            out.get_mut().set_len(0)
        });
    }

    /// What a name holds does nothing to a terminal that reads it.
    pub(super) fn write(&self, case: &Case) {
        self.note(|out| writeln!(out, "{}", visible_json(&serde_json::to_string(case)?)));
    }

    fn note(&self, write: impl FnOnce(&mut BufWriter<File>) -> io::Result<()>) {
        if let Err(err) = write(&mut self.out.borrow_mut()) {
            self.broken.borrow_mut().get_or_insert(err);
        }
    }

    /// Gives it its name.
    pub(super) fn keep(self) -> anyhow::Result<()> {
        let shown = self.path.display();
        let written = match self.broken.into_inner() {
            Some(err) => Err(err),
            None => self.out.into_inner().into_inner().map_err(Into::into),
        };
        let kept = written.and_then(|mut out| match self.to {
            Destination::File(draft) => draft.keep(&self.path, false),
            Destination::Stream(mut stream) => {
                out.rewind()?;
                io::copy(&mut out, &mut stream).map(drop)
            }
        });
        kept.with_context(|| format!("cannot write the report {shown}"))
    }
}
