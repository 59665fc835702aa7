-- Where the audit trail begins, once its oldest rows have gone.
CREATE INDEX audit_starts ON audit (id) WHERE action = 'audit.prune';

-- A clock that was set back must not revive refresh tokens that were used in what is now the future.
CREATE INDEX sessions_by_rotation ON sessions (rotated_at) WHERE rotations > 0;
