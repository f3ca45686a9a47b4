-- Changes of an API token that are meant for one state of it.
ALTER TABLE api_token ADD COLUMN revision BIGINT NOT NULL DEFAULT 1;
