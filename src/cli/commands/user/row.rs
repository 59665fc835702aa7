//! Users as they are printed.

use serde_json::{Value, json};

use crate::cli::terminal::output::Output;
use crate::domain::{Timestamp, User};

pub(crate) fn row(user: &User) -> Value {
    json!({
        "id": user.id.0,
        "username": user.username.to_string(),
        "email": user.email.to_string(),
        "first_name": user.first_name,
        "last_name": user.last_name,
        "is_active": user.is_active,
        "is_staff": user.is_staff,
        "created_at": user.created_at.to_string(),
        "last_login_at": user.last_login_at.as_ref().map(Timestamp::to_string),
    })
}

pub(crate) fn show(users: &[User], output: &mut Output) -> anyhow::Result<()> {
    output.named(&users.iter().map(row).collect::<Vec<_>>())
}
