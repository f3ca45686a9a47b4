//! The configuration as its users meet it: what they write, and what they are told.

use std::{collections::BTreeSet, fs, os::unix::fs::PermissionsExt};

use secrecy::ExposeSecret;

use super::{
    Config, Environment, Error,
    example::{EXAMPLE, example_environment, uncommented},
    parse,
    reader::{
        place::SourceLocation,
        tree::{ConfigEntry, ConfigNode, ConfigValue},
        typed,
    },
    sections,
};

fn config(text: &str) -> Config {
    parse(text, &Environment::default()).map_err(|error| told(&error)).unwrap().0
}

fn told(error: &Error) -> String {
    error.hint().map_or(error.to_string(), |hint| format!("{error}\nhint: {hint}"))
}

fn fault(text: &str) -> String {
    told(&parse(text, &Environment::default()).unwrap_err())
}

fn environment_fault<const N: usize>(variables: [(&str, &str); N]) -> String {
    told(&parse("", &Environment::from(variables)).unwrap_err())
}

fn shown(config: &Config) -> String {
    config.show().to_yaml()
}

#[test]
fn nothing_is_a_configuration() {
    let config = config("");
    assert_eq!(config.listen.as_str(), "127.0.0.1:5000");
    assert_eq!(config.hosted, ["local/"]);
    let aliases: Vec<_> =
        config.registries.values().filter_map(|registry| registry.alias.as_deref()).collect();
    assert_eq!(aliases, ["elastic", "docker", "gcr", "ghcr", "k8s-gcr", "mcr", "nvcr", "quay", "k8s"]);
}

#[test]
fn the_example_is_the_defaults() {
    assert_eq!(shown(&config(EXAMPLE)), shown(&config("")));
}

#[test]
fn the_example_holds_when_every_option_is_used() {
    let (config, warnings) =
        parse(&uncommented(EXAMPLE), &example_environment()).map_err(|e| told(&e)).unwrap();
    assert_eq!(warnings, []);
    assert!(config.s3.is_some() && config.database.is_some() && config.tls.is_some());
    assert!(config.registries[&"registry.example.com:5000".parse().unwrap()].mirror);
    assert_eq!(config.rules.set.rules().len(), 3);
    let hub = &config.registries[&"docker.io".parse().unwrap()];
    assert_eq!((hub.habits.reserve, hub.habits.chunk), (Some(10), Some(128 << 20)));
}

/// Asks every mapping of the example which keys it could have, by giving it one that it cannot.
#[test]
fn the_example_has_every_key() {
    let (mut root, mut paths) = (ConfigNode::parse(&uncommented(EXAMPLE)).unwrap(), Vec::new());
    maps(&root, &mut Vec::new(), &mut paths);
    let (mut known, mut there) = (BTreeSet::new(), BTreeSet::new());
    for path in paths {
        let path: Vec<&str> = path.iter().map(String::as_str).collect();
        // Hosts are not keys, and the items of a list are alike.
        let place = match path.as_slice() {
            ["registries"] | ["access", "workloads", _, "claims"] | ["tracing", "headers"] => continue,
            ["access", "workloads", _] => "access.workloads".to_owned(),
            ["registries", _, rest @ ..] => format!("registries.*.{}", rest.first().unwrap_or(&"")),
            ["modes", "when", _] => "modes.when".to_owned(),
            // A destination picks tags as a rule does.
            ["sync", .., "tags"] => "sync.tags".to_owned(),
            ["sync", _, rest @ ..] => format!("sync.{}", rest.first().unwrap_or(&"")),
            other => other.join("."),
        };
        let map = entries_at(&mut root, &path);
        there.extend(map.iter().map(|entry| format!("{place} {}", entry.key)));
        map.push(ConfigEntry {
            key: "?".into(),
            location: SourceLocation::Nowhere,
            node: ConfigNode::empty(),
        });
        let error = typed::read::<sections::File>(&root).err().unwrap();
        assert!(error.to_string().contains("unknown key `?`"), "{path:?}: {error}");
        known.extend(error.known_keys().iter().map(|key| format!("{place} {key}")));
        entries_at(&mut root, &path).pop();
    }
    assert!(known.len() > 30, "{known:?}");
    // They stand instead of others: `key_file`, `acme`.
    for other in ["secrets key", "tls cert", "tls key"] {
        known.remove(other);
    }
    assert_eq!(known, there);
}

fn maps(node: &ConfigNode, path: &mut Vec<String>, found: &mut Vec<Vec<String>>) {
    let mut step = |step: String, node: &ConfigNode| {
        path.push(step);
        maps(node, path, found);
        path.pop();
    };
    match &node.value {
        ConfigValue::Map(entries) => {
            entries.iter().for_each(|entry| step(entry.key.clone(), &entry.node));
            found.push(path.clone());
        }
        ConfigValue::List(items) => {
            items.iter().enumerate().for_each(|(index, item)| step(index.to_string(), item))
        }
        _ => {}
    }
}

fn entries_at<'a>(root: &'a mut ConfigNode, path: &[&str]) -> &'a mut Vec<ConfigEntry> {
    let node = path.iter().fold(root, |node, step| match &mut node.value {
        ConfigValue::List(items) => &mut items[step.parse::<usize>().unwrap()],
        ConfigValue::Map(entries) => &mut entries.iter_mut().find(|entry| entry.key == *step).unwrap().node,
        _ => unreachable!(),
    });
    match &mut node.value {
        ConfigValue::Map(entries) => entries,
        _ => unreachable!(),
    }
}

#[test]
fn what_is_shown_means_the_same() {
    let whole = shown(&parse(&uncommented(EXAMPLE), &example_environment()).unwrap().0);
    let again = whole.replace("database: \"***\"", "database: postgres://h/d");
    let again = again.replace("secret: \"***\"", "secret: a long enough secret");
    let again = again.replace("hmac: \"***\"", "hmac: c2VjcmV0");
    assert_eq!(shown(&config(&again)), whole);
    assert_eq!(serde_json::to_value(config(&again).show()).unwrap()["mirror"]["segments"], 8);
}

#[test]
fn secrets_are_neither_shown_nor_told() {
    let text = "database: postgres://u:canary@h/d
api_token: canary
blobs: {s3: {bucket: b, endpoint: 'https://s3.test', access_key: canary, secret_key: canary}}
registries: {quay.io: {credentials: [{username: u, password: canary}]}}
access:
  oidc: {issuer: 'https://id.test', client_id: i, client_secret: canary, users: [dev]}
  ldap: {url: 'ldaps://ldap.test', bind_dn: cn=r, bind_password: canary, base: dc=x, users: [cn=dev]}
webhooks:
  - {url: 'https://robot.test/canary?access_token=canary', secret: canary-canary-canary}
public_url: https://m.example.com
tls: {acme: {eab: {kid: k, hmac: canarycanary}}}
tracing: {otlp: 'http://127.0.0.1:4318', headers: {authorization: canary}}";
    let config = config(text);
    let json = serde_json::to_string(&config.show()).unwrap();
    for output in [format!("{config:?}"), shown(&config), json] {
        assert!(!output.contains("canary"), "{output}");
    }
    for bad in [
        "database: mysql://u:canary@h/d",
        "registries: {quay.io: {endpoints: ['https://u:canary@quay.io']}}",
        "registries: {quay.io: {endpoints: ['canary']}}",
        "registries: {quay.io: {credentials: {password: canary}}}",
        "registries: {quay.io: {credentials: [canary]}}",
        "registries: {quay.io: {insecure: canary}}",
        "mirror: {freshness: canary}",
        "blobs: {s3: {bucket: b, endpoint: 'canary'}}",
        "access: {ldap: {url: 'ldaps://u:canary@h', base: dc=x, users: [cn=dev]}}",
        "webhooks: [{url: canary}]",
        "webhooks: [{url: 'https://u:canary@h'}]",
        "webhooks: [{url: 'http://127.0.0.1/canary'}]",
        "webhooks: [{url: 'https://h', secret: canary}]",
        "access: {oidc: {issuer: 'https://u:canary@h', client_id: i, users: [dev]}}",
    ] {
        assert!(!fault(bad).contains("canary"), "{}", fault(bad));
    }
}

#[test]
fn a_password_is_what_was_written() {
    for (written, meant) in
        [("0123", "0123"), ("1_000", "1_000"), ("1e3", "1e3"), ("true", "true"), ("'x: y'", "x: y")]
    {
        let text = format!(
            "registries:\n  quay.io:\n    credentials:\n      - {{username: u, password: {written}}}\n"
        );
        let config = config(&text);
        let credentials = &config.registries[&"quay.io".parse().unwrap()].remote.credentials;
        assert_eq!(credentials[0].password.expose_secret(), meant);
    }
}

#[test]
fn sections_are_added_to_defaults() {
    let config = config(
        "registries:\n  index.docker.io: {insecure: true}\n  a.test: {}\n  b.test: {mirror: true}\n  gcr.io: {mirror: false}\n  quay.io:\n",
    );
    let registry = |host: &str| &config.registries[&host.parse().unwrap()];
    assert!(registry("docker.io").remote.insecure && registry("docker.io").mirror);
    assert_eq!(registry("docker.io").alias.as_deref(), Some("docker"));
    assert!(!registry("a.test").mirror && registry("b.test").mirror && registry("quay.io").mirror);
    assert!(!registry("gcr.io").mirror && registry("gcr.io").alias.is_none());
}

/// What is written, and what is told.
#[test]
fn the_environment_overrides_the_file() {
    let environment = Environment::from([
        ("ENTREPOT_LISTEN", "0.0.0.0:80"),
        ("ENTREPOT_MIRROR__FRESHNESS", "10m"),
        ("ENTREPOT_MIRROR__SEGMENTS", "2"),
        ("ENTREPOT_HOSTED", "[\"team/\"]"),
        ("ENTREPOT_BLOBS__S3__BUCKET", "0123"),
        ("ENTREPOT_BLOBS__S3__ENDPOINT", "https://s3.test"),
        ("ENTREPOT_BLOBS__S3__ACCESS_KEY", "a: b #c"),
        ("ENTREPOT_BLOBS__S3__SECRET_KEY", "1"),
        ("ENTREPOT_REGISTRIES__QUAY.IO__MIRROR", "false"),
        ("ENTREPOT_MIRROR__DOMAIN", ""),
        // Not ours, or not keys.
        ("ENTREPOT_CONFIG", "x"),
        ("ENTREPOT_LOG", "debug"),
        ("ENTREPOT_PORT", "tcp://10.0.0.1:5000"),
        ("ENTREPOT_SERVICE_HOST", "10.0.0.1"),
        ("LISTEN", "x"),
    ]);
    let config =
        parse("listen: 127.0.0.1:1\nmirror: {domain: m.test}", &environment).map_err(|e| told(&e)).unwrap().0;
    assert_eq!(config.listen.as_str(), "0.0.0.0:80");
    assert_eq!((config.mirror.freshness.as_secs(), config.mirror.segments), (600, 2));
    assert_eq!(config.mirror.domain, None);
    assert_eq!(config.hosted, ["team/"]);
    let s3 = config.s3.unwrap();
    assert_eq!((s3.bucket.as_str(), s3.access_key.unwrap().expose_secret()), ("0123", "a: b #c"));
    assert!(!config.registries[&"quay.io".parse().unwrap()].mirror);
}

#[test]
fn faults_of_the_environment_name_the_variable() {
    for (variable, value, expected) in [
        (
            "ENTREPOT_MIRROR__FRESHNES",
            "1h",
            "`ENTREPOT_MIRROR__FRESHNES`: `mirror`: unknown key `freshnes`\nhint: did you mean `freshness`?",
        ),
        (
            "ENTREPOT_MIROR__DOMAIN",
            "a",
            "`ENTREPOT_MIROR__DOMAIN`: unknown key `miror`\nhint: did you mean `mirror`?",
        ),
        (
            "ENTREPOT_LISTNE",
            "a",
            "`ENTREPOT_LISTNE`: no key of the configuration has this name\nhint: did you mean `ENTREPOT_LISTEN`?",
        ),
        (
            "ENTREPOT_MIRROR__SEGMENTS",
            "x",
            "`ENTREPOT_MIRROR__SEGMENTS`: `mirror.segments`: expected a whole number, found text",
        ),
        (
            "ENTREPOT_HOSTED",
            "[a",
            "`ENTREPOT_HOSTED`: this is not YAML\nhint: lists are written `[a, b]`, keys and values `{a: b}`",
        ),
        (
            "ENTREPOT_LISTEN",
            ":80",
            "`ENTREPOT_LISTEN`: `listen`: `:80` has no address\nhint: write `127.0.0.1:80` for this machine alone, `0.0.0.0:80` for all",
        ),
        (
            "ENTREPOT_DATABASE",
            "mysql://u:p@h",
            "`ENTREPOT_DATABASE`: `database`: this is not the URL of a PostgreSQL database\nhint: write `postgres://user:password@host/name`; leave it out to use SQLite in the data directory",
        ),
    ] {
        assert_eq!(environment_fault([(variable, value)]), expected);
    }
}

// Found by fuzzing.
#[test]
fn a_variable_with_a_strange_name_is_told_in_one_line() {
    let told = environment_fault([("ENTREPOT_MIRROR__\u{1b}\tX", "1")]);
    assert!(told.starts_with("`ENTREPOT_MIRROR__\\u{1b}\\tX`: "), "{told}");
    assert!(!told.contains('\u{1b}'), "{told}");
}

#[test]
fn secret_files_are_read_and_looked_at() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("secret");
    fs::write(&path, "pass word\n").unwrap();
    let text = format!(
        "registries: {{quay.io: {{credentials: [{{username: u, password: 'file:{}'}}]}}}}",
        path.display()
    );
    let read = |mode: u32| {
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        parse(&text, &Environment::default()).unwrap()
    };
    let (config, warnings) = read(0o600);
    assert_eq!(
        config.registries[&"quay.io".parse().unwrap()].remote.credentials[0].password.expose_secret(),
        "pass word"
    );
    assert_eq!(warnings, []);
    let (_, warnings) = read(0o644);
    assert_eq!(warnings[0].what, format!("secret file `{}` can be read by others", path.display()));
    fs::write(&path, "\n").unwrap();
    assert!(fault(&text).contains("is empty"));
    fs::remove_file(&path).unwrap();
    assert!(fault(&text).contains("does not exist"));
}

#[test]
fn secrets_of_variables_lose_a_line_end_as_those_of_files_do() {
    let text = "registries: {quay.io: {credentials: [{username: 'env:NAME', password: 'env:WORD'}]}}";
    let environment = Environment::from([("NAME", "me\n"), ("WORD", " pass word\r\n")]);
    let (config, _) = parse(text, &environment).unwrap();
    let credential = &config.registries[&"quay.io".parse().unwrap()].remote.credentials[0];
    assert_eq!((credential.username.as_str(), credential.password.expose_secret()), ("me", " pass word"));
}

#[test]
fn faults_are_one_line_whatever_they_repeat() {
    assert!(fault("\"a\\nb\\e[31m\": 1").contains(r"unknown key `a\nb\u{1b}[31m`"));
    assert!(fault("hosted: [\"a\\n/\"]").contains(r"`a\n/` cannot begin a name"));
    assert!(fault("hosted: [\"a\\nb\"]").contains(r"hint: write `a\nb/`"));
}

#[test]
fn rules_are_read_from_all_files_and_held_against_each_other() {
    let directory = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| fs::write(directory.path().join(name), text).unwrap();
    let rule = |name: &str, to: &str| format!("  - {{name: {name}, from: a.test/x/{name}, to: [{to}]}}\n");
    let load = || {
        super::load(Some(&directory.path().join("main.yaml")), &Environment::default(), Default::default())
    };
    let told_of = |error: Error| told(&error).replace(&format!("{}/", directory.path().display()), "");
    fs::create_dir(directory.path().join("rules")).unwrap();
    let main = format!("sync_files: ['rules/*.yaml', more.yaml]\nsync:\n{}", rule("one", "b.test/x/one"));
    write("main.yaml", &main);
    assert_eq!(
        told_of(load().unwrap_err()),
        "main.yaml:1:14: `sync_files.0`: no file fits `rules/*.yaml`\nhint: the path is seen from where this file is"
    );
    write("rules/b.yaml", &format!("sync:\n{}", rule("three", "b.test/x/three")));
    write("rules/a.yaml", &format!("# first\nsync:\n{}", rule("two", "b.test/x/two")));
    write("rules/other.txt", "?");
    assert!(told_of(load().unwrap_err()).starts_with("more.yaml: there is no such file\n"));
    write("more.yaml", "sync: []\n");
    let config = load().unwrap().config;
    let names: Vec<&str> = config.rules.set.rules().iter().map(|rule| rule.name.as_str()).collect();
    assert_eq!(names, ["one", "two", "three"]);
    assert_eq!(shown(&config).matches("name: ").count(), 3);

    write("rules/b.yaml", &format!("sync:\n\n{}", rule("two", "b.test/x/three")));
    assert_eq!(
        told_of(load().unwrap_err()),
        "rules/b.yaml:3:12: `sync.0.name`: `two` is already the name of another rule\nhint: every rule has its own"
    );
    write("rules/b.yaml", "sync: [{name: x, form: a.test/b/c, to: []}]\n");
    assert_eq!(
        told_of(load().unwrap_err()),
        "rules/b.yaml:1:18: `sync.0`: unknown key `form`\nhint: did you mean `from`?"
    );
}

#[test]
fn faults_in_rules_are_told_with_their_place() {
    for (text, message) in [
        (
            "sync:\n  - name: a\n    from: quay.io/x/a\n    tags: {match: '('}\n    to: [ghcr.io/x/a]",
            "line 4, column 19: `sync.0.tags.match`: ",
        ),
        (
            "sync:\n  - name: a\n    from: quay.io/x/a\n    to: [ghcr.io/x/a, {repository: ghcr.io/a}]",
            "line 4, column 36: `sync.0.to.1.repository`: ",
        ),
        (
            "sync_files: ['*/a.yaml']",
            "line 1, column 14: `sync_files.0`: `*/a.yaml` has wildcards in the name of a directory\n",
        ),
        ("registries: {a.test: {rate: 20}}", "line 1, column 29: `registries.a.test.rate`: "),
        (
            "registries: {a.test: {concurrency: 0}}",
            "line 1, column 36: `registries.a.test.concurrency`: this must be 1 or more\n",
        ),
        (
            "registries: {a.test: {chunk: 1MiB}}",
            "line 1, column 30: `registries.a.test.chunk`: this must be 5 MiB or more\n",
        ),
        (
            "registries: {a.test: {format: oci}}",
            "line 1, column 31: `registries.a.test.format`: `oci` is not one of ",
        ),
    ] {
        let told = fault(text);
        assert!(told.starts_with(message), "{told}");
    }
}
