-- Which server works with this database, and which of them a run belongs to.

-- One row: the server that holds the lock on this database, or held it last.
CREATE TABLE server_lock (
    slot BIGINT NOT NULL PRIMARY KEY,      -- always 0
    instance BIGINT NOT NULL,
    name TEXT NOT NULL,                    -- for people: its machine and process
    started_ms BIGINT NOT NULL
);

-- The instance that carries the run out, and when it last said so. Empty in rows of versions before this one.
ALTER TABLE sync_run ADD COLUMN owner BIGINT;
ALTER TABLE sync_run ADD COLUMN heartbeat_ms BIGINT;
