-- What we hold. One text for SQLite and PostgreSQL: BIGINT and TEXT only; times are milliseconds since 1970, UTC.
--
-- Collation "BINARY" compares bytes. SQLite has it; in PostgreSQL the catalog makes it, as a copy of "C", before it
-- runs this file. So names come out in the same order everywhere.
--
-- A repository has a short id (8 bytes, made by us, rising with time) because tens of rows name each repository: its
-- path in every row and index would be most of the database. Digests are keys as they are: nearly every query comes
-- with one, so a number in their place would cost a second look-up each time.

-- A row is here exactly as long as something of the repository is held.
CREATE TABLE repository (
    id BIGINT NOT NULL PRIMARY KEY,
    path TEXT COLLATE "BINARY" NOT NULL,   -- as people write it: host/name, or the name alone if hosted
    origin TEXT COLLATE "BINARY" NOT NULL, -- the upstream's host; '' if hosted
    UNIQUE (path, origin)
);

CREATE TABLE manifest (
    repository_id BIGINT NOT NULL REFERENCES repository (id),
    digest TEXT COLLATE "BINARY" NOT NULL,
    media_type TEXT NOT NULL,
    size BIGINT NOT NULL,
    subject TEXT COLLATE "BINARY",
    artifact_type TEXT,
    annotations TEXT,                      -- JSON; only kept with a subject
    created_ms BIGINT NOT NULL,
    pulls BIGINT NOT NULL DEFAULT 0,
    last_used_ms BIGINT,
    PRIMARY KEY (repository_id, digest)
);
-- Whole keys in both orders, here and for blobs: with half a key PostgreSQL may take the half that is common in one
-- repository though rare in most.
CREATE INDEX manifest_digest ON manifest (digest, repository_id);
CREATE INDEX manifest_subject ON manifest (repository_id, subject, created_ms, digest) WHERE subject IS NOT NULL;

-- What a manifest names, held or not.
CREATE TABLE reference (
    repository_id BIGINT NOT NULL,
    parent TEXT COLLATE "BINARY" NOT NULL,
    child TEXT COLLATE "BINARY" NOT NULL,
    kind BIGINT NOT NULL,                  -- 0 blob, 1 manifest, 2 foreign blob
    size BIGINT NOT NULL,
    PRIMARY KEY (repository_id, parent, child, kind),
    FOREIGN KEY (repository_id, parent) REFERENCES manifest (repository_id, digest) ON DELETE CASCADE
);
-- With its kind, or SQLite takes the longer way through the whole repository, by the key above.
CREATE INDEX reference_child ON reference (repository_id, child, kind);

CREATE TABLE tag (
    repository_id BIGINT NOT NULL,
    name TEXT COLLATE "BINARY" NOT NULL,
    digest TEXT COLLATE "BINARY" NOT NULL,
    checked_ms BIGINT NOT NULL,
    updated_ms BIGINT NOT NULL,
    PRIMARY KEY (repository_id, name),
    FOREIGN KEY (repository_id, digest) REFERENCES manifest (repository_id, digest) ON DELETE CASCADE
);
CREATE INDEX tag_digest ON tag (repository_id, digest);

CREATE TABLE blob (
    digest TEXT COLLATE "BINARY" NOT NULL,
    repository_id BIGINT NOT NULL REFERENCES repository (id),
    size BIGINT NOT NULL,
    created_ms BIGINT NOT NULL,
    PRIMARY KEY (digest, repository_id)
);
CREATE INDEX blob_repository ON blob (repository_id, digest);
