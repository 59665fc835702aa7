-- Accounts. Times are whole seconds since 1970 and always passed in.
-- A *_key column is the canonical form that the program computes; it is compared as bytes.
CREATE TABLE users (
    id            BIGINT PRIMARY KEY,
    username      TEXT COLLATE "C"    NOT NULL,
    username_key  TEXT COLLATE "C"    NOT NULL UNIQUE,
    email         TEXT COLLATE "C"    NOT NULL,
    email_key     TEXT COLLATE "C"    NOT NULL UNIQUE,
    first_name    TEXT COLLATE "C"    NOT NULL,
    last_name     TEXT COLLATE "C"    NOT NULL,
    password_hash TEXT COLLATE "C",
    is_active     BOOLEAN NOT NULL,
    is_staff      BOOLEAN NOT NULL,
    created_at    BIGINT NOT NULL,
    last_login_at BIGINT
);

-- A number is never given to a second user, so an old token cannot name a new one. A sequence would go on
-- after what was rolled back too. Only one transaction at a time writes.
CREATE TABLE last_user_deleted (id BIGINT NOT NULL);
INSERT INTO last_user_deleted (id) VALUES (0);
CREATE FUNCTION number_user() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.id IS NULL THEN
        NEW.id := 1 + greatest((SELECT max(id) FROM users), (SELECT id FROM last_user_deleted));
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER users_number BEFORE INSERT ON users FOR EACH ROW EXECUTE FUNCTION number_user();
CREATE FUNCTION note_user_deleted() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE last_user_deleted SET id = OLD.id WHERE id < OLD.id;
    RETURN NULL;
END $$;
CREATE TRIGGER users_deleted AFTER DELETE ON users FOR EACH ROW EXECUTE FUNCTION note_user_deleted();

CREATE TABLE profiles (
    user_id           BIGINT PRIMARY KEY REFERENCES users (id) ON DELETE CASCADE,
    organisation_type TEXT COLLATE "C" NOT NULL,
    organisation_name TEXT COLLATE "C" NOT NULL,
    country           TEXT COLLATE "C" NOT NULL,
    additional_fields TEXT COLLATE "C" NOT NULL
);

-- Failed logins by account, whatever name it was called by; names without an account count too,
-- so that a stranger cannot tell them apart.
CREATE TABLE login_attempts (
    key        BYTEA    PRIMARY KEY,
    failures   BIGINT NOT NULL,
    next_at    BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
);
CREATE INDEX login_attempts_by_age ON login_attempts (updated_at);
