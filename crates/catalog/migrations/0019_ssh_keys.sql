-- Nothing ever wrote into the one before, which could not tell whose a key is.
DROP TABLE ssh_key;

-- The public key that an account reaches its instances with by SSH. No secret.
CREATE TABLE ssh_key (
    account_id BIGINT NOT NULL PRIMARY KEY REFERENCES account (id) ON DELETE CASCADE,
    key_line TEXT NOT NULL,                                   -- algorithm, base64, comment
    fingerprint TEXT COLLATE "BINARY" NOT NULL UNIQUE,        -- SHA256:…; whoever shows the key is one account
    created_ms BIGINT NOT NULL
);
