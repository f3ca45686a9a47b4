-- Images that people asked for.
CREATE TABLE image_request (
    id BIGINT NOT NULL PRIMARY KEY,
    image TEXT NOT NULL,                   -- in full: docker.io/library/nginx:1.27
    platforms TEXT NOT NULL,               -- linux/amd64,linux/arm64
    status TEXT NOT NULL,                  -- queued, running, done, failed, canceled
    digest TEXT,                           -- what it led to
    bytes_total BIGINT,
    bytes_done BIGINT NOT NULL DEFAULT 0,
    error TEXT,                            -- as a code
    error_detail TEXT,
    created_ms BIGINT NOT NULL,
    started_ms BIGINT,
    finished_ms BIGINT
);
CREATE UNIQUE INDEX image_request_open ON image_request (image, platforms) WHERE finished_ms IS NULL;

-- Who asked for it. A row goes with its request.
CREATE TABLE image_request_asker (
    request_id BIGINT NOT NULL REFERENCES image_request (id) ON DELETE CASCADE,
    client TEXT NOT NULL,                  -- account:alice, 10.0.0.7, 2001:db8:1:2::
    asked_ms BIGINT NOT NULL,
    left_ms BIGINT,                        -- when they took it back
    PRIMARY KEY (request_id, client)
);
CREATE INDEX image_request_asker_client ON image_request_asker (client, request_id);
CREATE INDEX image_request_asker_asked ON image_request_asker (client, asked_ms);

-- The images of keep lists, as they were when they were last looked at.
CREATE TABLE keep_image (
    list TEXT COLLATE "BINARY" NOT NULL,
    image TEXT COLLATE "BINARY" NOT NULL,  -- in full: docker.io/library/nginx:1.27
    state TEXT NOT NULL,                   -- kept, failed, postponed
    digest TEXT,                           -- what is kept of it, also if it failed since
    problem TEXT,
    checked_ms BIGINT NOT NULL,
    run_id BIGINT NOT NULL,
    PRIMARY KEY (list, image)
);

-- The runs of keep lists.
CREATE TABLE keep_run (
    id BIGINT NOT NULL PRIMARY KEY,
    list TEXT COLLATE "BINARY" NOT NULL,
    started_ms BIGINT NOT NULL,
    finished_ms BIGINT,
    outcome TEXT NOT NULL,                 -- running, done, failed, canceled, interrupted
    kept BIGINT NOT NULL DEFAULT 0,
    failed BIGINT NOT NULL DEFAULT 0,
    postponed BIGINT NOT NULL DEFAULT 0,
    bytes BIGINT NOT NULL DEFAULT 0        -- that came
);
CREATE INDEX keep_run_list ON keep_run (list, id);
