-- What upstreams give to everybody. Times are milliseconds since 1970, UTC.

-- Whether a repository is public, as its upstream said last.
CREATE TABLE visibility (
    path TEXT COLLATE "BINARY" NOT NULL,
    origin TEXT COLLATE "BINARY" NOT NULL,
    is_public BIGINT NOT NULL,
    checked_ms BIGINT NOT NULL,
    PRIMARY KEY (path, origin)
);
CREATE INDEX visibility_checked ON visibility (checked_ms);
CREATE INDEX visibility_kind ON visibility (is_public, checked_ms);

-- Where an account is or was configured: what is held from there may be private.
CREATE TABLE upstream_account (
    origin TEXT COLLATE "BINARY" NOT NULL,
    namespace TEXT COLLATE "BINARY" NOT NULL, -- empty: the whole registry
    PRIMARY KEY (origin, namespace)
);
