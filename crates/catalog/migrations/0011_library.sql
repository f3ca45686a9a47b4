-- The image library, and what runs from it. Times are milliseconds since 1970, UTC; yes and no are 1 and 0.

-- Where the next id of a kind comes from: ids are small, rise, and are never used twice.
CREATE TABLE library_sequence (
    kind TEXT COLLATE "BINARY" NOT NULL PRIMARY KEY, -- entry, node, spec, instance, pull
    last BIGINT NOT NULL
);

-- By which name this installation knows its containers among others on the same engine.
CREATE TABLE library_installation (
    one BIGINT NOT NULL PRIMARY KEY,       -- always 1
    id TEXT NOT NULL
);

-- An image that may be run.
CREATE TABLE image_entry (
    id BIGINT NOT NULL PRIMARY KEY,
    name TEXT COLLATE "BINARY" NOT NULL,
    address TEXT NOT NULL,                 -- as it was typed, without a password
    host TEXT COLLATE "BINARY" NOT NULL,   -- the same, parsed
    repository TEXT COLLATE "BINARY" NOT NULL,
    tag TEXT COLLATE "BINARY",
    digest TEXT COLLATE "BINARY",
    credential TEXT COLLATE "BINARY",      -- the stored credential that came with the address
    description TEXT NOT NULL DEFAULT '',
    source TEXT NOT NULL DEFAULT '',
    remark TEXT NOT NULL DEFAULT '',
    on_shelf BIGINT NOT NULL DEFAULT 1,
    memory_split BIGINT NOT NULL DEFAULT 0,
    split_check TEXT NOT NULL DEFAULT 'unknown', -- unknown, ok, musl, static, old-glibc, no-cuda
    accelerator TEXT NOT NULL DEFAULT 'unknown', -- none, nvidia, ascend, other, unknown
    contents TEXT,                         -- JSON: what was seen in its layers, once they were read
    check_status TEXT NOT NULL DEFAULT 'unknown', -- unknown, ok, not-found, denied, rate-limited, unreachable, not-mirrored, invalid
    check_error TEXT,                      -- in the registry's words
    checked_ms BIGINT,
    resolved_digest TEXT,                  -- what the address led to at the last check
    previous_digest TEXT,                  -- what it led to before that, if it was something else
    platforms TEXT NOT NULL DEFAULT '[]',  -- JSON: a list of {platform, digest, size}
    compressed_size BIGINT,                -- bytes, of the largest platform
    built_ms BIGINT,                       -- when the image was built, as it says
    quota TEXT,                            -- JSON: what its registry says is left of our pulls
    created_by TEXT NOT NULL,
    revision BIGINT NOT NULL DEFAULT 1,    -- rises with every change by people, not with checks
    created_ms BIGINT NOT NULL,
    changed_ms BIGINT NOT NULL
);
CREATE INDEX image_entry_image ON image_entry (host, repository, tag);
CREATE INDEX image_entry_name ON image_entry (name, id);
CREATE INDEX image_entry_credential ON image_entry (credential);

-- A container engine, and the machine that it is on.
CREATE TABLE node (
    id BIGINT NOT NULL PRIMARY KEY,
    name TEXT COLLATE "BINARY" NOT NULL UNIQUE,
    region TEXT NOT NULL DEFAULT '',
    address TEXT NOT NULL,                 -- unix://…, tcp://…, ssh://…
    public_host TEXT,                      -- where people reach its published ports
    pull_via TEXT NOT NULL DEFAULT 'mirror', -- mirror, direct
    mirror_url TEXT,                       -- where it reaches this server, if not by its public URL
    hami_core TEXT NOT NULL DEFAULT '/root/HAMi-core/build',
    strict_split BIGINT NOT NULL DEFAULT 0,
    drained BIGINT NOT NULL DEFAULT 0,     -- takes nothing new
    ascend_cards BIGINT NOT NULL DEFAULT 0, -- no engine lists them
    ascend_model TEXT NOT NULL DEFAULT '',
    ascend_memory_mib BIGINT,
    remark TEXT NOT NULL DEFAULT '',
    status TEXT NOT NULL DEFAULT 'unknown', -- unknown, connected, failed
    offers TEXT NOT NULL DEFAULT 'nothing', -- nothing, containers, cards, parts: each with those before it
    conditions TEXT NOT NULL DEFAULT '[]', -- JSON: a list of {code, detail}: why it offers no more, and what is to be known
    facts TEXT NOT NULL DEFAULT '{}',      -- JSON: engine, versions, storage, runtimes, as found last
    cpus BIGINT,                           -- thousandths of a core
    memory_mib BIGINT,
    seen_ms BIGINT,                        -- when it answered last
    checked_ms BIGINT,
    created_by TEXT NOT NULL,
    revision BIGINT NOT NULL DEFAULT 1,
    created_ms BIGINT NOT NULL,
    changed_ms BIGINT NOT NULL
);

-- What a node is reached with: certificate authority, client certificate and key, sealed.
CREATE TABLE node_secret (
    id TEXT COLLATE "BINARY" NOT NULL PRIMARY KEY, -- the node's id
    sealed TEXT NOT NULL,
    ends_ms BIGINT                         -- when the first of its certificates ends
);

-- A card of a node.
CREATE TABLE node_device (
    node_id BIGINT NOT NULL REFERENCES node (id) ON DELETE CASCADE,
    uuid TEXT COLLATE "BINARY" NOT NULL,   -- as the vendor names it; never a position
    position BIGINT NOT NULL,
    vendor TEXT NOT NULL,                  -- nvidia, ascend
    model TEXT NOT NULL,
    cdi_name TEXT,
    memory_mib BIGINT,                     -- none: the card does not say
    used_mib BIGINT,                       -- by anybody on the machine, as seen last
    state TEXT NOT NULL DEFAULT 'healthy', -- healthy, gone, quarantined, busy, mig
    detail TEXT,
    seen_ms BIGINT NOT NULL,
    PRIMARY KEY (node_id, uuid)
);

-- What an instance gets.
CREATE TABLE spec (
    id BIGINT NOT NULL PRIMARY KEY,
    name TEXT COLLATE "BINARY" NOT NULL UNIQUE,
    vendor TEXT NOT NULL DEFAULT 'none',   -- none, nvidia, ascend
    gpu_model TEXT,
    gpu_count BIGINT NOT NULL DEFAULT 0,
    gpu_memory_mib BIGINT,                 -- of each card; none: whole cards
    memory_split BIGINT NOT NULL DEFAULT 0,
    core_percent BIGINT,
    vnpu_template TEXT,
    cpu_milli BIGINT NOT NULL,             -- thousandths of a core
    memory_mib BIGINT NOT NULL,
    system_disk_gib BIGINT,
    data_disk_gib BIGINT,
    shm_mib BIGINT,
    price BIGINT NOT NULL DEFAULT 0,       -- for an hour, in ten-thousandths
    start_seconds BIGINT,                  -- how long it may take to start
    on_shelf BIGINT NOT NULL DEFAULT 1,
    remark TEXT NOT NULL DEFAULT '',
    created_by TEXT NOT NULL,
    revision BIGINT NOT NULL DEFAULT 1,
    created_ms BIGINT NOT NULL,
    changed_ms BIGINT NOT NULL
);

-- A container that somebody runs. The snapshot of entry and spec stays, whatever becomes of them.
CREATE TABLE instance (
    id BIGINT NOT NULL PRIMARY KEY,
    account_id BIGINT NOT NULL,
    owner TEXT NOT NULL,                   -- the account's name when it was made
    name TEXT COLLATE "BINARY" NOT NULL,
    request_key TEXT COLLATE "BINARY",     -- of the client: the same one makes no second instance
    entry_id BIGINT NOT NULL,
    spec_id BIGINT NOT NULL,
    node_id BIGINT NOT NULL,
    image TEXT NOT NULL,                   -- what runs, pinned by digest
    snapshot TEXT NOT NULL,                -- JSON: the entry and the spec as they were
    settings TEXT NOT NULL,                -- JSON: environment, command, ports, as asked for
    container_id TEXT,
    container_name TEXT NOT NULL,
    phase TEXT NOT NULL,                   -- queued, pulling, creating, starting, running, stopping, stopped, restarting, deleting, failed, lost
    desired TEXT NOT NULL,                 -- running, stopped, deleted
    reason TEXT,                           -- why it is so, as a code
    detail TEXT,
    with_devices BIGINT NOT NULL DEFAULT 1, -- 0: started without its cards
    holds_devices BIGINT NOT NULL DEFAULT 1, -- 0: stopped, its cards are free for others
    cpu_milli BIGINT NOT NULL,
    memory_mib BIGINT NOT NULL,
    split TEXT NOT NULL DEFAULT 'none',    -- none, unverified, verified, not-effective
    split_proof TEXT,                      -- JSON: each way in, and what it showed
    warnings TEXT NOT NULL DEFAULT '[]',   -- JSON: where the container is not as it was asked for
    exit_code BIGINT,
    oom_killed BIGINT NOT NULL DEFAULT 0,
    restarts BIGINT NOT NULL DEFAULT 0,
    started_ms BIGINT,                     -- by the engine's clock
    stopped_ms BIGINT,
    stop_at_ms BIGINT,                     -- asked for by its owner
    release_at_ms BIGINT,
    warned_ms BIGINT,
    revision BIGINT NOT NULL DEFAULT 1,
    created_ms BIGINT NOT NULL,
    changed_ms BIGINT NOT NULL
);
CREATE UNIQUE INDEX instance_name ON instance (account_id, name);
CREATE UNIQUE INDEX instance_request ON instance (account_id, request_key) WHERE request_key IS NOT NULL;
CREATE INDEX instance_node ON instance (node_id, id);
CREATE INDEX instance_entry ON instance (entry_id);
CREATE INDEX instance_spec ON instance (spec_id);

-- Which part of which card an instance has.
CREATE TABLE device_allocation (
    instance_id BIGINT NOT NULL REFERENCES instance (id) ON DELETE CASCADE,
    node_id BIGINT NOT NULL,
    uuid TEXT COLLATE "BINARY" NOT NULL,
    position BIGINT NOT NULL,              -- which card it is within the container
    memory_mib BIGINT,                     -- none: the whole card
    core_percent BIGINT,
    PRIMARY KEY (instance_id, uuid)
);
CREATE INDEX device_allocation_device ON device_allocation (node_id, uuid);

-- Which port of a node leads to an instance.
CREATE TABLE port_allocation (
    node_id BIGINT NOT NULL,
    host_port BIGINT NOT NULL,
    instance_id BIGINT NOT NULL REFERENCES instance (id) ON DELETE CASCADE,
    container_port BIGINT NOT NULL,
    PRIMARY KEY (node_id, host_port)
);
CREATE INDEX port_allocation_instance ON port_allocation (instance_id);

-- A volume that keeps somebody's data, also after its instance.
CREATE TABLE data_volume (
    name TEXT COLLATE "BINARY" NOT NULL PRIMARY KEY,
    node_id BIGINT NOT NULL,
    account_id BIGINT NOT NULL,
    instance_id BIGINT,                    -- none: not attached
    created_ms BIGINT NOT NULL
);
CREATE INDEX data_volume_account ON data_volume (account_id, name);
CREATE INDEX data_volume_instance ON data_volume (instance_id);
CREATE INDEX data_volume_node ON data_volume (node_id, name);

-- When instances ran: what is billed.
CREATE TABLE instance_period (
    instance_id BIGINT NOT NULL,
    started_ms BIGINT NOT NULL,            -- by the engine's clock
    ended_ms BIGINT,                       -- none: it runs
    account_id BIGINT NOT NULL,
    spec_id BIGINT NOT NULL,
    cards BIGINT NOT NULL,
    price BIGINT NOT NULL,                 -- for an hour, in ten-thousandths
    unknown_ms BIGINT NOT NULL DEFAULT 0,  -- how long after its end nobody could say whether it went on
    PRIMARY KEY (instance_id, started_ms)
);
CREATE INDEX instance_period_account ON instance_period (account_id, started_ms);

-- What an account may have at most; none is no limit.
CREATE TABLE library_quota (
    account_id BIGINT NOT NULL PRIMARY KEY REFERENCES account (id) ON DELETE CASCADE,
    instances BIGINT,
    cards BIGINT,
    hours BIGINT                           -- of cards, in a calendar month
);

-- The public key that an account logs in to its instances with.
CREATE TABLE ssh_key (
    account_id BIGINT NOT NULL PRIMARY KEY REFERENCES account (id) ON DELETE CASCADE,
    public_key TEXT NOT NULL,
    changed_ms BIGINT NOT NULL
);

-- A pull of an image by a node.
CREATE TABLE pull_job (
    id BIGINT NOT NULL PRIMARY KEY,
    node_id BIGINT NOT NULL,
    reference TEXT NOT NULL,               -- as the library names the image, pinned
    entry_id BIGINT,
    status TEXT NOT NULL,                  -- queued, resolving, downloading, extracting, succeeded, failed, canceled
    layers_total BIGINT,
    layers_done BIGINT NOT NULL DEFAULT 0,
    bytes_total BIGINT,
    bytes_done BIGINT NOT NULL DEFAULT 0,
    attempt BIGINT NOT NULL DEFAULT 1,
    error TEXT,                            -- as a code
    error_detail TEXT,
    created_by TEXT NOT NULL,
    created_ms BIGINT NOT NULL,
    started_ms BIGINT,
    finished_ms BIGINT
);
CREATE INDEX pull_job_node ON pull_job (node_id, id);
CREATE UNIQUE INDEX pull_job_active ON pull_job (node_id, reference) WHERE finished_ms IS NULL;
