//! Properties that hold for any text as a configuration, as functions that panic if violated.
//!
//! Shared by the property tests below and the target `config` in `fuzz/`, which includes this module by its path. It is
//! built only for tests and fuzzing.

use entrepot_webhooks::Webhook;
use secrecy::ExposeSecret;

use super::{environment::Environment, listen::Listen, load::parse, reader::error::Error, types::Config};

/// Any text as the file, with any variable: an error is one line, and a valid configuration can be written and read
/// again.
pub(crate) fn text(text: &str, variable: Option<(&str, &str)>) {
    // Secrets in other files cannot be checked from this text.
    if text.contains("file") || variable.is_some_and(|(_, value)| value.contains("file")) {
        return;
    }
    let environment = variable.map_or_else(Environment::default, |variable| Environment::from([variable]));
    match parse(text, &environment) {
        Ok((config, _)) => valid(&config, text),
        Err(error) => said_plainly(&error),
    }
}

fn said_plainly(error: &Error) {
    let (what, hint) = (error.to_string(), error.hint().unwrap_or_default());
    assert!(!what.is_empty());
    for line in [what.as_str(), hint] {
        assert!(!line.chars().any(char::is_control), "not one line: {line:?}");
    }
}

fn valid(config: &Config, text: &str) {
    assert!(config.listen.as_str().parse::<Listen>().is_ok_and(|again| again == config.listen));
    assert!(config.registries.contains_key(&config.mirror.default_upstream));
    for prefix in &config.hosted {
        let name = prefix.strip_suffix('/').unwrap_or_default();
        assert!(name.parse::<entrepot_oci::Repository>().is_ok(), "{prefix:?}");
    }
    let shown = config.show().to_yaml();
    keeps_secrets(config, text, &shown);
    // A database and the secret of a webhook are shown as `***`, which do not parse.
    if config.database.is_none() && !config.webhooks.meant.iter().any(Webhook::is_signed) {
        match parse(&shown, &Environment::default()) {
            Ok((again, _)) => {
                assert_eq!(again.show().to_yaml(), shown);
                assert_eq!(
                    (&again.data, &again.mirror, &again.log),
                    (&config.data, &config.mirror, &config.log)
                );
                for (host, registry) in &config.registries {
                    let again = again.registries.get(host).map(|again| &again.freshness);
                    assert_eq!(again, Some(&registry.freshness), "{host}");
                }
            }
            Err(error) => panic!("what was shown cannot be read: {error}\n{shown}"),
        }
    }
}

// Only passwords that cannot occur by chance: long, and written once.
fn keeps_secrets(config: &Config, text: &str, shown: &str) {
    let debug = format!("{config:?}");
    let credentials = config.registries.values().flat_map(|registry| &registry.remote.credentials);
    for secret in credentials.map(|credential| credential.password.expose_secret()) {
        let is_telling = secret.len() >= 8 && text.matches(secret).count() == 1;
        assert!(!is_telling || !shown.contains(secret) && !debug.contains(secret), "a password is shown");
    }
}

#[cfg(test)]
mod tests {
    use proptest::{
        option,
        prelude::*,
        sample::{select, subsequence},
    };

    // Sections of a file, a few of each, so that some files have one twice and most are nearly right.
    const SECTIONS: [&str; 27] = [
        "listen: 127.0.0.1:5000",
        "listen: ':5000'",
        "data: ./data",
        "data: \"a\\n\\x7f\\u0085b\"",
        "data: 'it''s: \"here\" # '",
        "hosted: [local/, a/b/]",
        "hosted: [\"A\\n/\"]",
        "database: postgres://u:p@h/d",
        "tls: {cert: a.pem, key: b.pem}",
        "tls:\n  cert: a.pem",
        "log:\n  format: json\n  level: debug",
        "log: {level: \"de\\nbug\"}",
        "mirror: {domain: m.example.com, default_upstream: quay.io, freshness: 10m}",
        "mirror:\n  stale_for: 1s 1ns\n  freshness: 1500us\n  segments: 16",
        "mirror: {freshness: 500years, stale_for: 0s}",
        "mirror: {segments: 0x0}",
        "registries:\n  quay.io: {mirror: true, alias: q}\n  '[0::1]:5000': {endpoints: ['http://[::1]:5000']}",
        "registries:\n  lan.example:5000:\n    credentials:\n      - {username: u, password: correct-horse}",
        "registries:\n  a.io:\n    endpoints: ['https://u:hunter22hunter@h']",
        "registries:\n  a.io:\n    tags:\n    - {tag: 'v*', immutable: true}\n    - {repository: '**', freshness: 1h}",
        "registries: {a.io: {tags: [{tag: '['}]}}",
        "registries: {? [a] : b}",
        "blobs: {s3: {bucket: b, endpoint: 'http://h:9000', region: r, access_key: a, secret_key: s}}",
        "\"a\\x1b[31m\": 1",
        "<<: {data: x}",
        "\t",
        "---",
    ];
    const VARIABLES: [(&str, &str); 8] = [
        ("ENTREPOT_LISTEN", "0.0.0.0:80"),
        ("ENTREPOT_HOSTED", "[a/, \"b\\n/\"]"),
        ("ENTREPOT_MIRROR__SEGMENTS", "4"),
        ("ENTREPOT_MIRROR__", "x"),
        ("ENTREPOT___", "x"),
        ("ENTREPOT_LISTNE", "x"),
        ("ENTREPOT_REGISTRIES__QUAY.IO__MIRROR", "false"),
        ("ENTREPOT_LOG__LEVEL", "\"\\e[31m\""),
    ];

    fn file() -> impl Strategy<Value = Vec<&'static str>> {
        subsequence(SECTIONS.as_slice(), 0..5)
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn of_files(sections in file(), variable in option::of(select(VARIABLES.as_slice()))) {
            super::text(&sections.join("\n"), variable);
        }

        #[test]
        fn of_any_text(text in "[ -~\\n\\t]{0,60}|.{0,30}", value in option::of("[\\[{\"' -~]{0,20}")) {
            super::text(&text, value.as_deref().map(|value| ("ENTREPOT_DATA", value)));
        }
    }
}
