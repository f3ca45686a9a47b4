-- Who may do what. Times are milliseconds since 1970, UTC.

CREATE TABLE account (
    id BIGINT NOT NULL PRIMARY KEY,
    name TEXT COLLATE "BINARY" NOT NULL UNIQUE,
    kind TEXT NOT NULL,                    -- local, robot, oidc, ldap
    subject TEXT COLLATE "BINARY",         -- who that is where the account comes from: issuer and subject, or a DN
    role TEXT NOT NULL,
    password TEXT,                         -- argon2id, as a PHC string; none: nobody can log in with a password
    member_of TEXT NOT NULL DEFAULT '[]',  -- groups, as JSON; as the directory told last
    disabled BIGINT NOT NULL DEFAULT 0,
    revision BIGINT NOT NULL DEFAULT 1,    -- rises with every change
    created_ms BIGINT NOT NULL,
    changed_ms BIGINT NOT NULL,
    last_login_ms BIGINT
);
CREATE UNIQUE INDEX account_subject ON account (kind, subject) WHERE subject IS NOT NULL;

-- An API token. Its secrets are below; it may have two while it is being replaced.
CREATE TABLE api_token (
    id TEXT COLLATE "BINARY" NOT NULL PRIMARY KEY,
    account_id BIGINT NOT NULL REFERENCES account (id) ON DELETE CASCADE,
    name TEXT NOT NULL,
    scopes TEXT NOT NULL,
    created_ms BIGINT NOT NULL,
    expires_ms BIGINT
);
CREATE INDEX api_token_account ON api_token (account_id, id);

CREATE TABLE api_token_secret (
    token_id TEXT COLLATE "BINARY" NOT NULL REFERENCES api_token (id) ON DELETE CASCADE,
    hash TEXT NOT NULL,                    -- SHA-256 of the whole token
    created_ms BIGINT NOT NULL,
    ends_ms BIGINT,                        -- only if a newer one replaces it
    used_ms BIGINT,
    PRIMARY KEY (token_id, hash)
);

-- The keys that sign registry tokens, sealed. Whoever cannot open them has the wrong key file.
CREATE TABLE signing_key (
    id TEXT COLLATE "BINARY" NOT NULL PRIMARY KEY,
    sealed TEXT NOT NULL,
    created_ms BIGINT NOT NULL
);

-- Who did what.
CREATE TABLE audit (
    id BIGINT NOT NULL PRIMARY KEY,        -- rises with time
    at_ms BIGINT NOT NULL,
    actor TEXT NOT NULL,                   -- account:NAME, owner, local, anonymous
    action TEXT NOT NULL,
    object TEXT NOT NULL,
    address TEXT,                          -- none: the local socket
    outcome TEXT NOT NULL,                 -- done, refused, failed
    request_id TEXT,
    detail TEXT                            -- what changed, without secrets
);
CREATE INDEX audit_actor ON audit (actor, id);
CREATE INDEX audit_at ON audit (at_ms);
