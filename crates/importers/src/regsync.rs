//! regsync's file (regclient, `docs/regsync.md`): entries of a source and a target, which are images or repositories.

use entrepot_sync::rules::{TagsSection, TargetSection};
use serde_json::{Map, Value};

use crate::{
    draft::{Draft, split, target, texts},
    imported::{Imported, Kind},
    semver_range::exact,
};

/// What is read of an entry; anything else is said to be left out.
const KNOWN: [&str; 13] = [
    "source",
    "target",
    "type",
    "tags",
    "platform",
    "platforms",
    "backup",
    "interval",
    "schedule",
    "referrers",
    "digestTags",
    "mediaTypes",
    "ratelimit",
];

pub(crate) fn is_one(keys: &Map<String, Value>) -> bool {
    let entries = keys.get("sync").and_then(Value::as_array);
    entries.is_some_and(|entries| {
        entries.iter().all(|entry| entry.get("source").is_some() && entry.get("target").is_some())
    })
}

pub(crate) fn read(keys: &Map<String, Value>) -> Imported {
    let (mut notes, mut registries) = (Vec::new(), Vec::new());
    for account in keys.get("creds").and_then(Value::as_array).into_iter().flatten() {
        let Some(host) = account.get("registry").and_then(Value::as_str) else { continue };
        match account.get("tls").and_then(Value::as_str) {
            Some("disabled") => {
                registries.push((host.to_owned(), format!("{{endpoints: [\"http://{host}\"]}}")))
            }
            Some("insecure") => registries.push((host.to_owned(), "{insecure: true}".to_owned())),
            _ => {}
        }
        if account.get("user").is_some() || account.get("pass").is_some() {
            notes.push(format!(
                "the account at {host}: put it under `registries`, or `entrepot login {host}`"
            ));
        }
    }
    let none = Map::new();
    let defaults = keys.get("defaults").and_then(Value::as_object).unwrap_or(&none);
    for key in defaults.keys().filter(|key| !matches!(key.as_str(), "backup" | "interval" | "schedule")) {
        notes.push(format!("`defaults.{key}` has no counterpart"));
    }
    let entries = keys.get("sync").and_then(Value::as_array).into_iter().flatten();
    let mut drafts = Vec::new();
    for entry in entries.filter_map(Value::as_object) {
        match of_entry(entry, defaults) {
            Ok(draft) => drafts.push(draft),
            Err(note) => notes.push(note),
        }
    }
    Imported { kind: Kind::Regsync, notes, registries, drafts }
}

fn of_entry(entry: &Map<String, Value>, defaults: &Map<String, Value>) -> Result<Draft, String> {
    let text = |key: &str| entry.get(key).and_then(Value::as_str);
    let (source, to) = (text("source").unwrap_or_default(), text("target").unwrap_or_default());
    let kind = text("type").unwrap_or("repository");
    if kind == "registry" {
        return Err(format!("{source} to {to}: a whole registry has no counterpart; name its repositories"));
    }
    if source.contains("://") || to.contains("://") || to.contains("{{") {
        return Err(format!("{source} to {to}: only registries without templates can be carried over"));
    }
    let ((from, tag), (repository, to_tag)) = (split(source), split(to));
    let mut target = target(&repository);
    let mut notes = Vec::new();
    let tags = if kind == "image" {
        let tag = tag.unwrap_or("latest");
        if tag.contains(':') {
            return Err(format!("{source} to {to}: rules copy tags, not digests"));
        }
        let renamed = to_tag.unwrap_or("latest");
        if renamed != tag {
            (target.tag, target.is_text) = (Some(renamed.to_owned()), false);
        }
        TagsSection { names: vec![tag.to_owned()], is_list: true, ..TagsSection::default() }
    } else {
        filter(entry.get("tags"), &mut notes)
    };
    let mut draft = Draft::new(vec![from], tags);
    terms(&mut target, &mut draft, entry, defaults);
    draft.to(target);
    notes.into_iter().for_each(|note| draft.note(note));
    for key in entry.keys().filter(|key| !KNOWN.contains(&key.as_str())) {
        draft.note(format!("`{key}` has no counterpart"));
    }
    if entry.contains_key("mediaTypes") {
        draft.note("`mediaTypes` is left out: every kind of image is copied");
    }
    Ok(draft)
}

// Expressions of regsync are about the whole tag.
fn filter(tags: Option<&Value>, notes: &mut Vec<String>) -> TagsSection {
    let list = |key: &str| -> Vec<String> {
        let items = tags.and_then(|tags| tags.get(key)).and_then(Value::as_array).into_iter().flatten();
        items.filter_map(as_text).collect()
    };
    let whole = |items: Vec<String>| texts(items.into_iter().map(|text| format!("^(?:{text})$")).collect());
    let ranges = list("semverRange");
    for key in tags.and_then(Value::as_object).into_iter().flat_map(Map::keys) {
        if !matches!(key.as_str(), "allow" | "deny" | "semverRange") {
            notes.push(format!("`tags.{key}` has no counterpart"));
        }
    }
    TagsSection {
        matches: whole(list("allow")),
        not_matches: whole(list("deny")),
        semver: (!ranges.is_empty())
            .then(|| ranges.iter().map(|range| exact(range)).collect::<Vec<_>>().join(" || ")),
        ..TagsSection::default()
    }
}

fn as_text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

fn terms(
    target: &mut TargetSection,
    draft: &mut Draft,
    entry: &Map<String, Value>,
    defaults: &Map<String, Value>,
) {
    let text = |key: &str| entry.get(key).or_else(|| defaults.get(key)).and_then(Value::as_str);
    let mut platforms: Vec<String> = text("platform").map(str::to_owned).into_iter().collect();
    platforms
        .extend(entry.get("platforms").and_then(Value::as_array).into_iter().flatten().filter_map(as_text));
    if !platforms.is_empty() {
        (target.platforms, target.is_text) = (texts(platforms), false);
    }
    if let Some(backup) = text("backup") {
        let plain = backup.replace("{{.Ref.Tag}}", "{tag}").replace("{{ .Ref.Tag }}", "{tag}");
        if plain.contains("{{") || plain.contains(['/', ':']) {
            draft.note(format!("`backup: {backup}` has no counterpart"));
        } else {
            (target.backup, target.is_text) = (Some(plain), false);
        }
    }
    if let Some(schedule) = text("schedule") {
        draft.section.schedule = Some(schedule.to_owned());
    } else if let Some(interval) = text("interval") {
        draft.section.schedule = every(interval);
        if draft.section.schedule.is_none() {
            draft.note(format!("`interval: {interval}` has no counterpart: write a `schedule`"));
        }
    }
}

// `60m` as cron says it.
fn every(interval: &str) -> Option<String> {
    let (count, unit) = interval.split_at(interval.len().checked_sub(1)?);
    let minutes: u32 = match unit {
        "m" => count.parse().ok()?,
        "h" => count.parse::<u32>().ok()?.checked_mul(60)?,
        _ => return None,
    };
    match minutes {
        60 => Some("@hourly".to_owned()),
        1440 => Some("@daily".to_owned()),
        1..60 if 60u32.is_multiple_of(minutes) => Some(format!("*/{minutes} * * * *")),
        61..1440 if minutes.is_multiple_of(60) && 24u32.is_multiple_of(minutes / 60) => {
            Some(format!("0 */{} * * *", minutes / 60))
        }
        _ => None,
    }
}
