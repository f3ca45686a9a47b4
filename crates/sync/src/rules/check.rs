//! Turns sections into rules: parses every text, fills in every name, and compares rules with each other.

use std::{collections::BTreeSet, sync::Arc};

use entrepot_oci::{Host, ImageRef, Platform};

use super::{
    braces,
    error::RuleError,
    filter,
    filter::TagFilter,
    graph, hosts,
    rule::{CopyTerms, Destination, RuleSet, RuleSource, SyncRule},
    schedule::Schedule,
    section::{RuleSection, TargetSection},
    template::{BackupTemplate, RepositoryTemplate, TagTemplate, TemplateError},
};
use crate::Place;

/// The longest rule name, in bytes.
const LONGEST_NAME: usize = 64;

impl RuleSet {
    /// Checks sections and makes rules of them.
    ///
    /// # Errors
    /// The first fault, with its place.
    pub fn check(sections: &[RuleSection]) -> Result<Self, RuleError> {
        let mut names = BTreeSet::new();
        let mut rules = Vec::new();
        for (index, section) in sections.iter().enumerate() {
            let checked = name(section, &mut names).and_then(|()| rule(section));
            rules.push(checked.map_err(|error| error.under(index))?);
        }
        graph::check(&rules)?;
        Ok(Self { rules, elsewhere: BTreeSet::new() })
    }
}

fn name<'a>(section: &'a RuleSection, names: &mut BTreeSet<&'a str>) -> Result<(), RuleError> {
    let name = section.name.as_str();
    let is_word = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    let starts_well = name.starts_with(|c: char| c.is_ascii_alphanumeric());
    let fault = if name.is_empty() {
        RuleError::new("the rule has no name", "give it one, such as `nginx`")
    } else if !starts_well || !name.chars().all(is_word) || name.len() > LONGEST_NAME {
        RuleError::new(
            format!("`{name}` cannot be the name of a rule"),
            "names have letters, digits, `.`, `_` and `-`, and 64 of them at most; what readers see is `title`",
        )
    } else if names.insert(name) {
        return Ok(());
    } else {
        RuleError::new(format!("`{name}` is already the name of another rule"), "every rule has its own")
    };
    Err(fault.under("name"))
}

fn rule(section: &RuleSection) -> Result<SyncRule, RuleError> {
    let places = sources(section)?;
    if section.to.is_empty() {
        let fault = RuleError::new("the rule copies nowhere", "name a repository: `to: [quay.io/me/app]`");
        return Err(fault.under("to"));
    }
    let mut sources: Vec<RuleSource> =
        places.into_iter().map(|place| RuleSource { place, destinations: Vec::new() }).collect();
    for (index, target) in section.to.iter().enumerate() {
        let at = |error: RuleError| error.under(index).under("to");
        let written = WrittenDestination::parse(target).map_err(at)?;
        for source in &mut sources {
            let destination = written.for_source(&source.place).map_err(at)?;
            source.destinations.push(destination);
        }
    }
    let schedule = match &section.schedule {
        Some(text) => Some(Schedule::parse(text, section.timezone.as_deref())?),
        None if section.timezone.is_some() => {
            let hint = "add `schedule`, or leave it out";
            return Err(RuleError::new("a time zone without a schedule", hint).under("timezone"));
        }
        None => None,
    };
    Ok(SyncRule {
        name: section.name.clone(),
        title: section.title.clone(),
        category: section.category.clone(),
        notes: section.notes.items.clone(),
        usage: section.usage.items.clone(),
        sources,
        tags: TagFilter::check(&section.tags).map_err(|error| error.under("tags"))?,
        schedule,
        allow_empty: section.allow_empty,
    })
}

fn sources(section: &RuleSection) -> Result<Vec<Place>, RuleError> {
    let mut places = Vec::new();
    for (index, text) in section.from.items.iter().enumerate() {
        let at = |fault: RuleError| filter::at(&section.from, index, fault).under("from");
        let names = braces::expand(text).map_err(|error| {
            at(RuleError::new(format!("`{text}`: {error}"), "write `quay.io/me/{one,other}`"))
        })?;
        for name in names {
            let place = source(&name).map_err(at)?;
            if places.contains(&place) {
                return Err(at(RuleError::new(format!("`{place}` is there twice"), "leave one of them out")));
            }
            places.push(place);
        }
    }
    if places.is_empty() {
        let hint = "name a repository: `from: docker.io/library/nginx`";
        return Err(RuleError::new("the rule copies from nowhere", hint).under("from"));
    }
    Ok(places)
}

fn source(name: &str) -> Result<Place, RuleError> {
    let image: ImageRef = name.parse().map_err(|error: entrepot_oci::ImageRefError| {
        RuleError::new(format!("`{name}` is not a repository"), error.to_string())
    })?;
    let has_tag = name.rsplit_once(':').is_some_and(|(_, behind)| !behind.contains('/'));
    if has_tag || image.digest().is_some() {
        let tag = image.tag().map_or_else(|| "1.27".to_owned(), ToString::to_string);
        return Err(RuleError::new(
            format!("`{name}` is an image, and a rule copies from repositories"),
            format!("write `from: {}/{}` and `tags: [\"{tag}\"]`", image.host(), image.repository()),
        ));
    }
    Ok(Place::Registry { host: image.host().clone(), repository: image.repository().clone() })
}

// A parsed destination, not yet bound to a source.
struct WrittenDestination {
    host: Host,
    repository: RepositoryTemplate,
    is_text: bool,
    terms: Arc<CopyTerms>,
}

impl WrittenDestination {
    fn parse(section: &TargetSection) -> Result<Self, RuleError> {
        let (host, repository) = repository(section).map_err(|error| at_repository(section, error))?;
        let terms = CopyTerms {
            note: section.note.clone(),
            tag: tag(section)?,
            tags: TagFilter::check(&section.tags).map_err(|error| error.under("tags"))?,
            platforms: platforms(section)?,
            format: section.format,
            referrers: section.referrers.unwrap_or_default(),
            attestations: section.attestations.unwrap_or(true),
            immutable: filter::globs(&section.immutable).map_err(|error| error.under("immutable"))?,
            backup: backup(section)?,
            prune: section.prune,
        };
        Ok(Self { host, repository, is_text: section.is_text, terms: Arc::new(terms) })
    }

    fn for_source(&self, source: &Place) -> Result<Destination, RuleError> {
        let fault = |error: RuleError| if self.is_text { error } else { error.under("repository") };
        let Place::Registry { host, repository } = source else {
            return Err(fault(RuleError::new("a rule copies between registries", "use `entrepot copy`")));
        };
        let repository = self.repository.fill(&self.host, host, repository).map_err(|name| {
            let hint = "names have lower-case letters and digits, with `.`, `_` or `-` between them";
            fault(RuleError::new(format!("`{name}` is not a repository"), hint))
        })?;
        if let Some((what, hint)) = hosts::refusal(&self.host, &repository) {
            return Err(fault(RuleError::new(what, hint)));
        }
        let place = Place::Registry { host: self.host.clone(), repository };
        if place == *source {
            let hint = "a repository cannot be copied to itself: name another one";
            return Err(fault(RuleError::new(format!("`{place}` is also the source"), hint)));
        }
        Ok(Destination { place, terms: self.terms.clone() })
    }
}

fn at_repository(section: &TargetSection, error: RuleError) -> RuleError {
    if section.is_text { error } else { error.under("repository") }
}

fn repository(section: &TargetSection) -> Result<(Host, RepositoryTemplate), RuleError> {
    let text = section.repository.as_str();
    if text.is_empty() {
        return Err(RuleError::new("the repository is missing", "name one: `quay.io/me/app`"));
    }
    let (host, path) =
        text.split_once('/').filter(|(host, _)| Host::looks_like_one(host)).ok_or_else(|| {
            RuleError::new(
                format!("`{text}` does not say which registry"),
                format!("put it in front: `docker.io/{text}`"),
            )
        })?;
    let host: Host = host.parse().map_err(|error: entrepot_oci::HostError| {
        RuleError::new(format!("`{host}` is not a registry"), error.to_string())
    })?;
    if path.contains([':', '@']) {
        return Err(RuleError::new(
            format!("`{text}` is an image, and a rule copies to repositories"),
            "the tag stays what it is, or is said by `tag: \"{tag}-mirror\"`",
        ));
    }
    let template = RepositoryTemplate::parse(path);
    Ok((host, template.map_err(|error| holes(&error, RepositoryTemplate::HOLES))?))
}

fn holes(error: &TemplateError, known: &[&str]) -> RuleError {
    let known: Vec<String> = known.iter().map(|hole| format!("`{{{hole}}}`")).collect();
    RuleError::new(error.to_string(), format!("what may stand here: {}", known.join(", ")))
}

fn tag(section: &TargetSection) -> Result<Option<TagTemplate>, RuleError> {
    let Some(text) = &section.tag else { return Ok(None) };
    let template =
        TagTemplate::parse(text).map_err(|error| holes(&error, TagTemplate::HOLES).under("tag"))?;
    template
        .fill(&entrepot_oci::Tag::latest())
        .map_err(|error| RuleError::new(format!("`{text}` is not a tag"), error.to_string()).under("tag"))?;
    Ok(Some(template))
}

fn backup(section: &TargetSection) -> Result<Option<BackupTemplate>, RuleError> {
    let Some(text) = &section.backup else { return Ok(None) };
    let read = || {
        let template = BackupTemplate::parse(text).map_err(|error| holes(&error, BackupTemplate::HOLES))?;
        template
            .fill(&entrepot_oci::Tag::latest(), "20261231", "0123456789ab")
            .map_err(|error| RuleError::new(format!("`{text}` is not a tag"), error.to_string()))?;
        if template.is_ambiguous() {
            let what = format!("`{text}` would be the backup of more than one tag, or the tag itself");
            return Err(RuleError::new(what, "write `backup: \"{tag}-{date}\"`, or `old-{tag}`"));
        }
        Ok(template)
    };
    read().map(Some).map_err(|error| error.under("backup"))
}

fn platforms(section: &TargetSection) -> Result<Vec<Platform>, RuleError> {
    let mut platforms = Vec::new();
    for (index, text) in section.platforms.items.iter().enumerate() {
        let at = |fault| filter::at(&section.platforms, index, fault).under("platforms");
        let platform: Platform = text.parse().map_err(|error: entrepot_oci::PlatformError| {
            at(RuleError::new(format!("`{text}` is not a platform"), error.to_string()))
        })?;
        if platforms.contains(&platform) {
            return Err(at(RuleError::new(format!("`{text}` is there twice"), "leave one of them out")));
        }
        platforms.push(platform);
    }
    Ok(platforms)
}
