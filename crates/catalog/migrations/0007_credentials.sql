-- Secrets of others that this server uses. Whoever cannot open them has the wrong key file.
CREATE TABLE credential (
    id TEXT COLLATE "BINARY" NOT NULL PRIMARY KEY,
    kind TEXT NOT NULL,                    -- what it is for: registry
    name TEXT COLLATE "BINARY" NOT NULL,
    host TEXT NOT NULL,
    namespace TEXT,                        -- the only repository that it is for, with those below it
    endpoint TEXT,                         -- the only URL that sees it
    username TEXT NOT NULL,
    sealed TEXT NOT NULL,                  -- all of this with the password
    revision BIGINT NOT NULL DEFAULT 1,    -- rises with every change
    created_ms BIGINT NOT NULL,
    changed_ms BIGINT NOT NULL
);
CREATE UNIQUE INDEX credential_name ON credential (kind, name);
