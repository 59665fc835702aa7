-- Accounts. Times are whole seconds since 1970 and always passed in.
-- A *_key column is the canonical form that the program computes; it is compared as bytes.
-- AUTOINCREMENT: a number is never given to a second user, so an old token cannot name a new one.
CREATE TABLE users (
    id            INTEGER PRIMARY KEY AUTOINCREMENT,
    username      TEXT    NOT NULL,
    username_key  TEXT    NOT NULL UNIQUE,
    email         TEXT    NOT NULL,
    email_key     TEXT    NOT NULL UNIQUE,
    first_name    TEXT    NOT NULL,
    last_name     TEXT    NOT NULL,
    password_hash TEXT,
    is_active     INTEGER NOT NULL CHECK (is_active IN (0, 1)),
    is_staff      INTEGER NOT NULL CHECK (is_staff IN (0, 1)),
    created_at    INTEGER NOT NULL,
    last_login_at INTEGER
) STRICT;

CREATE TABLE profiles (
    user_id           INTEGER PRIMARY KEY REFERENCES users (id) ON DELETE CASCADE,
    organisation_type TEXT NOT NULL,
    organisation_name TEXT NOT NULL,
    country           TEXT NOT NULL,
    additional_fields TEXT NOT NULL
) STRICT;

-- Failed logins by account, whatever name it was called by; names without an account count too,
-- so that a stranger cannot tell them apart.
CREATE TABLE login_attempts (
    key        BLOB    PRIMARY KEY,
    failures   INTEGER NOT NULL,
    next_at    INTEGER NOT NULL,
    updated_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX login_attempts_by_age ON login_attempts (updated_at);
