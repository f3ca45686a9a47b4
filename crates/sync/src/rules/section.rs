//! Rules as written; `check` turns them into rules.
//!
//! A list may be written as a single text, tags as a list of names, a destination as just its repository. Unknown keys
//! are errors.

use std::fmt;

use serde::{
    Deserialize, Deserializer,
    de::{MapAccess, SeqAccess, Visitor, value::MapAccessDeserializer},
};

use crate::Format;

/// One rule of the list `sync`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RuleSection {
    /// The name on the command line and in reports: letters, digits, `.`, `_` and `-`.
    pub name: String,
    /// The heading in the guide.
    #[serde(default)]
    pub title: Option<String>,
    /// The guide's heading for a group of rules.
    #[serde(default)]
    pub category: Option<String>,
    /// Notes for readers of the guide, in Markdown: one text, or one for each point.
    #[serde(default)]
    pub notes: TextList,
    /// Advice on which address to use, in Markdown: one text, or one for each point.
    #[serde(default)]
    pub usage: TextList,
    /// The repositories to copy from; `{a,b}` stands for each of `a` and `b`.
    pub from: TextList,
    /// The tags to copy; default: all.
    #[serde(default)]
    pub tags: TagsSection,
    /// The destinations.
    pub to: Vec<TargetSection>,
    /// The schedule in cron notation: `@hourly`, `0 6 * * *`, `CRON_TZ=Asia/Shanghai 0 6 * * *`.
    #[serde(default)]
    pub schedule: Option<String>,
    /// The time zone of `schedule`; default: UTC.
    #[serde(default)]
    pub timezone: Option<String>,
    /// Do not fail if no tag matches.
    #[serde(default)]
    pub allow_empty: bool,
}

/// A tag filter. A tag must satisfy all given keys; `latest` is applied last.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct TagKeys {
    names: Vec<String>,
    r#match: TextList,
    not_match: TextList,
    ignore_case: bool,
    include: TextList,
    exclude: TextList,
    semver: Option<String>,
    latest: Option<usize>,
}

/// A tag filter: a list of names, or keys that must all be satisfied.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TagsSection {
    /// Exactly these tags; a missing one is an error.
    pub names: Vec<String>,
    /// Tags that match one of these regular expressions anywhere; write `^…$` for the whole tag.
    pub matches: TextList,
    /// Tags that match none of these.
    pub not_matches: TextList,
    /// Ignore case in the regular expressions.
    pub ignore_case: bool,
    /// Tags that match one of these patterns (`*`, `?`, `[…]`, `{a,b}`).
    pub include: TextList,
    /// Tags that match none of these patterns.
    pub exclude: TextList,
    /// Tags whose version is in this range: `>=1.2, <2`, `^1 || ^3`.
    pub semver: Option<String>,
    /// Only this many of the newest remaining tags.
    pub latest: Option<usize>,
    /// True if it was written as a list.
    pub is_list: bool,
}

/// A destination of a rule.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct TargetKeys {
    repository: String,
    note: Option<String>,
    tag: Option<String>,
    tags: TagsSection,
    platforms: TextList,
    format: Option<FormatWord>,
    referrers: Option<ReferrersWord>,
    attestations: Option<bool>,
    immutable: TextList,
    backup: Option<String>,
    prune: PruneWord,
}

/// A destination of a rule: just the repository, or keys.
#[derive(Clone, Debug, Default)]
pub struct TargetSection {
    /// The repository; `{host}`, `{path}`, `{namespace}` and `{name}` stand for parts of the source.
    pub repository: String,
    /// A note for readers of the guide.
    pub note: Option<String>,
    /// The name of a tag there; default: `{tag}`.
    pub tag: Option<String>,
    /// The tags of the rule that it gets; default: all.
    pub tags: TagsSection,
    /// The platforms it gets, such as `linux/arm64`; default: all.
    pub platforms: TextList,
    /// The manifest format it accepts; default: that of its registry.
    pub format: Option<Format>,
    /// Copy referrers such as signatures too; default: yes.
    pub referrers: Option<Referrers>,
    /// Keep the attestations that BuildKit adds to an index; default: yes.
    pub attestations: Option<bool>,
    /// Patterns of tags that never change once they exist.
    pub immutable: TextList,
    /// The tag that keeps an overwritten image: `{tag}`, `{date}`, `{digest}`.
    pub backup: Option<String>,
    /// The policy for tags that no rule writes there.
    pub prune: Prune,
    /// True if it was written as just its repository.
    pub is_text: bool,
}

/// The policy for copying referrers of an image: signatures, attestations, SBOMs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Referrers {
    /// They are not copied.
    Leave,
    /// They are copied whenever the image is copied.
    #[default]
    WithImage,
    /// They are also copied when the image is there already. This costs requests for every tag in every run.
    EveryRun,
}

/// The policy for tags at a destination that no rule writes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Prune {
    /// Nothing.
    #[default]
    Off,
    /// They are listed in the plan, and removed if the run is told to prune.
    Review,
}

/// One text, or a list of them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TextList {
    /// The texts.
    pub items: Vec<String>,
    /// True if it was written as a list.
    pub is_list: bool,
}

impl<'de> Deserialize<'de> for TextList {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Either;
        impl<'de> Visitor<'de> for Either {
            type Value = TextList;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a text or a list of texts")
            }

            fn visit_unit<E>(self) -> Result<Self::Value, E> {
                Ok(TextList::default())
            }

            fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
                Ok(TextList { items: vec![text.to_owned()], is_list: false })
            }

            fn visit_seq<A: SeqAccess<'de>>(self, items: A) -> Result<Self::Value, A::Error> {
                Ok(TextList { items: collect(items)?, is_list: true })
            }
        }
        deserializer.deserialize_any(Either)
    }
}

fn collect<'de, A: SeqAccess<'de>>(mut items: A) -> Result<Vec<String>, A::Error> {
    let mut all = Vec::new();
    while let Some(item) = items.next_element()? {
        all.push(item);
    }
    Ok(all)
}

impl<'de> Deserialize<'de> for TagsSection {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Either;
        impl<'de> Visitor<'de> for Either {
            type Value = TagsSection;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list of tags, or keys such as `match` and `latest`")
            }

            fn visit_unit<E>(self) -> Result<TagsSection, E> {
                Ok(TagsSection::default())
            }

            fn visit_seq<A: SeqAccess<'de>>(self, items: A) -> Result<TagsSection, A::Error> {
                Ok(TagsSection { names: collect(items)?, is_list: true, ..TagsSection::default() })
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<TagsSection, A::Error> {
                TagKeys::deserialize(MapAccessDeserializer::new(map)).map(TagsSection::from)
            }
        }
        deserializer.deserialize_any(Either)
    }
}

impl From<TagKeys> for TagsSection {
    fn from(keys: TagKeys) -> Self {
        Self {
            names: keys.names,
            matches: keys.r#match,
            not_matches: keys.not_match,
            ignore_case: keys.ignore_case,
            include: keys.include,
            exclude: keys.exclude,
            semver: keys.semver,
            latest: keys.latest,
            is_list: false,
        }
    }
}

impl<'de> Deserialize<'de> for TargetSection {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Either;
        impl<'de> Visitor<'de> for Either {
            type Value = TargetSection;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a repository, or keys such as `repository` and `platforms`")
            }

            fn visit_str<E>(self, text: &str) -> Result<TargetSection, E> {
                Ok(TargetSection { repository: text.to_owned(), is_text: true, ..TargetSection::default() })
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<TargetSection, A::Error> {
                TargetKeys::deserialize(MapAccessDeserializer::new(map)).map(TargetSection::from)
            }
        }
        deserializer.deserialize_any(Either)
    }
}

impl From<TargetKeys> for TargetSection {
    fn from(keys: TargetKeys) -> Self {
        Self {
            repository: keys.repository,
            note: keys.note,
            tag: keys.tag,
            tags: keys.tags,
            platforms: keys.platforms,
            format: keys.format.map(|word| match word {
                FormatWord::Keep => Format::Keep,
                FormatWord::Docker => Format::Docker,
            }),
            referrers: keys.referrers.map(|word| word.0),
            attestations: keys.attestations,
            immutable: keys.immutable,
            backup: keys.backup,
            prune: match keys.prune {
                PruneWord::Off => Prune::Off,
                PruneWord::Review => Prune::Review,
            },
            is_text: false,
        }
    }
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
enum FormatWord {
    Keep,
    Docker,
}

#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
enum PruneWord {
    #[default]
    Off,
    Review,
}

// `true`, `false` (which some readers give as text), or `every-run`.
#[derive(Clone, Copy, Debug)]
struct ReferrersWord(Referrers);

impl<'de> Deserialize<'de> for ReferrersWord {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Word;
        impl Visitor<'_> for Word {
            type Value = ReferrersWord;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("`true`, `false` or `every-run`")
            }

            fn visit_bool<E>(self, value: bool) -> Result<ReferrersWord, E> {
                Ok(ReferrersWord(if value { Referrers::WithImage } else { Referrers::Leave }))
            }

            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<ReferrersWord, E> {
                match text {
                    "true" => self.visit_bool(true),
                    "false" => self.visit_bool(false),
                    "every-run" => Ok(ReferrersWord(Referrers::EveryRun)),
                    other => Err(E::unknown_variant(other, &["true", "false", "every-run"])),
                }
            }
        }
        deserializer.deserialize_any(Word)
    }
}
