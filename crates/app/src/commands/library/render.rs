//! Tables and sentences about entries.

use comfy_table::CellAlignment::{Left, Right};
use entrepot_api::{Entry, EntryCheck, EntryImport};

use crate::output::{self, Column};

/// A table of entries.
pub(super) fn entries(entries: &[Entry]) -> String {
    if entries.is_empty() {
        return "there are no entries\n".to_owned();
    }
    let columns = [
        Column("ID", Right),
        Column("NAME", Left),
        Column("IMAGE", Left),
        Column("SIZE", Right),
        Column("CHECK", Left),
        Column("SPLIT", Left),
        Column("SHELF", Left),
    ];
    let rows = entries.iter().map(|entry| {
        vec![
            entry.id.to_string(),
            entry.name.clone(),
            entry.image.clone(),
            size(entry.check.size),
            entry.check.status.to_string(),
            if entry.memory_split { entry.check.split.as_str() } else { "-" }.to_owned(),
            shelf(entry).to_owned(),
        ]
    });
    output::table(&columns, rows.collect())
}

fn size(bytes: Option<u64>) -> String {
    bytes.map_or_else(|| "-".to_owned(), output::size)
}

fn shelf(entry: &Entry) -> &'static str {
    if entry.on_shelf { "on" } else { "off" }
}

/// What a new entry is.
pub(super) fn added(entry: &Entry) -> String {
    let stored = if entry.credential.is_some() { ", with a stored login" } else { "" };
    let line = output::line(&format!("entry {}: `{}`, {}{stored}", entry.id, entry.name, entry.image));
    line + &advice(entry)
}

/// What an entry is after its change.
pub(super) fn changed(entry: &Entry) -> String {
    let split = if entry.memory_split { ", memory may be split" } else { "" };
    let line = format!(
        "entry {} is now `{}`, {}{split}, {} the shelf",
        entry.id,
        entry.name,
        entry.image,
        shelf(entry)
    );
    output::line(&line) + &advice(entry)
}

/// What a check found.
pub(super) fn checked(entry: &Entry) -> String {
    let EntryCheck { status, error, digest, platforms, size, built, quota, split, accelerator, .. } =
        &entry.check;
    let mut lines = output::line(&format!("entry {}: {}: {status}", entry.id, entry.image));
    let mut row = |name: &str, value: Option<String>| {
        if let Some(value) = value {
            lines.push_str(&output::line(&format!("  {name}: {value}")));
        }
    };
    row("why", error.clone());
    row("digest", digest.clone());
    row("size", size.map(output::size));
    let all: Vec<_> = platforms.iter().map(|one| one.platform.as_str()).collect();
    row("platforms", Some(all.join(", ")).filter(|all| !all.is_empty()));
    row("built", built.map(|built| built.to_string()));
    row("made for", Some(accelerator.to_string()));
    row("memory can be split", Some(split.to_string()));
    row("pulls left", quota.map(|quota| format!("{} of {}", quota.remaining, quota.limit)));
    lines + &advice(entry)
}

fn advice(entry: &Entry) -> String {
    let line = |detail: &str, hint: &str| output::line(&format!("  note: {detail}; {hint}"));
    entry.advice.iter().map(|one| line(&one.detail, &one.hint)).collect()
}

/// What an import did.
pub(super) fn imported(done: &EntryImport) -> String {
    let what = if done.dry_run { "would be" } else { "are" };
    format!("{} new entries and {} changes {what} stored\n", done.added, done.changed)
}
