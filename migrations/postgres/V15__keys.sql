-- The keys that sign tokens, and the key of mailed links, in the order of their names. Each secret is sealed
-- with the master key, which is not in here; what the row says of it is sealed with it.
CREATE TABLE keys (
    name      TEXT COLLATE "C" PRIMARY KEY,
    purpose   TEXT    NOT NULL CHECK (purpose IN ('sign', 'links')),
    algorithm TEXT    NOT NULL,
    made_at   BIGINT NOT NULL,
    nonce     BYTEA   NOT NULL,
    sealed    BYTEA   NOT NULL
);
