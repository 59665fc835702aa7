//! Who came over without a password: put aside until the import has ended, because no mail is to leave
//! before, and a dump may have a million of them.

use std::path::Path;

use crate::domain::{Email, UserId, UserRef, Username};
use crate::failure::Failure;
use crate::store::transfer::Scratch;

/// All rows belong to the import.
const OWNER: &str = "";

/// Made when there is somebody.
#[derive(Default)]
pub struct WithoutPassword(Option<Scratch>);

impl WithoutPassword {
    pub(super) fn keep(&mut self, put_aside: &Path, who: &UserRef) -> Result<(), Failure> {
        let rows = match &mut self.0 {
            Some(rows) => rows,
            none => none.insert(Scratch::beside(put_aside)?),
        };
        let text = match who {
            UserRef::Id(id) => format!("i{id}"),
            UserRef::Username(name) => format!("u{name}"),
            UserRef::Email(email) => format!("e{email}"),
        };
        rows.keep(OWNER, &text)
    }

    /// Hands them to `each`, in the order in which they came, until that fails.
    pub fn each<E: From<Failure>>(
        &self,
        mut each: impl FnMut(UserRef) -> Result<(), E>,
    ) -> Result<(), E> {
        let Some(rows) = &self.0 else {
            return Ok(());
        };
        rows.each(OWNER, |text| read(text).map_or(Ok(()), &mut each))
    }
}

fn read(text: &str) -> Option<UserRef> {
    let (kind, rest) = text.split_at_checked(1)?;
    match kind {
        "i" => rest.parse().ok().map(|id| UserRef::Id(UserId(id))),
        "u" => Username::typed(rest).map(UserRef::Username),
        _ => Email::parse(rest).ok().map(UserRef::Email),
    }
}
