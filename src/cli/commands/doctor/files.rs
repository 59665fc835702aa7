//! Whose the files are, and who else may read them.

use std::fs::{self, Metadata};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use super::finding::{Finding, Subject};
use crate::domain::counted;
use crate::failure;
use crate::private_file::content;
use crate::private_file::data_dir;
use crate::private_file::lent::{Fault, Use, fault_of_secret, fault_of_use, fault_of_way};
use crate::private_file::own_files::is_beside;
use crate::private_file::owner::{closing, quoted_path};
use crate::private_file::ownership::{self, Guest};
use crate::private_file::system_users::name_or_number;
use crate::private_file::{
    self, folder_of, is_of_another_user, is_open_to_others, is_own, layout, replaceable_in,
};
use crate::settings::private_files;
use crate::store::maintenance;

pub(super) const CHECK: &str = "files";

pub(crate) fn check(subject: &Subject<'_>) -> Vec<Finding> {
    let folder = &subject.data_dir;
    if !subject.has_data_dir() {
        let missing = format!("there is no data folder {}", folder.display());
        let makes_it = "name the right one with --data-dir, or start the server, which makes it";
        return vec![match data_dir::check_makeable(folder) {
            Ok(()) => Finding::failed(CHECK, missing, makes_it),
            Err(err) => Finding::refused(CHECK, &failure::chain(err.chain()), ""),
        }];
    }
    if let Err(err) = content::check_content(folder, subject.database.file()) {
        return vec![Finding::refused(CHECK, &err.to_string(), "")];
    }
    // What is no database of ours is told by the check of it, and is not ours to close.
    let is_ours = |_: &&Path| maintenance::is_there(&subject.database).is_ok();
    let database = subject.database.file().filter(is_ours);
    let mut files = database.map_or_else(Vec::new, beside);
    files.extend([layout::SERVED, layout::COMPLETE].map(|it| folder.join(it)));
    let guest = ownership::guest(folder);
    // A folder of somebody else's is not ours to close; what is in it is looked at all the same.
    let has_ours = content::has_ours(folder, database);
    if has_ours && guest.is_none() && fs::metadata(folder).is_ok_and(|it| is_own(&it)) {
        files.push(folder.clone());
    }
    let own = files.into_iter().map(Private::file);
    let own = own.chain(layout::FOLDERS.map(|it| Private::folder(&folder.join(it))));
    let own: Vec<Private> = own.collect();
    let lent = private_files(subject.values);

    let mut findings = match &guest {
        Some(it) if !it.is_lent => vec![taken(folder, it)],
        _ => Vec::from_iter(unusable(folder, subject.database.file())),
    };
    if findings.is_empty() {
        findings.extend(unfilled(subject));
    }
    findings.extend(second_name(subject));
    if let Some(owner) = ownership::owner(folder) {
        let of_another = |it: &Private| it.of_another(owner, folder);
        findings.extend(own.iter().filter_map(of_another));
    }
    if has_ours {
        findings.extend(replaceable(folder, guest.is_some_and(|it| it.is_lent)));
    }
    let open = own.iter().filter_map(|it| it.open_to_others(folder));
    findings.extend(open);
    findings.extend(lent.iter().filter_map(|it| of_lent(it, folder)));
    if findings.is_empty() {
        let count: usize = own.iter().map(|it| it.parts.len()).sum();
        let files = counted(count + lent.len(), "file or folder", "files and folders");
        let said = format!("nobody else can read the {files}");
        findings.push(Finding::ok(CHECK, said));
    }
    findings
}

/// What keeps a server, or whoever asks, from the data.
fn unusable(folder: &Path, database: Option<&Path>) -> Option<Finding> {
    let checked = data_dir::check(folder)
        .and_then(|()| data_dir::check_nobody_elses(folder, database))
        .and_then(|()| data_dir::check_usable(folder, database));
    let err = checked.err()?;
    Some(Finding::refused(
        CHECK,
        &failure::chain(err.chain()),
        "run it as its owner",
    ))
}

/// Folders that not every server needs.
fn unfilled(subject: &Subject<'_>) -> Vec<Finding> {
    let Some(settings) = &subject.settings else {
        return Vec::new();
    };
    let needed = [
        (layout::OUTBOX, settings.mail.server.is_none()),
        (layout::BACKUPS, settings.backup_every.is_some()),
    ];
    let data = &subject.data_dir;
    let paths = needed
        .into_iter()
        .filter(|it| it.1)
        .map(|it| data.join(it.0));
    let fault = |path: PathBuf| {
        let is_there = path.symlink_metadata().is_ok();
        let is_barred = || fault_of_way(&path, data).is_some();
        let is_none = is_there && !path.is_dir() && !is_barred();
        let none = || Fault {
            what: "it is no folder".to_owned(),
            advice: "move it away: a server makes the folder that it needs".to_owned(),
        };
        let fault = is_none.then(none);
        let Fault { what, advice } = fault.or_else(|| fault_of_use(&path, data, Use::Write))?;
        let said = format!("{} is not to be used: {what}", path.display());
        Some(Finding::failed(CHECK, said, advice))
    };
    paths.filter_map(fault).collect()
}

/// The group of a folder that is lent is that of whom it is lent to.
fn replaceable(folder: &Path, is_lent: bool) -> Option<Finding> {
    let open = replaceable_in(folder)?;
    let is_lent = is_lent && folder.canonicalize().is_ok_and(|it| it == open);
    let is_everybodys = || fs::metadata(&open).is_ok_and(|it| it.mode() & 0o002 != 0);
    let advice = match is_lent {
        true if !is_everybodys() => return None,
        true => format!("run: chmod o-w {}", quoted_path(&open)),
        false => closing(&open),
    };
    let shown = open.display();
    let said = format!("others can put files of theirs in the place of ours in {shown}");
    Some(Finding::warning(CHECK, said, advice))
}

fn taken(folder: &Path, guest: &Guest) -> Finding {
    let whose = fs::metadata(folder).map(|it| name_or_number(it.uid()));
    let whose = whose.unwrap_or_else(|_| "another user".to_owned());
    let (shown, owner) = (folder.display(), name_or_number(guest.owner));
    Finding::failed(
        CHECK,
        format!("the data are those of {owner}, and their folder {shown} belongs to {whose}"),
        guest.giving_back(folder),
    )
}

fn second_name(subject: &Subject<'_>) -> Option<Finding> {
    let said = data_dir::check_name(subject.database.file()?)
        .err()?
        .to_string();
    let (what, advice) = said.rsplit_once("; ").unwrap_or((&said, ""));
    Some(Finding::failed(CHECK, what.to_owned(), advice.to_owned()))
}

/// Of what settings name: it may belong to root, who lets the server read it.
fn of_lent(file: &Path, data: &Path) -> Option<Finding> {
    let Fault { what, advice } = fault_of_secret(file, Some(data))?;
    let said = format!("{}: {what}", file.display());
    Some(Finding::failed(CHECK, said, advice))
}

/// The database, its log, and the copies from before migrations.
fn beside(database: &Path) -> Vec<PathBuf> {
    let database = private_file::beside(database, "");
    let mut paths = entries(folder_of(&database));
    paths.retain(|it| is_beside(it, &database));
    paths
}

/// What is in a folder, in the order of the names; nothing, if it is not there.
fn entries(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let mut paths: Vec<PathBuf> = entries.map(|it| it.path()).collect();
    paths.sort();
    paths
}

/// A file, or a folder and what is in it: one command puts all of it right.
struct Private {
    path: PathBuf,
    /// How that command reaches all of it.
    recursively: &'static str,
    parts: Vec<(PathBuf, Metadata)>,
}

impl Private {
    fn file(path: PathBuf) -> Self {
        Self::over(path.clone(), "", vec![path])
    }

    fn folder(path: &Path) -> Self {
        let mut paths = entries(path);
        paths.push(path.to_owned());
        Self::over(path.to_owned(), "-R ", paths)
    }

    fn over(path: PathBuf, recursively: &'static str, paths: Vec<PathBuf>) -> Self {
        let there = |path: PathBuf| fs::metadata(&path).ok().map(|it| (path, it));
        Self {
            path,
            recursively,
            parts: paths.into_iter().filter_map(there).collect(),
        }
    }

    /// Root may let a service read the keys, and not change them.
    fn is_roots_key(&self, data: &Path, it: &Metadata) -> bool {
        it.uid() == 0 && self.path == data.join(layout::KEYS)
    }

    fn open_to_others(&self, data: &Path) -> Option<Finding> {
        let is_meant = |it: &Metadata| self.is_roots_key(data, it) && it.mode() & 0o7 == 0;
        let is_open = |it: &Metadata| {
            is_open_to_others(it) && !ownership::is_shared_by_root(data, it) && !is_meant(it)
        };
        let which = self.those(is_open)?;
        Some(Finding::failed(
            CHECK,
            format!("others can read {which}"),
            format!(
                "run: chmod {}go= {}",
                self.recursively,
                quoted_path(&self.path)
            ),
        ))
    }

    fn of_another(&self, owner: u32, data: &Path) -> Option<Finding> {
        let is_fine = |it: &Metadata| {
            it.uid() == owner
                || owner == 0 && !is_of_another_user(it)
                || self.is_roots_key(data, it)
                || ownership::is_shared_by_root(data, it)
        };
        let is_anothers = |it: &Metadata| !is_fine(it);
        let which = self.those(is_anothers)?;
        Some(Finding::failed(
            CHECK,
            format!("{which} belongs to another user than the data"),
            format!(
                "run as root: chown {}{} {}",
                self.recursively,
                name_or_number(owner),
                quoted_path(&self.path)
            ),
        ))
    }

    /// The first of the parts that are so, and how many more.
    fn those(&self, is_so: impl Fn(&Metadata) -> bool) -> Option<String> {
        let mut parts = self.parts.iter().filter(|it| is_so(&it.1));
        let first = parts.next()?.0.display();
        Some(match parts.count() {
            0 => first.to_string(),
            more => format!("{first} and {more} more"),
        })
    }
}
