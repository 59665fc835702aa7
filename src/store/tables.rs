//! The tables of the schema.

/// A table, all its columns, and what its rows are in the order of.
pub(super) struct Table {
    pub(super) name: &'static str,
    pub(super) columns: &'static [&'static str],
    pub(super) order: &'static str,
    pub(super) is_numbered: bool,
}

const fn table(
    name: &'static str,
    columns: &'static [&'static str],
    order: &'static str,
    is_numbered: bool,
) -> Table {
    Table {
        name,
        columns,
        order,
        is_numbered,
    }
}

/// Whatever a row belongs to stands before it.
#[rustfmt::skip]
pub(super) const TABLES: &[Table] = &[
    table("users", &[
        "id", "username", "username_key", "email", "email_key", "first_name", "last_name",
        "password_hash", "is_active", "is_staff", "created_at", "last_login_at", "email_confirmed_at",
        "awaits_confirmation", "imported_tokens_ended_at", "takes_imported_tokens",
    ], "id", true),
    table("profiles", &[
        "user_id", "organisation_type", "organisation_name", "country", "additional_fields",
        "is_expert", "upload_preference",
    ], "user_id", false),
    table("password_history", &["id", "user_id", "password_hash", "created_at"], "id", true),
    table("policies", &["id", "version", "url", "published_at"], "id", true),
    table("consents", &[
        "id", "user_id", "policy_id", "is_given", "given_at", "address",
    ], "id", true),
    table("sessions", &[
        "id", "user_id", "kind", "created_at", "expires_at", "ended_at", "address", "user_agent",
        "cookie_digest", "rotations", "rotated_at",
    ], "id", false),
    table("refused_tokens", &["digest", "expires_at"], "digest", false),
    table("login_attempts", &["key", "failures", "next_at", "updated_at"], "key", false),
    table("links", &[
        "id", "purpose", "user_id", "nonce", "digest", "created_at", "expires_at", "used_at", "email",
        "is_kept",
    ], "id", true),
    table("outbox", &[
        "id", "kind", "user_id", "link_id", "recipient", "state", "attempts", "next_at", "created_at",
        "sent_at", "error", "details", "leased_until",
    ], "id", true),
    table("audit", &[
        "id", "at", "actor", "address", "action", "user_id", "detail", "digest",
    ], "id", true),
    table("keys", &["name", "purpose", "algorithm", "made_at", "nonce", "sealed"], "name", false),
    table("counts", &["name", "count"], "name", false),
];

pub(super) fn table_names() -> Vec<&'static str> {
    TABLES.iter().map(|it| it.name).collect()
}
