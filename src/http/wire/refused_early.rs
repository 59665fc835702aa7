//! A request that was found wrong before the middleware saw it.

use super::problem::Problem;

/// Goes with the request: the middleware answers this, and adds, counts and logs as it always does.
#[derive(Clone)]
pub(crate) struct RefusedEarly(pub(crate) Problem);
