//! The example file, for tests.

use super::Environment;

pub(super) const EXAMPLE: &str = include_str!("../../../../entrepot.example.yaml");

/// Takes the `#` from options; text comments have exactly one space behind it.
pub(super) fn uncommented(text: &str) -> String {
    let lines = text.lines().map(|line| match line.trim_start().strip_prefix('#') {
        Some(rest) if !rest.starts_with(' ') || rest.starts_with("  ") => line.replacen('#', "", 1),
        _ => line.to_owned(),
    });
    // The files are not there.
    let text = lines.collect::<Vec<_>>().join("\n");
    ["[\"rules/*.yaml\"]", "[allows.txt]", "[denies.txt]", "[mirror.txt]", "[exclude.txt]"]
        .iter()
        .fold(text, |text, list| text.replace(list, "[]"))
}

/// The variables that it names.
pub(super) fn example_environment() -> Environment {
    Environment::from([
        ("S3_ACCESS_KEY", "a"),
        ("S3_SECRET_KEY", "b"),
        ("DATABASE_URL", "postgres://u:p@h/d"),
        ("DOCKERHUB_TOKEN", "t"),
        ("ORG_TOKEN", "t"),
        ("API_TOKEN", "t"),
        ("OIDC_SECRET", "s"),
        ("LDAP_PASSWORD", "p"),
        ("OTLP_TOKEN", "Bearer t"),
        ("PROXY_PASSWORD", "p"),
        ("ACME_HMAC", "c2VjcmV0"),
        ("WEBHOOK_URL", "https://hooks.example/key"),
        ("WEBHOOK_SECRET", "a long enough secret"),
    ])
}
