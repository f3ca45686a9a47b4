-- The manifests of upstreams that a tag led to before: whoever pinned one of them keeps it where only the tag is allowed.
-- A row goes with its manifest.
CREATE TABLE former_tag (
    repository_id BIGINT NOT NULL,
    name TEXT COLLATE "BINARY" NOT NULL,
    digest TEXT COLLATE "BINARY" NOT NULL,
    PRIMARY KEY (repository_id, digest, name),
    FOREIGN KEY (repository_id, digest) REFERENCES manifest (repository_id, digest) ON DELETE CASCADE
);
