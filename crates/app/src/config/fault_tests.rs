//! What is told about a text that is no configuration.

use super::{Environment, parse};

fn fault(text: &str) -> String {
    let error = parse(text, &Environment::default()).unwrap_err();
    error.hint().map_or(error.to_string(), |hint| format!("{error}\nhint: {hint}"))
}

const FAULTS: &[(&str, &str)] = &[
    (
        "api_token: ' '",
        "line 1, column 12: `api_token`: this is empty\nhint: choose a long one: `openssl rand -hex 24`",
    ),
    (
        "mirror:\n  freshnes: 1h\n",
        "line 2, column 3: `mirror`: unknown key `freshnes`\nhint: did you mean `freshness`?",
    ),
    (
        "tls: {c: x}",
        "line 1, column 7: `tls`: unknown key `c`\nhint: the keys here are `cert`, `key` and `acme`",
    ),
    (
        "port: 5000",
        "line 1, column 1: unknown key `port`\nhint: the keys here are `listen`, `data`, `blobs`, `database`, `mirror`, `hosted`, `names`, `public_url`, `notice`, `registries`, `rules`, `limits`, `requests`, `keep`, `modes`, `sync`, `sync_files`, `migrate`, `api_token`, `access`, `library`, `webhooks`, `secrets`, `tls`, `tracing` and `log`",
    ),
    (
        "mirror: {freshness: soon}",
        "line 1, column 21: `mirror.freshness`: this is not a duration\nhint: write a number and a unit: `90s`, `10m`, `1h`, `7d`",
    ),
    (
        "modes: {when: [{disk: 95, mode: closed}]}",
        "line 1, column 23: `modes.when.0.disk`: this is a part, such as `95%` or `0.5%`",
    ),
    (
        "modes: {when: [{disk: 95%, load: 2%, mode: closed}]}",
        "line 1, column 16: `modes.when.0`: a condition has one of `disk`, `budget` and `load`\nhint: write `{disk: 95%, mode: cached-only}`, `{budget: 10%, mode: small-only}` or `{load: 400%, mode: small-only}`",
    ),
    (
        "notice: ''",
        "line 1, column 9: `notice`: this is one line of 500 characters at most\nhint: leave it out to say nothing",
    ),
    ("mirror: {segments: many}", "line 1, column 20: `mirror.segments`: expected a whole number, found text"),
    (
        "mirror: {segments: 0}",
        "line 1, column 20: `mirror.segments`: this must be 1 or more\nhint: 1 means one connection for each blob",
    ),
    ("mirror: [1]", "line 1, column 9: `mirror`: expected keys and values, found a list"),
    (
        "hosted: local/",
        "line 1, column 9: `hosted`: expected a list, found text\nhint: write `[…]`, or one `- …` a line",
    ),
    (
        "hosted: [local/, quay.io/]",
        "line 1, column 18: `hosted.1`: names below `quay.io/` are those of the mirrored registry `quay.io`\nhint: choose another prefix, or write `quay.io: {mirror: false}` under `registries`",
    ),
    (
        "hosted: [index.docker.io/team/]",
        "line 1, column 10: `hosted.0`: names below `index.docker.io/team/` are those of the mirrored registry `docker.io`\nhint: choose another prefix, or write `docker.io: {mirror: false}` under `registries`",
    ),
    (
        "names: ['mirror.lan:5000']",
        "line 1, column 9: `names.0`: `mirror.lan:5000` is not a host name\nhint: write the name alone, without scheme, port and path: `mirror.lan`",
    ),
    (
        "public_url: https://m.example.com/registry",
        "line 1, column 13: `public_url`: this URL has more than a scheme, a host and a port\nhint: write what clients ask for, without path: `https://m.example.com`",
    ),
    (
        "public_url: m.example.com",
        "line 1, column 13: `public_url`: this is not a URL with a scheme and a host\nhint: write what clients ask for, without path: `https://m.example.com`",
    ),
    (
        "access: {trusted_proxies: ['*']}",
        "line 1, column 28: `access.trusted_proxies.0`: it is not an address or a network, such as `10.0.0.7`, `10.0.0.0/8` or `fd00::/8`",
    ),
    (
        "access: {sessions: {idle: 1s}}",
        "line 1, column 27: `access.sessions.idle`: this must be 5 minutes or more",
    ),
    ("hosted: [local]", "line 1, column 10: `hosted.0`: `local` does not end in `/`\nhint: write `local/`"),
    (
        "log: {level: loud}",
        "line 1, column 14: `log.level`: `loud` is not one of `error`, `warn`, `info`, `debug` and `trace`",
    ),
    (
        "log: {format: jsn}",
        "line 1, column 15: `log.format`: `jsn` is not one of `text` and `json`\nhint: did you mean `json`?",
    ),
    (
        "listen: 5000",
        "line 1, column 9: `listen`: `5000` has no address\nhint: write `127.0.0.1:5000` for this machine alone, `0.0.0.0:5000` for all",
    ),
    (
        "tls: {cert: a}",
        "line 1, column 6: `tls`: `cert` is there and `key` is not\nhint: TLS needs both files",
    ),
    (
        "tls: {acme: {}}",
        "line 1, column 13: `tls.acme`: a certificate is for a name, and there is no `public_url`\nhint: say what clients call this server: `public_url: https://m.example.com`",
    ),
    (
        "tls: {acme: {eab: {kid: a, hmac: CANARY!}}}",
        "line 1, column 34: `tls.acme.eab.hmac`: the key is not base64url\nhint: copy it as the authority shows it, and keep it out of this file: `env:NAME`",
    ),
    (
        "tls: {cert: a, key: \"-----BEGIN PRIVATE KEY-----\\nCANARY\"}",
        "line 1, column 21: `tls.key`: this is the content of a file, not its path\nhint: write it into a file that only the server can read, and its path here",
    ),
    (
        "database: mysql://h/d",
        "line 1, column 11: `database`: this is not the URL of a PostgreSQL database\nhint: write `postgres://user:password@host/name`; leave it out to use SQLite in the data directory",
    ),
    (
        "mirror: {default_upstream: a.test}",
        "line 1, column 28: `mirror.default_upstream`: `a.test` is not an upstream\nhint: write `a.test: {mirror: true}` under `registries`",
    ),
    (
        "mirror: {domain: 'https://m.test'}",
        "line 1, column 18: `mirror.domain`: `https://m.test` is not a domain name\nhint: write the name alone, without scheme, port and path: `m.example.com`",
    ),
    (
        "registries: {a.test: {alias: docker}}",
        "line 1, column 30: `registries.a.test.alias`: alias `docker` is already that of `docker.io`\nhint: every alias names one registry",
    ),
    (
        "registries: {a.test: {alias: a_b}}",
        "line 1, column 30: `registries.a.test.alias`: `a_b` is not a DNS label\nhint: an alias has lower-case letters, digits and dashes, and 63 of them at most",
    ),
    (
        "registries: {a.test: {alias: a, mirror: false}}",
        "line 1, column 41: `registries.a.test.mirror`: an alias is given, so this cannot be `false`\nhint: an alias is the name that a mirrored registry has here: leave out one of the two",
    ),
    (
        "registries: {https://a.test: {}}",
        "line 1, column 30: `registries.https://a.test`: a registry host is a domain name or an address, with an optional `:port`\nhint: write the host alone, without scheme and path: `quay.io`, `registry.example.com:5000`",
    ),
    (
        "registries:\n  docker.io: {}\n  index.docker.io: {}\n",
        "line 3, column 20: `registries.index.docker.io`: `docker.io` is there twice\nhint: put both into one section",
    ),
    (
        "registries: {a.test: {endpoints: ['https://a.test/Hub']}}",
        "line 1, column 35: `registries.a.test.endpoints.0`: the path of this URL cannot be the beginning of repository names\nhint: write what stands before the names there: `https://mirror.example.com/docker.io`",
    ),
    (
        "blobs: {s3: {bucket: b, endpoint: 'https://s3.test/b'}}",
        "line 1, column 35: `blobs.s3.endpoint`: this URL has a path\nhint: leave it out: `https://host:port`",
    ),
    (
        "registries: {a.test: {tags: [{tag: '[a'}]}}",
        "line 1, column 36: `registries.a.test.tags.0.tag`: `[a` is not a pattern\nhint: `*` stands for anything within a part of the name, `**` for any number of parts",
    ),
    (
        "registries: {a.test: {tags: [{immutable: true, freshness: 1h}]}}",
        "line 1, column 30: `registries.a.test.tags.0`: `immutable` and `freshness` are both there\nhint: an immutable tag is never asked for again, so it has no freshness",
    ),
    (
        "registries: {a.test: {credentials: [{username: u}]}}",
        "line 1, column 37: `registries.a.test.credentials.0`: key `password` is missing",
    ),
    (
        "registries: {a.test: {credentials: [{username: u, password: 'env:NOPE'}]}}",
        "line 1, column 61: `registries.a.test.credentials.0.password`: environment variable `NOPE` is not set\nhint: set it where the server is started, or use `file:PATH`",
    ),
    (
        "registries: {a.test: {credentials: [{username: 'env:NOPE', password: p}]}}",
        "line 1, column 48: `registries.a.test.credentials.0.username`: environment variable `NOPE` is not set\nhint: set it where the server is started, or use `file:PATH`",
    ),
    (
        "registries: {a.test: {endpoints: ['https://b.test', 'http://a.test'], credentials: [{username: u, password: p}]}}",
        "line 1, column 85: `registries.a.test.credentials.0`: it is not said which endpoint this account is for\nhint: not every endpoint is `a.test` itself, and no other one is shown an account unless it is named: write `endpoint: https://b.test` or `endpoint: http://a.test` beside the user name",
    ),
    (
        "registries: {a.test: {endpoints: ['https://b.test'], credentials: [{username: u, password: p, endpoint: 'https://c.test'}]}}",
        "line 1, column 105: `registries.a.test.credentials.0.endpoint`: the `endpoint` of this account is not one of `endpoints`\nhint: write `endpoint: https://b.test`",
    ),
    (
        "registries: {a.test: {credentials: [{username: u, password: p, endpoint: 'https://a.test'}]}}",
        "line 1, column 74: `registries.a.test.credentials.0.endpoint`: the `endpoint` of this account is not one of `endpoints`\nhint: write it under `endpoints` too",
    ),
    (
        "registries: {a.test: {credentials: [{username: u, password: p, endpoint: 'https://u:canary@a.test'}]}}",
        "line 1, column 74: `registries.a.test.credentials.0.endpoint`: this URL has a user name or password in it\nhint: accounts have keys of their own: `credentials`, or `access_key` and `secret_key`",
    ),
    ("blobs: {s3: {bucket: b}}", "line 1, column 13: `blobs.s3`: key `endpoint` is missing"),
    (
        "blobs: {s3: {bucket: b, endpoint: 'https://s.test', access_key: a}}",
        "line 1, column 13: `blobs.s3`: `access_key` and `secret_key` go together\nhint: leave out both to use the `AWS_…` variables or the machine's role",
    ),
];

#[test]
fn faults_are_told_with_place_and_way_out() {
    for (text, expected) in FAULTS {
        assert_eq!(fault(text), *expected, "{text}");
    }
}

#[test]
fn what_is_not_yaml_is_told_with_its_place() {
    let hint = "\nhint: indent with spaces, and put quotes around text that has `: `, `#`, `{` or `[` in it";
    for (text, expected) in [
        ("a: b: c", "line 1, column 5: not YAML: mapping values are not allowed in this context"),
        ("listen: 'x", "line 1, column 9: not YAML: unclosed quote"),
        (
            "mirror:\n\tsegments: 1",
            "line 2, column 2: not YAML: tabs disallowed within this context (block indentation)",
        ),
        ("[", "line 1, column 1: not YAML: unclosed bracket '['"),
    ] {
        assert_eq!(fault(text), format!("{expected}{hint}"), "{text:?}");
    }
    assert_eq!(
        fault("tls: {}\ntls: {}"),
        "line 2, column 1: key `tls` is there twice\nhint: put both into one"
    );
    let two = "line 3, column 1: a second document begins here\nhint: a configuration is one document: remove the `---`";
    assert_eq!(fault("tls:\n---\nlog:"), two);
    assert_eq!(fault("- a"), "line 1, column 1: expected keys and values, found a list");
}
