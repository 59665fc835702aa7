-- Each token of the service before this one has a session of its own, whose name follows from the
-- token; until now all of a user shared one, of which nobody can say what it was opened for.
DELETE FROM sessions WHERE kind = 'imported';

-- Tokens that the service before this one had blacklisted, until they expire. The digest is that of
-- their `jti`; the name of a session that was opened for such a token ends with it.
CREATE TABLE refused_tokens (
    digest     BYTEA    PRIMARY KEY,
    expires_at BIGINT NOT NULL
);
CREATE INDEX refused_tokens_by_end ON refused_tokens (expires_at);
