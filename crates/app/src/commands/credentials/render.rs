//! Tables and sentences about credentials and keys.

use std::time::Duration;

use comfy_table::CellAlignment::{Left, Right};
use entrepot_api::{Credential, CredentialVerdict, CredentialVerification, PullQuota, SecretsStatus};

use crate::output::{self, Column};

/// A table of credentials.
pub(super) fn credentials(credentials: &[Credential]) -> String {
    if credentials.is_empty() {
        return "there are no stored credentials\n".to_owned();
    }
    let columns = [
        Column("NAME", Left),
        Column("REGISTRY", Left),
        Column("NAMESPACE", Left),
        Column("USER NAME", Left),
        Column("ENDPOINT", Left),
        Column("CHANGED", Left),
    ];
    let rows = credentials.iter().map(|credential| {
        vec![
            credential.name.clone(),
            credential.registry.clone(),
            credential.namespace.clone().unwrap_or_else(|| "all".to_owned()),
            credential.username.clone(),
            credential.endpoint.clone().unwrap_or_else(|| "its own".to_owned()),
            credential.changed.to_string(),
        ]
    });
    output::table(&columns, rows.collect())
}

/// What a registry says, and what is left of its budget.
pub(super) fn verification(name: &str, found: &CredentialVerification) -> String {
    let mut text = format!("`{name}`: {} (asked for: {})", found.verdict, found.step);
    if let Some(detail) = &found.detail {
        text = format!("{text}: {detail}");
    }
    let mut lines = output::line(&text);
    if let Some(quota) = found.quota {
        lines.push_str(&output::line(&budget(quota)));
    }
    if let Some(seconds) = found.retry_after {
        lines.push_str(&output::line(&format!("it wants to be left alone for {seconds} s")));
    }
    if let (CredentialVerdict::NotRequired, Some(hint)) = (found.verdict, &found.hint) {
        lines.push_str(&output::line(hint));
    }
    lines
}

fn budget(PullQuota { limit, remaining, window }: PullQuota) -> String {
    match window {
        Some(seconds) => {
            let window = humantime::format_duration(Duration::from_secs(seconds));
            format!("{remaining} of {limit} pulls are left, in {window}")
        }
        None => format!("{remaining} of {limit} pulls are left"),
    }
}

/// The keys, and where they are.
pub(super) fn status(status: &SecretsStatus) -> String {
    let place = match &status.key_file {
        Some(file) => format!("the key file is `{file}`"),
        None => "the key is part of the configuration".to_owned(),
    };
    let columns = [Column("KEY", Left), Column("STATE", Left), Column("VALUES", Right)];
    let rows = status.keys.iter().map(|key| {
        let state = match (key.current, key.present) {
            (true, _) => "seals",
            (false, true) => "only opens",
            (false, false) => "missing",
        };
        vec![key.id.clone(), state.to_owned(), key.values.to_string()]
    });
    format!("{}{}", output::line(&place), output::table(&columns, rows.collect()))
}

/// What came of a rotation.
pub(super) fn rotated(status: &SecretsStatus) -> String {
    let current = status.keys.iter().find(|key| key.current);
    let told = current.map_or_else(String::new, |key| {
        format!("everything is sealed with the new key `{}`: {} values\n", key.id, key.values)
    });
    let file = status.key_file.as_deref().unwrap_or_default();
    format!(
        "{told}keep a copy of `{file}`, and the one so far as long as you keep backups of the database from before\n"
    )
}
