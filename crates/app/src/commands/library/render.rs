//! Tables and sentences about entries.

use comfy_table::CellAlignment::{Left, Right};
use entrepot_api::{Entry, EntryCheck, EntryImport};

use crate::{
    failure::told,
    output::{self, Column, sentence, word},
};

/// A table of entries.
pub(super) fn entries(entries: &[Entry]) -> String {
    if entries.is_empty() {
        return sentence!("there are no entries") + "\n";
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
            word(entry.check.status),
            if entry.memory_split { word(entry.check.split) } else { "-".to_owned() },
            if entry.on_shelf { word("on") } else { word("off") },
        ]
    });
    output::table(&columns, rows.collect())
}

fn size(bytes: Option<u64>) -> String {
    bytes.map_or_else(|| "-".to_owned(), output::size)
}

/// What a new entry is.
pub(super) fn added(entry: &Entry) -> String {
    let (id, name, image) = (entry.id, &entry.name, &entry.image);
    let mut line = sentence!("entry {id}: `{name}`, {image}", id = id, name = name, image = image);
    if entry.credential.is_some() {
        line += &sentence!(", with a stored login");
    }
    output::line(&line) + &advice(entry)
}

/// What an entry is after its change.
pub(super) fn changed(entry: &Entry) -> String {
    let (id, name, image) = (entry.id, &entry.name, &entry.image);
    let mut facts =
        vec![sentence!("entry {id} is now `{name}`, {image}", id = id, name = name, image = image)];
    facts.extend(entry.memory_split.then(|| sentence!("memory may be split")));
    facts.push(if entry.on_shelf { sentence!("on the shelf") } else { sentence!("off the shelf") });
    output::line(&output::joined(&facts)) + &advice(entry)
}

/// What a check found.
pub(super) fn checked(entry: &Entry) -> String {
    let EntryCheck { status, error, digest, platforms, size, built, quota, split, accelerator, .. } =
        &entry.check;
    let (id, image, status) = (entry.id, &entry.image, word(status));
    let head = sentence!("entry {id}: {image}: {status}", id = id, image = image, status = status);
    let platforms: Vec<_> = platforms.iter().map(|one| one.platform.as_str()).collect();
    let platforms = Some(platforms.join(", ")).filter(|all| !all.is_empty());
    let left = quota
        .map(|quota| sentence!("pulls left: {left} of {all}", left = quota.remaining, all = quota.limit));
    let rows = [
        error.as_ref().map(|why| sentence!("why: {why}", why = told(why))),
        digest.as_ref().map(|digest| sentence!("digest: {digest}", digest = digest)),
        size.map(|size| sentence!("size: {size}", size = output::size(size))),
        platforms.map(|platforms| sentence!("platforms: {platforms}", platforms = platforms)),
        built.map(|built| sentence!("built: {time}", time = built)),
        Some(sentence!("made for: {accelerator}", accelerator = word(accelerator))),
        Some(sentence!("memory can be split: {split}", split = word(split))),
        left,
    ];
    let rows = rows.into_iter().flatten().map(|row| output::line(&format!("  {row}")));
    output::line(&head) + &rows.collect::<String>() + &advice(entry)
}

fn advice(entry: &Entry) -> String {
    let line = |detail: &str, hint: &str| {
        output::line(&sentence!("  note: {detail}; {hint}", detail = detail, hint = hint))
    };
    entry.advice.iter().map(|one| line(&one.detail, &one.hint)).collect()
}

/// What an import did.
pub(super) fn imported(done: &EntryImport) -> String {
    let EntryImport { added, changed, .. } = done;
    let stored = if done.dry_run {
        sentence!("{new} new entries and {changed} changes would be stored", new = added, changed = changed)
    } else {
        sentence!("{new} new entries and {changed} changes are stored", new = added, changed = changed)
    };
    stored + "\n"
}
