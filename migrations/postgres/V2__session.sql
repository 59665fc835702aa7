-- What a login opens and a logout ends. Of the cookie only the SHA-256 is kept; the tokens are not kept at all.
CREATE TABLE sessions (
    id            BYTEA    PRIMARY KEY,
    user_id       BIGINT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    kind          TEXT COLLATE "C"    NOT NULL,
    created_at    BIGINT NOT NULL,
    expires_at    BIGINT NOT NULL,
    ended_at      BIGINT,
    address       TEXT COLLATE "C",
    user_agent    TEXT COLLATE "C",
    cookie_digest BYTEA,
    rotations     BIGINT NOT NULL DEFAULT 0,
    rotated_at    BIGINT NOT NULL
);
CREATE INDEX sessions_alive ON sessions (user_id, created_at) WHERE ended_at IS NULL;
CREATE UNIQUE INDEX sessions_by_cookie ON sessions (cookie_digest) WHERE cookie_digest IS NOT NULL;
CREATE INDEX sessions_by_end ON sessions (expires_at);
