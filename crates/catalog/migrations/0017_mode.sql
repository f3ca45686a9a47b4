-- What somebody set by hand about the mode, at most one row: it survives a restart. Without a mode it is about lists.
CREATE TABLE mode_order (
    slot BIGINT NOT NULL PRIMARY KEY,      -- always 0
    mode TEXT,
    tag_lists BIGINT,
    catalog BIGINT,
    reason TEXT,
    set_by TEXT NOT NULL,
    since_ms BIGINT NOT NULL,
    until_ms BIGINT
);
