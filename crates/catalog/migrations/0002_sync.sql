-- What became of syncs. Names are texts as people write them: the catalog does not know what a rule or a place is.

CREATE TABLE sync_run (
    id BIGINT NOT NULL PRIMARY KEY,        -- rises with time
    rule TEXT COLLATE "BINARY" NOT NULL,
    cause TEXT NOT NULL,                   -- schedule, catch-up, hand
    part TEXT,                             -- the image it was confined to, if it was
    started_ms BIGINT NOT NULL,
    ended_ms BIGINT,
    outcome TEXT NOT NULL,                 -- running, done, failed, cancelled, interrupted
    problem TEXT,                          -- why there was nothing to do, or why it broke off
    copied BIGINT NOT NULL DEFAULT 0,
    equal BIGINT NOT NULL DEFAULT 0,
    kept BIGINT NOT NULL DEFAULT 0,
    failed BIGINT NOT NULL DEFAULT 0,
    postponed BIGINT NOT NULL DEFAULT 0,
    cancelled BIGINT NOT NULL DEFAULT 0,
    written BIGINT NOT NULL DEFAULT 0,     -- bytes
    bytes_read BIGINT NOT NULL DEFAULT 0   -- bytes
);
CREATE INDEX sync_run_rule ON sync_run (rule, id);
CREATE INDEX sync_run_running ON sync_run (outcome) WHERE outcome = 'running';

-- What a run did. Copies that were found equal are counted above and have no row here.
CREATE TABLE sync_run_copy (
    run_id BIGINT NOT NULL REFERENCES sync_run (id) ON DELETE CASCADE,
    number BIGINT NOT NULL,
    source TEXT NOT NULL,
    reference TEXT NOT NULL,
    target TEXT NOT NULL,
    target_reference TEXT NOT NULL,
    digest TEXT,
    outcome TEXT NOT NULL,                 -- copied, kept, failed, postponed, cancelled
    problem TEXT,
    hint TEXT,
    written BIGINT NOT NULL,
    mounted BIGINT NOT NULL,
    present BIGINT NOT NULL,
    took_ms BIGINT NOT NULL,
    PRIMARY KEY (run_id, number)
);

-- How each copy stood when it was last looked at.
CREATE TABLE sync_copy (
    rule TEXT COLLATE "BINARY" NOT NULL,
    source TEXT COLLATE "BINARY" NOT NULL,
    reference TEXT COLLATE "BINARY" NOT NULL,
    target TEXT COLLATE "BINARY" NOT NULL,
    target_reference TEXT COLLATE "BINARY" NOT NULL,
    digest TEXT,                           -- the source's
    outcome TEXT NOT NULL,                 -- copied, equal, kept, failed, postponed, cancelled
    problem TEXT,
    hint TEXT,
    checked_ms BIGINT NOT NULL,
    synced_ms BIGINT,                      -- when it was last known to be equal
    PRIMARY KEY (rule, source, reference, target, target_reference)
);

-- Which digest an image has in another form.
CREATE TABLE sync_form (
    source TEXT COLLATE "BINARY" NOT NULL,
    form TEXT COLLATE "BINARY" NOT NULL,
    converted TEXT NOT NULL,
    PRIMARY KEY (source, form)
);

-- Tags that never change and were seen to be equal to their source.
CREATE TABLE sync_verified (
    tag TEXT COLLATE "BINARY" NOT NULL PRIMARY KEY,
    at_ms BIGINT NOT NULL
);
