//! The columns of the tables, for help texts and completions. `tests/it/cli_shapes.rs` compares them
//! with what is printed.

/// Each command that prints a table, and its columns.
const TABLES: &[(&str, &str)] = &[
    (
        "user list",
        "id username email first_name last_name is_active is_staff created_at last_login_at \
         organisation_type organisation_name country",
    ),
    (
        "user show",
        "id username email first_name last_name is_active is_staff created_at last_login_at",
    ),
    (
        "profile show",
        "user_id username organisation_type organisation_name country is_expert \
         upload_preference is_complete additional_fields",
    ),
    ("policy list", "id version url published_at"),
    (
        "session list",
        "id user_id username kind created_at expires_at address user_agent",
    ),
    ("audit list", "id at actor address action user_id detail"),
    ("key list", "kid algorithm signs is_imported is_weak bytes"),
    (
        "mail list",
        "id kind state username recipient attempts created_at next_at sent_at error",
    ),
    (
        "mail show",
        "id kind state username recipient attempts created_at next_at sent_at error user_id \
         link_expires_at details file subject text",
    ),
    ("config show", "key value source"),
    ("doctor", "check state finding advice"),
];

/// The columns of what a command prints, if that is a table.
pub(crate) fn of(command: &str) -> Option<Vec<&'static str>> {
    let table = TABLES.iter().find(|it| it.0 == command)?;
    Some(table.1.split_whitespace().collect())
}
