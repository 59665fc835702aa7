-- Every foreign key, and every condition on a table that grows, has an index: whoever deletes a link
-- or a user has the server look for what belongs to it.
CREATE INDEX outbox_by_link ON outbox (link_id);
CREATE INDEX outbox_by_user ON outbox (user_id);
CREATE INDEX outbox_ended ON outbox (created_at) WHERE state <> 'queued';
CREATE INDEX outbox_leased ON outbox (leased_until) WHERE leased_until IS NOT NULL;
CREATE INDEX sessions_by_user ON sessions (user_id);
CREATE INDEX consents_by_policy ON consents (policy_id);
-- The latest policy is looked up with each session.
CREATE INDEX policies_by_time ON policies (published_at);

-- What is counted and not listed: anybody can make it happen as often as they like.
CREATE TABLE counts (
    name  TEXT COLLATE "C"    PRIMARY KEY,
    count BIGINT NOT NULL
);
