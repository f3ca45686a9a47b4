-- What other servers are told of, and what came of it. Times are milliseconds since 1970, UTC.
CREATE TABLE webhook_delivery (
    id BIGINT NOT NULL PRIMARY KEY,        -- rises with time
    webhook TEXT COLLATE "BINARY" NOT NULL, -- its name in the configuration
    event TEXT NOT NULL,                   -- the event's id: the same for all webhooks, and for all attempts
    kind TEXT NOT NULL,                    -- the event's name
    body TEXT NOT NULL,                    -- JSON: the event
    raised_ms BIGINT NOT NULL,
    status TEXT NOT NULL,                  -- waiting, delivered, failed
    attempts BIGINT NOT NULL DEFAULT 0,
    next_ms BIGINT NOT NULL,               -- when it is tried, while it waits
    tried_ms BIGINT,                       -- when it was tried last
    answer BIGINT,                         -- the HTTP status of the last answer
    problem TEXT                           -- why the last attempt failed
);
CREATE INDEX webhook_delivery_next ON webhook_delivery (webhook, status, next_ms, id);
CREATE INDEX webhook_delivery_log ON webhook_delivery (webhook, id);

-- Tags at destinations that no rule writes: lists of them, each of which somebody approves or rejects as a whole.
CREATE TABLE sync_prune (
    id BIGINT NOT NULL PRIMARY KEY,        -- rises with time
    rule TEXT COLLATE "BINARY" NOT NULL,
    run_id BIGINT NOT NULL,                -- the run that found them, whose record may be gone
    digest TEXT NOT NULL,                  -- of the list
    tags BIGINT NOT NULL,                  -- how many it has
    created_ms BIGINT NOT NULL,
    expires_ms BIGINT NOT NULL,            -- when it can no longer be approved
    status TEXT NOT NULL,                  -- waiting, approved, done, rejected, replaced, interrupted
    decided_by TEXT,
    decided_ms BIGINT
);
CREATE INDEX sync_prune_rule ON sync_prune (rule, id);

CREATE TABLE sync_prune_tag (
    prune_id BIGINT NOT NULL REFERENCES sync_prune (id) ON DELETE CASCADE,
    number BIGINT NOT NULL,
    repository TEXT NOT NULL,
    tag TEXT NOT NULL,
    digest TEXT NOT NULL,
    outcome TEXT NOT NULL DEFAULT 'listed', -- listed, removed, kept, failed
    problem TEXT,
    hint TEXT,
    PRIMARY KEY (prune_id, number)
);

-- Who waits for a card, until one is free.
CREATE TABLE spec_wait (
    spec_id BIGINT NOT NULL REFERENCES spec (id) ON DELETE CASCADE,
    account_id BIGINT NOT NULL,            -- 0: the server's owner
    account TEXT NOT NULL,                 -- its name then
    since_ms BIGINT NOT NULL,
    PRIMARY KEY (spec_id, account_id)
);
