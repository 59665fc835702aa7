-- Who changed what, by HTTP and command line alike, written in the transaction of the change.
CREATE TABLE audit (
    id      INTEGER PRIMARY KEY AUTOINCREMENT,
    at      INTEGER NOT NULL,
    actor   TEXT    NOT NULL,
    address TEXT,
    action  TEXT    NOT NULL,
    user_id INTEGER,
    detail  TEXT
) STRICT;
