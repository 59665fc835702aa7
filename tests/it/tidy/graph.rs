//! Which file names which: every path is followed to the file that it leads to.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::fmt;

use super::source::Source;

/// Where crates start, and how they are called.
const CRATES: [(&str, &str); 3] = [
    ("src/", "minisass_auth"),
    ("benches/load/", "load"),
    ("benches/refusals/", "refusals"),
];

/// The files that start them.
const ROOTS: [&str; 3] = [
    "src/lib.rs",
    "benches/load/main.rs",
    "benches/refusals/main.rs",
];

type Module = Vec<String>;

/// That one file names another.
pub struct Arrow {
    pub from: String,
    pub to: String,
    /// Where it does so first.
    pub line: usize,
    /// The paths that say so.
    pub names: Vec<String>,
}

impl fmt::Display for Arrow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (from, line, to) = (&self.from, self.line, &self.to);
        write!(f, "{from}:{line} names {} of {to}", self.names.join(", "))
    }
}

/// That a file names a library, and where it does so first.
pub struct Use {
    pub from: String,
    pub library: String,
    pub line: usize,
}

#[derive(Default)]
pub struct Graph {
    arrows: BTreeMap<(String, String), Arrow>,
    uses: BTreeMap<(String, String), Use>,
}

impl Graph {
    pub fn of(sources: &BTreeMap<String, Source>) -> Self {
        let files = sources.keys().map(|path| (module_of(path), path.as_str()));
        let files: BTreeMap<Module, &str> = files.collect();
        let mut graph = Self::default();
        for (from, source) in sources {
            let module = module_of(from);
            for path in &source.paths {
                match follow(&files, &module, &source.aliases, &path.segments) {
                    Ok(to) if to == from => {}
                    Ok(to) => {
                        let arrow = graph.arrow(from, to, path.line);
                        // What a `use` has named is not told again.
                        if arrow.names.is_empty() || !source.aliases.contains_key(&path.segments[0])
                        {
                            arrow.names.push(path.segments.join("::"));
                        }
                    }
                    Err(library) => graph.add_use(from, library, path.line),
                }
            }
        }
        graph
    }

    fn arrow(&mut self, from: &str, to: &str, line: usize) -> &mut Arrow {
        let arrow = self.arrows.entry((from.to_owned(), to.to_owned()));
        arrow.or_insert_with(|| Arrow {
            from: from.to_owned(),
            to: to.to_owned(),
            line,
            names: Vec::new(),
        })
    }

    fn add_use(&mut self, from: &str, library: String, line: usize) {
        let named = self.uses.entry((from.to_owned(), library.clone()));
        named.or_insert_with(|| Use {
            from: from.to_owned(),
            library,
            line,
        });
    }

    pub fn arrows(&self) -> impl Iterator<Item = &Arrow> {
        self.arrows.values()
    }

    pub fn uses(&self) -> impl Iterator<Item = &Use> {
        self.uses.values()
    }

    /// Files that name each other, directly or round a corner: for each the shortest way back to
    /// itself. The first file of a circle is the one that the alphabet puts first.
    pub fn circles(&self) -> Vec<Vec<&Arrow>> {
        let mut next: BTreeMap<&str, Vec<&Arrow>> = BTreeMap::new();
        for arrow in self.arrows.values() {
            next.entry(&arrow.from).or_default().push(arrow);
        }
        let mut seen = BTreeSet::new();
        let mut circles = Vec::new();
        for start in next.keys() {
            let Some(circle) = way_back(&next, start) else {
                continue;
            };
            let members: BTreeSet<&str> = circle.iter().map(|it| it.from.as_str()).collect();
            if seen.insert(members) {
                circles.push(circle);
            }
        }
        circles
    }
}

/// The shortest way from `start` to itself.
fn way_back<'a>(
    next: &BTreeMap<&'a str, Vec<&'a Arrow>>,
    start: &'a str,
) -> Option<Vec<&'a Arrow>> {
    let mut reached_by: BTreeMap<&str, &Arrow> = BTreeMap::new();
    let mut waiting = VecDeque::from([start]);
    while let Some(file) = waiting.pop_front() {
        for arrow in next.get(file).into_iter().flatten() {
            if let Entry::Vacant(entry) = reached_by.entry(&arrow.to) {
                entry.insert(arrow);
                waiting.push_back(&arrow.to);
            }
        }
    }
    let mut way = vec![*reached_by.get(start)?];
    while way.last()?.from != start {
        way.push(reached_by[way.last()?.from.as_str()]);
    }
    way.reverse();
    Some(way)
}

/// `src/store/users.rs` is `minisass_auth::store::users`.
fn module_of(path: &str) -> Module {
    let split = |(folder, name): &(&str, &'static str)| Some((path.strip_prefix(folder)?, *name));
    let (rest, name) = CRATES.iter().find_map(split).unwrap_or((path, ""));
    let parts = rest.trim_end_matches(".rs").split('/');
    let parts = parts.filter(|it| *it != "mod" && !ROOTS.contains(&path));
    let names = std::iter::once(name).chain(parts);
    names.map(str::to_owned).collect()
}

/// The file that a path leads to from a module: the last module on it, which defines the rest or
/// hands it on. Otherwise the library that it starts with.
fn follow<'a>(
    files: &BTreeMap<Module, &'a str>,
    module: &[String],
    aliases: &BTreeMap<String, Module>,
    path: &[String],
) -> Result<&'a str, String> {
    let (first, rest) = path.split_first().ok_or_else(String::new)?;
    let child = |of: &[String], name: &String| [of, std::slice::from_ref(name)].concat();
    let mut at = match first.as_str() {
        "crate" => module[..1].to_vec(),
        "self" => module.to_vec(),
        "super" => module[..module.len() - 1].to_vec(),
        name if CRATES.iter().any(|it| it.1 == name) => vec![first.clone()],
        _ if files.contains_key(&child(module, first)) => child(module, first),
        _ => match aliases.get(first) {
            // `use tokio;` calls a library by its own name.
            Some(meant) if meant[0] != *first => {
                return follow(files, module, aliases, &[meant, rest].concat());
            }
            _ => return Err(first.clone()),
        },
    };
    for name in rest {
        match name.as_str() {
            "super" => {
                at.pop();
            }
            _ if files.contains_key(&child(&at, name)) => at.push(name.clone()),
            _ => break,
        }
    }
    files.get(&at).copied().ok_or_else(|| first.clone())
}
