//! Long lists, read a page at a time: nothing holds them in memory as a whole.

use super::output::note;
use crate::failure::Failure;

/// How many rows are read at once.
const PAGE: usize = 500;

/// At most `limit` rows, or all if that is 0. `read` is told how many it may return at most, and goes
/// on where it stopped.
pub(crate) fn pages<T>(
    limit: usize,
    mut read: impl FnMut(usize) -> Result<Vec<T>, Failure>,
) -> impl Iterator<Item = anyhow::Result<Vec<T>>> {
    let mut left = if limit == 0 { usize::MAX } else { limit };
    std::iter::from_fn(move || {
        if left == 0 {
            return None;
        }
        let wanted = left.min(PAGE);
        let rows = match read(wanted) {
            Ok(rows) => rows,
            Err(failure) => return Some(Err(failure.into())),
        };
        // A page that is not full is the last one.
        left = if rows.len() < wanted {
            0
        } else {
            left - wanted
        };
        (!rows.is_empty()).then_some(Ok(rows))
    })
}

/// Says beside the list that it is empty, or that it ended at the limit and `is_more` is true.
pub(crate) fn conclude(
    (count, limit): (usize, usize),
    empty: &str,
    more: &str,
    is_more: impl FnOnce() -> Result<bool, Failure>,
) -> Result<(), Failure> {
    if count == 0 {
        note(empty);
    } else if count == limit && is_more()? {
        note(more);
    }
    Ok(())
}
