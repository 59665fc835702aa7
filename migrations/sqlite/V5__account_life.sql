-- An account is confirmed, changed and left behind.
-- awaits_confirmation: inactive only until the link of the first mail is used; an operator's
-- decision to deactivate somebody clears it, so that no old link undoes that decision.
ALTER TABLE users ADD COLUMN email_confirmed_at INTEGER;
ALTER TABLE users ADD COLUMN awaits_confirmation INTEGER NOT NULL DEFAULT 0 CHECK (awaits_confirmation IN (0, 1));

ALTER TABLE profiles ADD COLUMN is_expert INTEGER NOT NULL DEFAULT 0 CHECK (is_expert IN (0, 1));
ALTER TABLE profiles ADD COLUMN upload_preference TEXT NOT NULL DEFAULT 'wifi'
    CHECK (upload_preference IN ('wifi', 'mobile', 'both'));

-- Hashes of earlier passwords, which are refused as new ones.
CREATE TABLE password_history (
    id            INTEGER PRIMARY KEY AUTOINCREMENT,
    user_id       INTEGER NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    password_hash TEXT    NOT NULL,
    created_at    INTEGER NOT NULL
) STRICT;
CREATE INDEX password_history_by_user ON password_history (user_id, id);

-- The address that a link makes the account's own, for links that do so.
ALTER TABLE links ADD COLUMN email TEXT;

-- What a mail says beside its link, as a JSON object; and until when a sender has it in hand.
ALTER TABLE outbox ADD COLUMN details TEXT;
ALTER TABLE outbox ADD COLUMN leased_until INTEGER;

-- Versions of the privacy policy, and who agreed to which.
CREATE TABLE policies (
    id           INTEGER PRIMARY KEY AUTOINCREMENT,
    version      TEXT    NOT NULL UNIQUE,
    url          TEXT    NOT NULL,
    published_at INTEGER NOT NULL
) STRICT;
CREATE TABLE consents (
    id        INTEGER PRIMARY KEY AUTOINCREMENT,
    user_id   INTEGER NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    policy_id INTEGER NOT NULL REFERENCES policies (id) ON DELETE CASCADE,
    is_given  INTEGER NOT NULL CHECK (is_given IN (0, 1)),
    given_at  INTEGER NOT NULL,
    address   TEXT,
    UNIQUE (user_id, policy_id)
) STRICT;
