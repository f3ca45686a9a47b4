//! The section `keep` of the configuration: lists as they are written, and what they mean.

use std::collections::{HashMap, HashSet};

use entrepot_importers::{list_entries, list_lines};
use entrepot_oci::{Host, ImageRef, Platform, Repository, RepositoryPattern, Tag};
use entrepot_sync::rules::{RuleError, Schedule, TagFilter, TagsSection, TextList};
use serde::Deserialize;

use crate::list::{Item, KeepList};

/// A list as it is written.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct KeepSection {
    /// What it is called; `list-1` for the first one, if nothing is said.
    pub name: Option<String>,
    /// Images: `docker.io/library/nginx:1.27`, or patterns of repositories that are held, `quay.io/ascend/**`.
    pub images: Vec<String>,
    /// Files with repositories, as `mirror.txt` is one.
    pub files: Vec<String>,
    /// Files with expressions for tags that are left out, as `exclude.txt` is one.
    pub exclude: Vec<String>,
    /// Only so many of the newest tags of each repository of the files.
    pub latest: Option<usize>,
    /// The platforms that are kept; all of each image if none is named.
    pub platforms: Vec<String>,
    /// When it runs; only on request if nothing is said.
    pub schedule: Option<String>,
    /// The time zone of that.
    pub timezone: Option<String>,
}

/// The texts of the files that a list names, in their order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sources {
    /// Of `files`.
    pub files: Vec<String>,
    /// Of `exclude`.
    pub exclude: Vec<String>,
}

/// What is wrong with a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SectionFault {
    /// Where, in keys and indexes below the list.
    pub path: Vec<String>,
    /// The fact.
    pub what: String,
    /// The way out.
    pub hint: Option<String>,
}

impl SectionFault {
    fn at(path: &[&str], what: impl Into<String>) -> Self {
        Self { path: path.iter().map(|step| (*step).to_owned()).collect(), what: what.into(), hint: None }
    }

    fn with_hint(self, hint: impl Into<String>) -> Self {
        Self { hint: Some(hint.into()), ..self }
    }

    fn of(error: &RuleError) -> Self {
        let path: Vec<&str> = error.path().iter().map(String::as_str).collect();
        Self::at(&path, error.what()).with_hint(error.hint())
    }
}

impl KeepSection {
    /// What the list means; `place` is its number from 1 on.
    ///
    /// # Errors
    /// The first thing that is wrong with it.
    pub fn check(&self, place: usize, sources: &Sources) -> Result<KeepList, SectionFault> {
        let name = self.name.clone().unwrap_or_else(|| format!("list-{place}"));
        let is_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
        if name.is_empty() || name.len() > 64 || !name.chars().all(is_name) {
            let what = format!("`{name}` is not the name of a list");
            return Err(SectionFault::at(&["name"], what).with_hint("use letters, digits, `.`, `_` and `-`"));
        }
        let mut items = Vec::new();
        for (index, text) in self.images.iter().enumerate() {
            let at = |what: String| SectionFault::at(&["images", &index.to_string()], what);
            items.push(item(text).map_err(at)?);
        }
        items.extend(self.of_files(sources)?);
        if items.is_empty() {
            let fault = SectionFault::at(&[], "the list names no image");
            return Err(fault.with_hint("write `images` or `files`, or leave the list out"));
        }
        let platform = |(index, text): (usize, &String)| {
            let at = |what: String| SectionFault::at(&["platforms", &index.to_string()], what);
            text.parse::<Platform>().map_err(|error| at(error.to_string()))
        };
        let schedule = self.schedule.as_deref().map(|text| Schedule::parse(text, self.timezone.as_deref()));
        Ok(KeepList {
            name,
            items,
            platforms: self.platforms.iter().enumerate().map(platform).collect::<Result<_, _>>()?,
            schedule: schedule.transpose().map_err(|error| SectionFault::of(&error))?,
        })
    }

    // One filter for each expression: a list has hundreds of repositories and a handful of expressions.
    fn of_files(&self, sources: &Sources) -> Result<Vec<Item>, SectionFault> {
        let excluded: Vec<String> = sources.exclude.iter().flat_map(|text| list_lines(text)).collect();
        let (mut filters, mut known, mut items) = (HashMap::new(), HashSet::new(), Vec::new());
        for (index, text) in sources.files.iter().enumerate() {
            let at = |what: String| SectionFault::at(&["files", &index.to_string()], what);
            let entries = list_entries(text).map_err(|lines| {
                let numbers: Vec<String> = lines.iter().take(10).map(ToString::to_string).collect();
                at(format!("these lines name no repository: {}", numbers.join(", "))).with_hint(
                    "a line has a repository with its registry, and perhaps `:` and an expression for tags",
                )
            })?;
            for entry in entries.into_iter().filter(|entry| known.insert(entry.clone().repository)) {
                let filter = match filters.get(&entry.tags) {
                    Some(filter) => TagFilter::clone(filter),
                    None => {
                        let made = self.filter(&entry.tags, &excluded)?;
                        filters.insert(entry.tags.clone(), made.clone());
                        made
                    }
                };
                let image: ImageRef = entry.repository.parse().map_err(|error| at(format!("{error}")))?;
                items.push(Item::Tags {
                    host: image.host().clone(),
                    repository: image.repository().clone(),
                    filter,
                });
            }
        }
        Ok(items)
    }

    fn filter(&self, expression: &str, excluded: &[String]) -> Result<TagFilter, SectionFault> {
        let tags = TagsSection {
            matches: texts(&[expression.to_owned()]),
            not_matches: texts(excluded),
            latest: self.latest,
            ..TagsSection::default()
        };
        TagFilter::check(&tags).map_err(|error| {
            let fault = SectionFault::of(&error);
            let key = match fault.path.first().map(String::as_str) {
                Some("latest") => "latest",
                Some("not_match") => "exclude",
                _ => "files",
            };
            SectionFault { path: vec![key.to_owned()], ..fault }
        })
    }
}

fn texts(items: &[String]) -> TextList {
    TextList { items: items.to_vec(), is_list: true }
}

fn item(text: &str) -> Result<Item, String> {
    if !text.contains('*') {
        let image: ImageRef = text.parse().map_err(|error| format!("`{text}` is not an image: {error}"))?;
        let host: &Host = image.host();
        let repository: &Repository = image.repository();
        return Ok(Item::Image {
            host: host.clone(),
            repository: repository.clone(),
            reference: image.reference(),
        });
    }
    // A colon behind the last slash begins a tag.
    let (pattern, tag) = match text.rsplit_once(':') {
        Some((pattern, tag)) if !tag.contains('/') => (pattern, Some(tag)),
        _ => (text, None),
    };
    let pattern: RepositoryPattern =
        pattern.parse().map_err(|error| format!("`{text}` is no pattern: {error}"))?;
    let tag: Option<Tag> = tag.map(str::parse).transpose().map_err(|error| format!("`{text}`: {error}"))?;
    Ok(Item::Held { pattern, tag })
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIRROR: &str = "# all\nquay.io/a/b\ndocker.io/c/d:^v1\nquay.io/a/b\n";
    const EXCLUDE: &str = ".*alpha.*\n.*-g[0-9a-f]{7,}.*\n";

    fn section() -> KeepSection {
        KeepSection {
            images: vec!["nginx:1.27".into(), "quay.io/ascend/**".into(), "docker.io/acme/*:stable".into()],
            files: vec!["mirror.txt".into()],
            exclude: vec!["exclude.txt".into()],
            schedule: Some("@daily".into()),
            platforms: vec!["linux/amd64".into()],
            ..KeepSection::default()
        }
    }

    fn sources() -> Sources {
        Sources { files: vec![MIRROR.to_owned()], exclude: vec![EXCLUDE.to_owned()] }
    }

    #[test]
    fn a_list_means_images_tags_and_what_is_held() {
        let list = section().check(2, &sources()).unwrap();
        assert_eq!((list.name.as_str(), list.items.len()), ("list-2", 5), "a repository counts once");
        let told: Vec<String> = list.items.iter().map(ToString::to_string).collect();
        let known = [
            "docker.io/library/nginx:1.27",
            "quay.io/ascend/**",
            "docker.io/acme/*:stable",
            "quay.io/a/b",
            "docker.io/c/d",
        ];
        assert_eq!(told, known);
        let Item::Tags { filter, .. } = &list.items[3] else { panic!() };
        let tags: Vec<Tag> =
            ["1.2.3", "v2.0", "latest", "1.2-alpha", "1.2.3-gabcdef0"].map(|tag| tag.parse().unwrap()).into();
        let chosen: Vec<String> = filter.select(&tags).iter().map(ToString::to_string).collect();
        assert_eq!(chosen, ["1.2.3", "v2.0"]);
    }

    #[test]
    fn what_is_wrong_is_told_with_its_place() {
        let fault = |change: &dyn Fn(&mut KeepSection, &mut Sources)| {
            let (mut section, mut sources) = (section(), sources());
            change(&mut section, &mut sources);
            let fault = section.check(1, &sources).unwrap_err();
            format!("{}: {}", fault.path.join("."), fault.what)
        };
        assert_eq!(
            fault(&|section, _| section.name = Some("a b".into())),
            "name: `a b` is not the name of a list"
        );
        assert!(
            fault(&|section, _| section.images.push("UPPER".into()))
                .starts_with("images.3: `UPPER` is not an image")
        );
        assert!(
            fault(&|section, _| section.images.push("quay.io/**/a".into()))
                .starts_with("images.3: `quay.io/**/a` is no pattern")
        );
        assert_eq!(
            fault(&|_, sources| sources.files[0].push_str("nginx\n")),
            "files.0: these lines name no repository: 5"
        );
        assert!(fault(&|_, sources| sources.exclude[0].push_str("(\n")).starts_with("exclude: "));
        assert!(fault(&|section, _| section.latest = Some(0)).starts_with("latest: "));
        assert!(fault(&|section, _| section.schedule = Some("often".into())).starts_with("schedule: "));
        assert!(fault(&|section, _| section.platforms.push("arm".into())).starts_with("platforms.1: "));
        let empty = KeepSection::default().check(1, &Sources::default()).unwrap_err();
        assert_eq!((empty.path, empty.what.as_str()), (vec![], "the list names no image"));
    }
}
