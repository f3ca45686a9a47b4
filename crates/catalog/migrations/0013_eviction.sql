-- What stays, what is worth keeping, and what was let go.

-- Images that are not evicted, and why. Nothing of them need be held: a pin may come before its image.
CREATE TABLE pin (
    id BIGINT NOT NULL PRIMARY KEY,        -- rises with time
    path TEXT COLLATE "BINARY" NOT NULL,   -- the repository, as in its table
    origin TEXT COLLATE "BINARY" NOT NULL,
    digest TEXT COLLATE "BINARY" NOT NULL, -- a manifest; what it leads to, and what leads to it, stays too
    source TEXT NOT NULL,                  -- what kind of thing pins it
    held_by TEXT COLLATE "BINARY" NOT NULL, -- which one of that kind
    reason TEXT NOT NULL,
    created_ms BIGINT NOT NULL,
    expires_ms BIGINT,
    UNIQUE (path, origin, digest, source, held_by)
);
CREATE INDEX pin_held_by ON pin (source, held_by);

-- Pulls in thousandths as of heat_ms; they count half as much with each half-life. NULL: not pulled since it came.
ALTER TABLE manifest ADD COLUMN heat BIGINT NOT NULL DEFAULT 0;
ALTER TABLE manifest ADD COLUMN heat_ms BIGINT;

-- Evicted images, for some days: one that comes back was let go too early.
CREATE TABLE ghost (
    path TEXT COLLATE "BINARY" NOT NULL,
    origin TEXT COLLATE "BINARY" NOT NULL,
    digest TEXT COLLATE "BINARY" NOT NULL,
    bytes BIGINT NOT NULL,                 -- what its eviction freed
    heat BIGINT NOT NULL,
    heat_ms BIGINT NOT NULL,
    evicted_ms BIGINT NOT NULL,
    evicted_bytes BIGINT NOT NULL,         -- all that was evicted until then, itself included
    returned_ms BIGINT,                    -- when it was pulled again
    larger_by BIGINT,                      -- the bytes of disk that would have kept it until then
    PRIMARY KEY (path, origin, digest, evicted_ms)
);
CREATE INDEX ghost_evicted ON ghost (evicted_ms, evicted_bytes);

-- How far the work is that looks at everything again and again.
CREATE TABLE upkeep (
    name TEXT NOT NULL PRIMARY KEY,
    done_until TEXT,                       -- the last digest that was looked at; NULL between two rounds
    ended_ms BIGINT                        -- when the last round ended
);
