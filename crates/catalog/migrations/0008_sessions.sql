-- Logins that go on: somebody with a browser. Times are milliseconds since 1970, UTC.

CREATE TABLE session (
    id TEXT COLLATE "BINARY" NOT NULL PRIMARY KEY,  -- the public part, which names it
    account_id BIGINT NOT NULL REFERENCES account (id) ON DELETE CASCADE,
    hash TEXT NOT NULL,                             -- SHA-256 of the whole secret
    created_ms BIGINT NOT NULL,
    used_ms BIGINT NOT NULL,                        -- to the minute
    ends_ms BIGINT NOT NULL,                        -- however much it is used
    address TEXT,                                   -- where it began; none: not known
    agent TEXT                                      -- the program that it began with
);
CREATE INDEX session_account ON session (account_id, id);
CREATE INDEX session_ends ON session (ends_ms);
