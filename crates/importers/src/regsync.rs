//! regsync's file (regclient, `docs/regsync.md`): entries of a source and a target, which are images or repositories.

use std::collections::BTreeMap;

use entrepot_oci::Host;
use entrepot_sync::rules::{TagsSection, TargetSection};

use crate::{
    draft::{DIGESTS, RuleDraft, split, target, texts},
    imported::{FileKind, Imported},
    ranges, template,
    value::{ForeignValue, get},
};

type MapEntries = [(String, ForeignValue)];

/// What is read of an entry; anything else is said to be left out.
const KNOWN: [&str; 13] = [
    "source",
    "target",
    "type",
    "tags",
    "tagSets",
    "platform",
    "platforms",
    "backup",
    "interval",
    "schedule",
    "referrers",
    "digestTags",
    "mediaTypes",
];

pub(crate) fn is_one(keys: &MapEntries) -> bool {
    let is_entry = |entry: &ForeignValue| entry.get("source").is_some() && entry.get("target").is_some();
    get(keys, "sync").is_some_and(|entries| {
        entries.items().iter().any(is_entry) || matches!(entries, ForeignValue::List(all) if all.is_empty())
    })
}

pub(crate) fn read(keys: &MapEntries, variables: &BTreeMap<String, String>) -> Imported {
    let mut imported = Imported::new(FileKind::Regsync);
    for account in get(keys, "creds").map(ForeignValue::items).unwrap_or_default() {
        account_of(&mut imported, account, variables);
    }
    let defaults = get(keys, "defaults").map(ForeignValue::entries).unwrap_or_default();
    for (key, _) in defaults {
        if !matches!(key.as_str(), "backup" | "interval" | "schedule" | "referrers" | "digestTags") {
            imported.notes.push(format!("`defaults.{key}` has no counterpart"));
        }
    }
    for (key, _) in keys {
        if !matches!(key.as_str(), "version" | "creds" | "defaults" | "sync") && !key.starts_with("x-") {
            imported.notes.push(format!("`{key}` is not known here"));
        }
    }
    let entries = get(keys, "sync").map(ForeignValue::items).unwrap_or_default();
    for (index, entry) in entries.iter().enumerate() {
        let entry = RegsyncEntry { keys: entry.entries(), defaults, variables };
        match entry.drafts() {
            Ok(drafts) => imported.drafts.extend(drafts),
            Err(note) => imported.notes.push(format!("{}: {note}", entry.name(index))),
        }
    }
    imported
}

fn account_of(imported: &mut Imported, account: &ForeignValue, variables: &BTreeMap<String, String>) {
    let Some(host) = account.get("registry").and_then(ForeignValue::text) else {
        return imported.notes.push("an entry of `creds` has no `registry`".to_owned());
    };
    let host = match template::with_variables(host, variables) {
        Ok(host) if host.parse::<Host>().is_ok() => host,
        Ok(host) => return imported.notes.push(format!("`creds` of {host}, which is not a registry")),
        Err(why) => return imported.notes.push(format!("`creds` of {host}: {why}")),
    };
    match account.get("tls").and_then(ForeignValue::text) {
        Some("disabled") => {
            imported.registries.push((host.clone(), format!("{{endpoints: [\"http://{host}\"]}}")));
        }
        Some("insecure") => imported.registries.push((host.clone(), "{insecure: true}".to_owned())),
        _ => {}
    }
    let is_login = |key: &str| matches!(key, "user" | "pass" | "token" | "credHelper");
    if account.entries().iter().any(|(key, _)| is_login(key)) {
        imported
            .notes
            .push(format!("the account at {host}: put it under `registries`, or `entrepot login {host}`"));
    }
    for (key, _) in account.entries() {
        if !is_login(key) && !matches!(key.as_str(), "registry" | "tls") {
            imported.notes.push(format!("`creds.{key}` of {host} has no counterpart"));
        }
    }
}

struct RegsyncEntry<'a> {
    keys: &'a MapEntries,
    defaults: &'a MapEntries,
    variables: &'a BTreeMap<String, String>,
}

impl RegsyncEntry<'_> {
    fn text(&self, key: &str) -> Option<&str> {
        get(self.keys, key).and_then(ForeignValue::text)
    }

    fn name(&self, index: usize) -> String {
        match (self.text("source"), self.text("target")) {
            (Some(source), Some(to)) => format!("{source} to {to}"),
            (Some(source), None) => source.to_owned(),
            (None, _) => format!("entry {} of `sync`", index + 1),
        }
    }

    // The source or the target.
    fn place(&self, key: &str) -> Result<String, String> {
        let text = self.text(key).ok_or_else(|| format!("it has no `{key}`"))?;
        let place = template::with_source(text, self.text("source").unwrap_or_default(), self.variables)?;
        if place.contains("://") { Err(format!("{place} is not a registry")) } else { Ok(place) }
    }

    // A rule for each set of tags.
    fn drafts(&self) -> Result<Vec<RuleDraft>, String> {
        let (source, to) = (self.place("source")?, self.place("target")?);
        let kind = self.text("type").unwrap_or("repository");
        let ((from, tag), (repository, to_tag)) = (split(&source), split(&to));
        let mut target = target(&repository);
        let filters = match kind {
            "image" => {
                let tag = tag.unwrap_or("latest");
                if tag.contains(':') {
                    return Err(DIGESTS.to_owned());
                }
                let renamed = to_tag.unwrap_or("latest");
                if renamed != tag {
                    (target.tag, target.is_text) = (Some(renamed.to_owned()), false);
                }
                let names = vec![tag.to_owned()];
                vec![(TagsSection { names, is_list: true, ..TagsSection::default() }, Vec::new())]
            }
            "repository" => self.filters()?,
            "registry" => return Err("a whole registry has no counterpart; name its repositories".to_owned()),
            other => return Err(format!("`type: {other}` is not known here")),
        };
        let mut notes = Vec::new();
        self.terms(&mut target, &mut notes)?;
        let made = filters.into_iter().map(|(tags, remarks)| {
            let mut draft = RuleDraft::new(vec![from.clone()], tags);
            draft.section.schedule = self.schedule(&mut draft.notes);
            draft.to(target.clone());
            notes.iter().cloned().chain(remarks).for_each(|note| draft.note(note));
            draft
        });
        Ok(made.collect())
    }

    // Each filter with what is to be said about it.
    fn filters(&self) -> Result<Vec<(TagsSection, Vec<String>)>, String> {
        let sets = get(self.keys, "tagSets").map(ForeignValue::items).unwrap_or_default();
        let own = get(self.keys, "tags").filter(|tags| !tags.entries().is_empty());
        if sets.is_empty() && own.is_none() {
            return Ok(vec![(TagsSection::default(), Vec::new())]);
        }
        own.into_iter().chain(sets).map(filter).collect()
    }

    fn terms(&self, target: &mut TargetSection, notes: &mut Vec<String>) -> Result<(), String> {
        let mut platforms = Vec::new();
        for key in ["platform", "platforms"] {
            let listed = get(self.keys, key).map_or(Some(Vec::new()), ForeignValue::texts);
            platforms.extend(listed.ok_or_else(|| format!("`{key}` is not a list of texts"))?);
        }
        if !platforms.is_empty() {
            let platforms = platforms.into_iter().map(str::to_owned).collect();
            (target.platforms, target.is_text) = (texts(platforms), false);
        }
        if let Some(backup) = self.or_default("backup") {
            match template::with_holes(backup, self.variables) {
                Ok(plain) if !plain.contains(['/', ':']) => {
                    (target.backup, target.is_text) = (Some(plain), false);
                }
                Ok(_) => notes.push(format!("`backup: {backup}` has no counterpart: it is not a tag")),
                Err(why) => notes.push(format!("`backup: {backup}`: {why}")),
            }
        }
        for (key, _) in self.keys.iter().filter(|(key, _)| !KNOWN.contains(&key.as_str())) {
            notes.push(format!("`{key}` has no counterpart"));
        }
        if get(self.keys, "mediaTypes").is_some() {
            notes.push("`mediaTypes` is left out: every kind of image is copied".to_owned());
        }
        Ok(())
    }

    fn or_default(&self, key: &str) -> Option<&str> {
        self.text(key).or_else(|| get(self.defaults, key).and_then(ForeignValue::text))
    }

    fn schedule(&self, notes: &mut Vec<String>) -> Option<String> {
        if let Some(schedule) = self.or_default("schedule") {
            return Some(schedule.to_owned());
        }
        let interval = self.or_default("interval")?;
        let schedule = every(interval);
        if schedule.is_none() {
            notes.push(format!("`interval: {interval}` has no counterpart: write a `schedule`"));
        }
        schedule
    }
}

// Expressions of regsync are about the whole tag.
fn filter(tags: &ForeignValue) -> Result<(TagsSection, Vec<String>), String> {
    let list = |key: &str| {
        let listed = tags.get(key).map_or(Some(Vec::new()), ForeignValue::texts);
        listed.ok_or_else(|| format!("`tags.{key}` is not a list of texts"))
    };
    let whole = |items: Vec<&str>| texts(items.into_iter().map(|text| format!("^(?:{text})$")).collect());
    let ranges = list("semverRange")?;
    let unknown = tags.entries().iter().map(|(key, _)| key.as_str());
    let unknown = unknown.filter(|key| !matches!(*key, "allow" | "deny" | "semverRange"));
    let mut notes: Vec<String> = unknown.map(|key| format!("`tags.{key}` has no counterpart")).collect();
    notes.extend(ranges.iter().filter_map(|range| ranges::remark(range)));
    let semver = ranges
        .iter()
        .map(|range| ranges::translate(range).map_err(|why| format!("the versions `{range}`: {why}")))
        .collect::<Result<Vec<_>, String>>()?;
    let filter = TagsSection {
        matches: whole(list("allow")?),
        not_matches: whole(list("deny")?),
        semver: (!semver.is_empty()).then(|| semver.join(" || ")),
        ..TagsSection::default()
    };
    Ok((filter, notes))
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
