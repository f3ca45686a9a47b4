//! Filters that select tags of a repository.

use std::{collections::BTreeSet, sync::Arc};

use entrepot_oci::{Tag, is_shallow};
use globset::{GlobBuilder, GlobSet, GlobSetBuilder};
use regex::{RegexSet, RegexSetBuilder};

use super::{
    error::RuleError,
    section::{TagsSection, TextList},
    version::{Range, newest_first, version},
};

/// The largest compiled size of one list of regular expressions, in bytes.
const REGEX_BYTES: usize = 1 << 20;

/// A checked tag filter: tags that satisfy all conditions, and of these the newest.
#[derive(Clone, Debug, Default)]
pub struct TagFilter {
    names: Vec<Tag>,
    criteria: Arc<Criteria>,
    latest: Option<usize>,
}

#[derive(Debug, Default)]
struct Criteria {
    matches: Option<RegexSet>,
    not_matches: Option<RegexSet>,
    include: Option<GlobSet>,
    exclude: Option<GlobSet>,
    range: Option<Range>,
    // As written, to compare filters and for messages.
    written: TagsSection,
}

impl PartialEq for TagFilter {
    fn eq(&self, other: &Self) -> bool {
        self.names == other.names
            && self.latest == other.latest
            && self.criteria.written == other.criteria.written
    }
}

impl TagFilter {
    /// Checks a filter.
    ///
    /// # Errors
    /// The first fault, with its key.
    pub fn check(section: &TagsSection) -> Result<Self, RuleError> {
        let mut names = Vec::new();
        for (index, name) in section.names.iter().enumerate() {
            let tag: Tag = name.parse().map_err(|error: entrepot_oci::TagError| {
                named(section, index, RuleError::new(format!("`{name}` is not a tag"), error.to_string()))
            })?;
            if names.contains(&tag) {
                let fault = RuleError::new(format!("`{tag}` is there twice"), "leave one of them out");
                return Err(named(section, index, fault));
            }
            names.push(tag);
        }
        if section.is_list && names.is_empty() {
            return Err(RuleError::new("no tag is named", "leave out `tags` to copy all of them"));
        }
        if section.latest == Some(0) {
            let fault = RuleError::new("this must be 1 or more", "leave it out to take every tag");
            return Err(fault.under("latest"));
        }
        let criteria = Criteria {
            matches: regexes(&section.matches, section.ignore_case).map_err(|e| e.under("match"))?,
            not_matches: regexes(&section.not_matches, section.ignore_case)
                .map_err(|e| e.under("not_match"))?,
            include: globs(&section.include).map_err(|e| e.under("include"))?,
            exclude: globs(&section.exclude).map_err(|e| e.under("exclude"))?,
            range: section.semver.as_deref().map(range).transpose()?,
            written: section.clone(),
        };
        Ok(Self { names, criteria: Arc::new(criteria), latest: section.latest })
    }

    /// True if the filter accepts every tag.
    pub fn is_open(&self) -> bool {
        let Criteria { matches, not_matches, include, exclude, range, .. } = &*self.criteria;
        self.names.is_empty()
            && self.latest.is_none()
            && matches.is_none()
            && not_matches.is_none()
            && include.is_none()
            && exclude.is_none()
            && range.is_none()
    }

    /// The tags listed by name; empty if only the other conditions apply.
    pub fn names(&self) -> &[Tag] {
        &self.names
    }

    /// The filter narrowed to this tag, whether or not it is among the newest; `None` if the filter excludes it.
    pub fn only(&self, tag: Tag) -> Option<Self> {
        self.takes(&tag).then(|| Self {
            names: vec![tag],
            criteria: Arc::clone(&self.criteria),
            latest: None,
        })
    }

    /// The filter as it was written.
    pub fn written(&self) -> &TagsSection {
        &self.criteria.written
    }

    /// The selected tags in natural order, each once. Listed names that are not in `tags` are not included.
    pub fn select(&self, tags: &[Tag]) -> Vec<Tag> {
        let mut chosen: Vec<&Tag> =
            tags.iter().filter(|tag| self.takes(tag)).collect::<BTreeSet<_>>().into_iter().collect();
        if let Some(latest) = self.latest {
            chosen.sort_by(|a, b| newest_first(a.as_str(), b.as_str()));
            chosen.truncate(latest);
        }
        chosen.sort_by(|a, b| super::version::natural(a.as_str(), b.as_str()));
        chosen.into_iter().cloned().collect()
    }

    fn takes(&self, tag: &Tag) -> bool {
        let text = tag.as_str();
        let criteria = &*self.criteria;
        (self.names.is_empty() || self.names.contains(tag))
            && criteria.matches.as_ref().is_none_or(|set| set.is_match(text))
            && !criteria.not_matches.as_ref().is_some_and(|set| set.is_match(text))
            && criteria.include.as_ref().is_none_or(|set| set.is_match(text))
            && !criteria.exclude.as_ref().is_some_and(|set| set.is_match(text))
            && criteria
                .range
                .as_ref()
                .is_none_or(|range| version(text).is_some_and(|version| range.holds(&version)))
    }

    /// True if the filters alone show that both may select the same tag: they are equal, one accepts everything, or
    /// they share a name.
    pub(super) fn meets(&self, other: &Self) -> bool {
        match (self.names.is_empty(), other.names.is_empty()) {
            (true, true) => {
                self.is_open() || other.is_open() || self.criteria.written == other.criteria.written
            }
            (false, false) => self.names.iter().any(|name| self.takes(name) && other.takes(name)),
            (false, true) => other.latest.is_none() && self.names.iter().any(|name| other.takes(name)),
            (true, false) => other.meets(self),
        }
    }
}

fn named(section: &TagsSection, index: usize, fault: RuleError) -> RuleError {
    let fault = fault.under(index);
    if section.is_list { fault } else { fault.under("names") }
}

/// The error at one of several texts.
pub(super) fn at(texts: &TextList, index: usize, fault: RuleError) -> RuleError {
    if texts.is_list { fault.under(index) } else { fault }
}

fn regexes(texts: &TextList, ignore_case: bool) -> Result<Option<RegexSet>, RuleError> {
    let compile = |patterns: &[String]| {
        RegexSetBuilder::new(patterns).case_insensitive(ignore_case).size_limit(REGEX_BYTES).build()
    };
    for (index, text) in texts.items.iter().enumerate() {
        compile(std::slice::from_ref(text)).map_err(|error| {
            let hint = match error {
                regex::Error::CompiledTooBig(_) => "it is too large: shorten it, or repeat fewer times",
                _ => "look-around and back references are not known; put quotes around the whole in YAML",
            };
            at(texts, index, RuleError::new(format!("`{text}` is not a regular expression"), hint))
        })?;
    }
    if texts.items.is_empty() {
        return Ok(None);
    }
    compile(&texts.items).map(Some).map_err(|_| {
        RuleError::new("these regular expressions together are too large", "shorten them, or use fewer")
    })
}

/// Tag patterns; `None` if there are none.
pub(super) fn globs(texts: &TextList) -> Result<Option<GlobSet>, RuleError> {
    if texts.items.is_empty() {
        return Ok(None);
    }
    let mut set = GlobSetBuilder::new();
    for (index, text) in texts.items.iter().enumerate() {
        let glob =
            Some(text).filter(|text| is_shallow(text)).and_then(|text| GlobBuilder::new(text).build().ok());
        set.add(glob.ok_or_else(|| {
            let hint = "`*` stands for anything, `?` for one character, `{a,b}` for one of several";
            at(texts, index, RuleError::new(format!("`{text}` is not a pattern"), hint))
        })?);
    }
    set.build().map(Some).map_err(|_| RuleError::new("these patterns are too many", "use fewer"))
}

fn range(text: &str) -> Result<Range, RuleError> {
    Range::parse(text).map_err(|_| {
        let hint = "write `>=1.2, <2`, `^1.2` or `~1.2.3`, and `||` between several";
        RuleError::new(format!("`{text}` is not a range of versions"), hint).under("semver")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filter(json: &str) -> Result<TagFilter, RuleError> {
        TagFilter::check(&serde_json::from_str(json).unwrap())
    }

    fn selected(json: &str, tags: &[&str]) -> Vec<String> {
        let tags: Vec<Tag> = tags.iter().map(|tag| tag.parse().unwrap()).collect();
        filter(json).unwrap().select(&tags).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn filters_narrow_one_another() {
        let tags = ["v1.0", "v1.10", "v1.9-CANN", "v2.0-cann", "latest", "v1.10"];
        assert_eq!(selected("{}", &tags), ["latest", "v1.0", "v1.9-CANN", "v1.10", "v2.0-cann"]);
        assert_eq!(selected(r#"{"match":"cann"}"#, &tags), ["v2.0-cann"]);
        assert_eq!(selected(r#"{"match":"cann","ignore_case":true}"#, &tags), ["v1.9-CANN", "v2.0-cann"]);
        assert_eq!(
            selected(r#"{"match":["^v1","^l"],"not_match":"CANN"}"#, &tags),
            ["latest", "v1.0", "v1.10"]
        );
        assert_eq!(
            selected(r#"{"include":["v1*","l?test"],"exclude":"*0"}"#, &tags),
            ["latest", "v1.9-CANN"]
        );
        assert_eq!(selected(r#"{"semver":">=1.5, <2"}"#, &tags), ["v1.10"]);
        assert_eq!(selected(r#"{"latest":2}"#, &tags), ["v1.10", "v2.0-cann"]);
        assert_eq!(selected(r#"{"match":"^v1","latest":1}"#, &tags), ["v1.10"]);
        assert_eq!(selected(r#"["v1.10","gone"]"#, &tags), ["v1.10"]);
        assert_eq!(selected(r#"{"names":["v1.10","latest"],"match":"v"}"#, &tags), ["v1.10"]);
    }

    #[test]
    fn says_what_is_wrong() {
        for (json, what) in [
            (r#"{"match":"("}"#, "`sync.match`: `(` is not a regular expression"),
            (r#"{"match":["a","(?=b)"]}"#, "`sync.match[1]`: `(?=b)` is not a regular expression"),
            (
                r#"{"not_match":"a{9999}{999}"}"#,
                "`sync.not_match`: `a{9999}{999}` is not a regular expression",
            ),
            (r#"{"include":["[a"]}"#, "`sync.include[0]`: `[a` is not a pattern"),
            (r#"{"semver":"new"}"#, "`sync.semver`: `new` is not a range of versions"),
            (r#"{"latest":0}"#, "`sync.latest`: this must be 1 or more"),
            ("[]", "`sync`: no tag is named"),
            (r#"["a","b c"]"#, "`sync[1]`: `b c` is not a tag"),
            (r#"{"names":["a","a"]}"#, "`sync.names[1]`: `a` is there twice"),
        ] {
            assert_eq!(filter(json).unwrap_err().to_string(), what);
        }
    }

    #[test]
    fn some_overlaps_can_be_seen() {
        for (a, b, meet) in [
            ("{}", r#"{"match":"x"}"#, true),
            (r#"{"match":"x"}"#, r#"{"match":"x"}"#, true),
            (r#"{"match":"x"}"#, r#"{"match":"y"}"#, false),
            (r#"["a","b"]"#, r#"["b"]"#, true),
            (r#"["a"]"#, r#"["b"]"#, false),
            (r#"["a"]"#, r#"{"match":"a"}"#, true),
            (r#"{"match":"b"}"#, r#"["a"]"#, false),
        ] {
            assert_eq!(filter(a).unwrap().meets(&filter(b).unwrap()), meet, "{a} {b}");
        }
    }
}
