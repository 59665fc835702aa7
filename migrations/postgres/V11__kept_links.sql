-- The links of an account that is confirmed are kept as long as the account, and so is the one that gave
-- it its address: whoever opens such a link again, however late, learns that it is done.
ALTER TABLE links ADD COLUMN is_kept BOOLEAN NOT NULL DEFAULT FALSE;
UPDATE links SET is_kept = TRUE
    WHERE used_at IS NOT NULL AND EXISTS (
        SELECT 1 FROM users WHERE users.id = links.user_id AND email_confirmed_at IS NOT NULL
            AND (purpose = 'activation' OR purpose = 'address-change' AND links.email = users.email));
-- Whoever forgets the others must not read past those.
DROP INDEX links_by_end;
CREATE INDEX links_by_end ON links (expires_at) WHERE NOT is_kept;
