//! Packages of npm and PyPI, put beside the build in the versions that lists of `tests/world` name.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::{beside_the_build, program};
use crate::server::run;

/// A folder with the `node_modules` that the lock file in `lists` names.
pub fn npm(lists: &Path, name: &str) -> Result<PathBuf, String> {
    let npm = program("npm")?;
    install(&lists.join("package-lock.json"), name, |folder| {
        for list in ["package.json", "package-lock.json"] {
            std::fs::copy(lists.join(list), folder.join(list)).expect("a copy");
        }
        let mut install = Command::new(npm);
        install.args(["ci", "--ignore-scripts", "--no-audit", "--no-fund"]);
        vec![install]
    })
}

/// A folder with a virtual environment of Python that has these requirements.
pub fn pip(requirements: &Path, name: &str) -> Result<PathBuf, String> {
    let python = program("python3")?;
    install(requirements, name, |folder| {
        let mut make = Command::new(python);
        make.args(["-m", "venv", "--clear", "."]);
        let mut install = Command::new(folder.join("bin/pip"));
        install.args(["install", "--quiet", "--disable-pip-version-check"]);
        install.arg("--requirement").arg(requirements);
        vec![make, install]
    })
}

/// Nothing is done if the folder was made from the same list before.
fn install(
    list: &Path,
    name: &str,
    commands: impl FnOnce(&Path) -> Vec<Command>,
) -> Result<PathBuf, String> {
    let folder = beside_the_build(name);
    let list = std::fs::read(list).expect("a list of packages");
    let done = folder.join("installed");
    if std::fs::read(&done).is_ok_and(|it| it == list) {
        return Ok(folder);
    }
    std::fs::create_dir_all(&folder).expect("a folder");
    for mut command in commands(&folder) {
        let outcome = run(command.current_dir(&folder), "");
        if outcome.code != Some(0) {
            return Err(format!("{command:?} failed: {}", outcome.err));
        }
    }
    std::fs::write(done, list).expect("a note");
    Ok(folder)
}
