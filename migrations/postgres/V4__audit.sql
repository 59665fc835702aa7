-- Who changed what, by HTTP and command line alike, written in the transaction of the change.
CREATE TABLE audit (
    id      BIGINT PRIMARY KEY,
    at      BIGINT NOT NULL,
    actor   TEXT COLLATE "C"    NOT NULL,
    address TEXT COLLATE "C",
    action  TEXT COLLATE "C"    NOT NULL,
    user_id BIGINT,
    detail  TEXT COLLATE "C"
);

-- The last number that a row was given, even if that row is gone.
CREATE TABLE audit_end (last BIGINT NOT NULL) WITH (fillfactor = 10);
INSERT INTO audit_end (last) VALUES (0);
