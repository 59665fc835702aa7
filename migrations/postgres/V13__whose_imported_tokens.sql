-- Tokens of the service before this one name a user by number. Only whoever moved in with that number
-- is meant by it: a number that was given here may be somebody else's there.
ALTER TABLE users ADD COLUMN takes_imported_tokens BOOLEAN NOT NULL DEFAULT FALSE;

-- Nobody noted who moved in until now. Whoever was made here has an entry of their own in the audit
-- trail, or came after the last import.
UPDATE users SET takes_imported_tokens = TRUE
WHERE id NOT IN (SELECT user_id FROM audit WHERE action = 'user.create' AND user_id IS NOT NULL)
  AND created_at <= (SELECT max(at) FROM audit WHERE action = 'user.import');
DELETE FROM sessions
WHERE kind = 'imported' AND user_id NOT IN (SELECT id FROM users WHERE takes_imported_tokens);

-- What a token that was blacklisted there is found by, whoever it belongs to.
CREATE INDEX sessions_imported ON sessions (substr(id, 5)) WHERE kind = 'imported';
