-- Links that mails carry. The token is derived from the nonce and a key outside the database;
-- only its SHA-256 is here. A link without a user is a decoy: a request for an unknown address
-- costs the same writes as one for a known address.
CREATE TABLE links (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    purpose    TEXT    NOT NULL,
    user_id    INTEGER REFERENCES users (id) ON DELETE CASCADE,
    nonce      BLOB    NOT NULL,
    digest     BLOB    NOT NULL UNIQUE,
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    used_at    INTEGER
) STRICT;
CREATE INDEX links_by_user ON links (user_id, purpose, created_at);
CREATE INDEX links_by_end ON links (expires_at);

-- Mails to be sent: a row is written in the transaction that causes the mail.
CREATE TABLE outbox (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    kind       TEXT    NOT NULL,
    user_id    INTEGER REFERENCES users (id) ON DELETE CASCADE,
    link_id    INTEGER REFERENCES links (id) ON DELETE CASCADE,
    recipient  TEXT    NOT NULL,
    state      TEXT    NOT NULL CHECK (state IN ('queued', 'sent', 'failed', 'expired')),
    attempts   INTEGER NOT NULL DEFAULT 0,
    next_at    INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    sent_at    INTEGER,
    error      TEXT
) STRICT;
CREATE INDEX outbox_due ON outbox (next_at) WHERE state = 'queued';
