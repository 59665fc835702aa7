//! The users and groups of this machine, as its own tables name them.

use std::fs;

pub(crate) fn name_of_user(id: u32) -> Option<String> {
    find("/etc/passwd", |line| match line {
        [name, _, number, ..] if number.parse() == Ok(id) => Some((*name).to_owned()),
        _ => None,
    })
}

/// As commands name a user.
pub(crate) fn name_or_number(id: u32) -> String {
    name_of_user(id).unwrap_or_else(|| id.to_string())
}

/// As sentences name a user.
pub(crate) fn called(id: u32) -> String {
    name_of_user(id).unwrap_or_else(|| format!("uid {id}"))
}

/// The number of a user's own group.
pub(super) fn group_of_user(id: u32) -> Option<u32> {
    find("/etc/passwd", |line| match line {
        [_, _, number, group, ..] if number.parse() == Ok(id) => group.parse().ok(),
        _ => None,
    })
}

pub(super) fn name_of_group(id: u32) -> Option<String> {
    find("/etc/group", |line| match line {
        [name, _, number, ..] if number.parse() == Ok(id) => Some((*name).to_owned()),
        _ => None,
    })
}

/// Whether a group is one of those that a user has beside the own one.
pub(super) fn is_member(user: &str, group: u32) -> bool {
    let found = find("/etc/group", |line| match line {
        [_, _, number, members] if number.parse() == Ok(group) => {
            Some(members.split(',').any(|it| it == user))
        }
        _ => None,
    });
    found.unwrap_or(false)
}

/// Who this process runs as.
pub(crate) fn own_name() -> Option<String> {
    name_of_user(rustix::process::geteuid().as_raw())
}

/// The user, other than root, whose own group this is.
pub(super) fn user_of_group(id: u32) -> Option<String> {
    find("/etc/passwd", |line| match line {
        [name, _, user, group, ..] if *user != "0" && group.parse() == Ok(id) => {
            Some((*name).to_owned())
        }
        _ => None,
    })
}

/// The number of a group, which may be named by its number too.
pub(crate) fn group_id(group: &str) -> Option<u32> {
    let of_name = || {
        find("/etc/group", |line| match line {
            [name, _, number, ..] if *name == group => number.parse().ok(),
            _ => None,
        })
    };
    group.parse().ok().or_else(of_name)
}

/// What `read` finds first in the fields of a line.
fn find<T>(table: &str, read: impl Fn(&[&str]) -> Option<T>) -> Option<T> {
    let text = fs::read_to_string(table).ok()?;
    text.lines()
        .find_map(|line| read(&line.split(':').collect::<Vec<_>>()))
}
