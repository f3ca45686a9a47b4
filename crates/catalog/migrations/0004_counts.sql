-- What a repository has, counted, so that a listing of many need not look at all their rows.
--
-- A change adds a row to repository_change in its own transaction, and the counts follow a little later. A count in the
-- repository's row itself would have all pushes to one repository wait for each other.

ALTER TABLE repository ADD COLUMN tags BIGINT NOT NULL DEFAULT 0;
ALTER TABLE repository ADD COLUMN manifests BIGINT NOT NULL DEFAULT 0;
ALTER TABLE repository ADD COLUMN blobs BIGINT NOT NULL DEFAULT 0;
ALTER TABLE repository ADD COLUMN bytes BIGINT NOT NULL DEFAULT 0; -- of manifests and blobs, each digest once
ALTER TABLE repository ADD COLUMN pulls BIGINT NOT NULL DEFAULT 0;
ALTER TABLE repository ADD COLUMN last_used_ms BIGINT;

-- Repositories whose counts are older than their rows; one may be here many times.
CREATE TABLE repository_change (
    id BIGINT NOT NULL PRIMARY KEY,        -- rises with time
    repository_id BIGINT NOT NULL          -- may be gone by now
);

UPDATE repository SET tags = counted.tags, manifests = counted.manifests, blobs = counted.blobs, bytes = counted.bytes,
    pulls = counted.pulls, last_used_ms = counted.last_used_ms
FROM (
    SELECT r.id, COALESCE(t.number, 0) AS tags, COALESCE(m.number, 0) AS manifests, COALESCE(b.number, 0) AS blobs,
        COALESCE(m.bytes, 0) + COALESCE(b.bytes, 0) - COALESCE(twice.bytes, 0) AS bytes,
        COALESCE(m.pulls, 0) AS pulls, m.last_used_ms
    FROM repository r
    LEFT JOIN (SELECT repository_id, COUNT(*) AS number FROM tag GROUP BY repository_id) t ON t.repository_id = r.id
    LEFT JOIN (
        SELECT repository_id, COUNT(*) AS number, SUM(size) AS bytes, SUM(pulls) AS pulls, MAX(last_used_ms) AS last_used_ms
        FROM manifest GROUP BY repository_id
    ) m ON m.repository_id = r.id
    LEFT JOIN (
        SELECT repository_id, COUNT(*) AS number, SUM(size) AS bytes FROM blob GROUP BY repository_id
    ) b ON b.repository_id = r.id
    LEFT JOIN (
        SELECT m.repository_id, SUM(b.size) AS bytes
        FROM manifest m JOIN blob b ON b.digest = m.digest AND b.repository_id = m.repository_id GROUP BY m.repository_id
    ) twice ON twice.repository_id = r.id
) counted
WHERE counted.id = repository.id;
