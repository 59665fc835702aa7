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

-- A number is never given to a second user, so an old token cannot name a new one; also not after
-- somebody came with a number of their own.
CREATE SEQUENCE user_numbers OWNED BY users.id;
CREATE FUNCTION number_user() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.id IS NULL THEN
        NEW.id := nextval('user_numbers');
    ELSIF NEW.id >= (SELECT last_value FROM user_numbers) THEN
        PERFORM setval('user_numbers', NEW.id);
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER users_number BEFORE INSERT ON users FOR EACH ROW EXECUTE FUNCTION number_user();

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
