//! Users as they are printed.

use serde::Serialize;

use crate::cli::terminal::output::Output;
use crate::domain::{Timestamp, User};

/// The names are stable.
#[derive(Serialize)]
pub(crate) struct Row {
    id: i64,
    username: String,
    email: String,
    first_name: String,
    last_name: String,
    pub(crate) is_active: bool,
    is_staff: bool,
    created_at: String,
    last_login_at: Option<String>,
}

impl From<&User> for Row {
    fn from(user: &User) -> Self {
        Self {
            id: user.id.0,
            username: user.username.to_string(),
            email: user.email.to_string(),
            first_name: user.first_name.clone(),
            last_name: user.last_name.clone(),
            is_active: user.is_active,
            is_staff: user.is_staff,
            created_at: user.created_at.to_string(),
            last_login_at: user.last_login_at.as_ref().map(Timestamp::to_string),
        }
    }
}

pub(crate) fn show(users: &[User], output: &mut Output) -> anyhow::Result<()> {
    match users {
        [user] => output.one(&Row::from(user)),
        users => output.rows(users.iter().map(Row::from)),
    }
}
