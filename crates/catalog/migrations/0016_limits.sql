-- Who is sent away for a while, what is denied, and who pulled what. Times are milliseconds since 1970, UTC.

-- Bans: of an address, a network or an account.
CREATE TABLE ban (
    id TEXT COLLATE "BINARY" NOT NULL PRIMARY KEY,
    subject TEXT COLLATE "BINARY" NOT NULL UNIQUE,
    reason TEXT NOT NULL,
    actor TEXT NOT NULL,
    since_ms BIGINT NOT NULL,
    until_ms BIGINT, -- none: until it is lifted
    earlier BIGINT NOT NULL -- how many there were before, lately
);
CREATE INDEX ban_until ON ban (until_ms);

-- Images that were denied by command, beside the rules of the configuration.
CREATE TABLE denial (
    image TEXT COLLATE "BINARY" NOT NULL PRIMARY KEY, -- a pattern
    reason TEXT,
    notice TEXT,
    is_legal BIGINT NOT NULL,
    since_ms BIGINT NOT NULL,
    actor TEXT NOT NULL
);

-- Which client pulled which manifest, where that is recorded. The repository need not be held any more.
CREATE TABLE puller (
    path TEXT COLLATE "BINARY" NOT NULL,
    origin TEXT COLLATE "BINARY" NOT NULL,
    digest TEXT COLLATE "BINARY" NOT NULL,
    client TEXT COLLATE "BINARY" NOT NULL,
    pulls BIGINT NOT NULL,
    last_ms BIGINT NOT NULL,
    PRIMARY KEY (path, origin, digest, client)
);
CREATE INDEX puller_last ON puller (last_ms);
