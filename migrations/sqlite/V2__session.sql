-- What a login opens and a logout ends. Of the cookie only the SHA-256 is kept; the tokens are not kept at all.
CREATE TABLE sessions (
    id            BLOB    PRIMARY KEY,
    user_id       INTEGER NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    kind          TEXT    NOT NULL,
    created_at    INTEGER NOT NULL,
    expires_at    INTEGER NOT NULL,
    ended_at      INTEGER,
    address       TEXT,
    user_agent    TEXT,
    cookie_digest BLOB,
    rotations     INTEGER NOT NULL DEFAULT 0,
    rotated_at    INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX sessions_alive ON sessions (user_id, created_at) WHERE ended_at IS NULL;
CREATE UNIQUE INDEX sessions_by_cookie ON sessions (cookie_digest) WHERE cookie_digest IS NOT NULL;
CREATE INDEX sessions_by_end ON sessions (expires_at);
