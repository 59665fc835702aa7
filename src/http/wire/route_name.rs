//! Which endpoint has answered.

use std::sync::Arc;

/// The path that answered, as the document names it, for the log: a path as it was sent may have a
/// secret in it.
#[derive(Clone)]
pub(crate) struct RouteName(pub(crate) Arc<str>);
