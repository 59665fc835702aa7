-- Tokens that the service before this one issued name no session. Those issued up to this time are
-- refused, because the user has logged out, changed the password or been revoked since. The others
-- share one session of the kind 'imported', which is opened when the first of them is used.
ALTER TABLE users ADD COLUMN imported_tokens_ended_at BIGINT NOT NULL DEFAULT 0;
