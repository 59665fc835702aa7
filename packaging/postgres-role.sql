-- The first start of PostgreSQL runs this: the role of the servers owns its database, and may do nothing else.
-- The superuser has no password after it: only a shell in the container is let in as that one.
\set ON_ERROR_STOP on
\set password `cat /run/secrets/database_owner_password`
CREATE ROLE minisass LOGIN PASSWORD :'password';
CREATE DATABASE minisass OWNER minisass ENCODING 'UTF8' TEMPLATE template0;
ALTER ROLE postgres PASSWORD NULL;
