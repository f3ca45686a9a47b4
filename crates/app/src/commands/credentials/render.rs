//! Tables and sentences about credentials and keys.

use std::time::Duration;

use comfy_table::CellAlignment::{Left, Right};
use entrepot_api::{Credential, CredentialVerdict, CredentialVerification, PullQuota, SecretsStatus};

use crate::{
    failure::told,
    output::{self, Column, sentence, word},
};

/// A table of credentials.
pub(super) fn credentials(credentials: &[Credential]) -> String {
    if credentials.is_empty() {
        return sentence!("there are no stored credentials") + "\n";
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
            credential.namespace.clone().unwrap_or_else(|| word("all")),
            credential.username.clone(),
            credential.endpoint.clone().unwrap_or_else(|| word("its own")),
            credential.changed.to_string(),
        ]
    });
    output::table(&columns, rows.collect())
}

/// What a registry says, and what is left of its budget.
pub(super) fn verification(name: &str, found: &CredentialVerification) -> String {
    let mut text = sentence!(
        "`{name}`: {verdict} (asked for: {step})",
        name = name,
        verdict = word(found.verdict),
        step = word(found.step)
    );
    if let Some(detail) = &found.detail {
        text = format!("{text}: {}", told(detail));
    }
    let mut lines = output::line(&text);
    if let Some(quota) = found.quota {
        lines.push_str(&output::line(&budget(quota)));
    }
    if let Some(seconds) = found.retry_after {
        let alone = sentence!("it wants to be left alone for {seconds} s", seconds = seconds);
        lines.push_str(&output::line(&alone));
    }
    if let (CredentialVerdict::NotRequired, Some(hint)) = (found.verdict, &found.hint) {
        lines.push_str(&output::line(&told(hint)));
    }
    lines
}

fn budget(PullQuota { limit, remaining, window }: PullQuota) -> String {
    match window {
        Some(seconds) => {
            let window = humantime::format_duration(Duration::from_secs(seconds));
            sentence!(
                "{left} of {limit} pulls are left, in {time}",
                left = remaining,
                limit = limit,
                time = window
            )
        }
        None => sentence!("{left} of {limit} pulls are left", left = remaining, limit = limit),
    }
}

/// The keys, and where they are.
pub(super) fn status(status: &SecretsStatus) -> String {
    let place = match &status.key_file {
        Some(file) => sentence!("the key file is `{file}`", file = file),
        None => sentence!("the key is part of the configuration"),
    };
    let columns = [Column("KEY", Left), Column("STATE", Left), Column("VALUES", Right)];
    let rows = status.keys.iter().map(|key| {
        let state = match (key.current, key.present) {
            (true, _) => word("seals"),
            (false, true) => word("only opens"),
            (false, false) => word("missing"),
        };
        vec![key.id.clone(), state, key.values.to_string()]
    });
    format!("{}{}", output::line(&place), output::table(&columns, rows.collect()))
}

/// What came of a rotation.
pub(super) fn rotated(status: &SecretsStatus) -> String {
    let current = status.keys.iter().find(|key| key.current);
    let sealed = current.map_or_else(String::new, |key| {
        let sealed = sentence!(
            "everything is sealed with the new key `{key}`: {count} values",
            key = key.id,
            count = key.values
        );
        sealed + "\n"
    });
    let file = status.key_file.as_deref().unwrap_or_default();
    let keep = sentence!(
        "keep a copy of `{file}`, and the one so far as long as you keep backups of the database from before",
        file = file
    );
    format!("{sealed}{keep}\n")
}
