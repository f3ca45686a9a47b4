-- Grants that were made by API; those of the configuration are not here. Times are milliseconds since 1970, UTC.

CREATE TABLE access_grant (
    id BIGINT NOT NULL PRIMARY KEY,        -- rises with time
    subject TEXT COLLATE "BINARY" NOT NULL, -- account:NAME, group:NAME, role:ROLE, anonymous
    repositories TEXT NOT NULL,            -- patterns, separated by spaces
    may TEXT NOT NULL,                     -- verbs, separated by commas
    created_ms BIGINT NOT NULL,
    created_by TEXT NOT NULL
);
CREATE INDEX access_grant_subject ON access_grant (subject);

-- Which tokens end soon.
CREATE INDEX api_token_expires ON api_token (expires_ms, id);

-- What was done, by kind.
CREATE INDEX audit_action ON audit (action, id);
