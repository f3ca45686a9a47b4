//! Templates for names: `{name}` and similar in the names of destinations, tags and backups.
//!
//! In a repository, `{host}` is the source's registry without its port, `{path}` its whole repository, `{name}` the
//! last part of that, `{namespace}` everything before the last part. In a tag, `{tag}` is the source's. In a backup,
//! `{tag}` is the overwritten tag, `{date}` the day in UTC (`20261231`), `{digest}` the first twelve digits of the
//! overwritten image's digest.

use entrepot_oci::{Host, ImageRef, Repository, Tag, TagError};

/// A text with placeholders.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Template(Vec<Piece>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Piece {
    Text(String),
    Hole(&'static str),
}

/// The reason a text is not a valid template.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum TemplateError {
    /// An unmatched brace.
    #[error("the braces do not match")]
    Unbalanced,
    /// An unknown placeholder.
    #[error("`{{{0}}}` means nothing here")]
    Unknown(String),
}

impl Template {
    fn parse(text: &str, known: &'static [&'static str]) -> Result<Self, TemplateError> {
        let mut pieces = Vec::new();
        let mut rest = text;
        while let Some(open) = rest.find(['{', '}']) {
            let (before, behind) = rest.split_at(open);
            let inside = behind.strip_prefix('{').ok_or(TemplateError::Unbalanced)?;
            let (word, after) = inside.split_once('}').ok_or(TemplateError::Unbalanced)?;
            let hole = known.iter().find(|hole| **hole == word);
            pieces.push(Piece::Text(before.to_owned()));
            pieces.push(Piece::Hole(hole.ok_or_else(|| TemplateError::Unknown(word.to_owned()))?));
            rest = after;
        }
        pieces.push(Piece::Text(rest.to_owned()));
        Ok(Self(pieces))
    }

    fn fill<'a>(&'a self, value: impl Fn(&str) -> &'a str) -> String {
        self.0
            .iter()
            .map(|piece| match piece {
                Piece::Text(text) => text,
                Piece::Hole(name) => value(name),
            })
            .collect()
    }

    fn has(&self, name: &str) -> bool {
        self.0.iter().any(|piece| matches!(piece, Piece::Hole(hole) if *hole == name))
    }
}

/// A template for a destination's repository.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct RepositoryTemplate(Template);

impl RepositoryTemplate {
    /// The allowed placeholders.
    pub(super) const HOLES: &'static [&'static str] = &["host", "path", "namespace", "name"];

    /// Parses a template.
    pub(super) fn parse(text: &str) -> Result<Self, TemplateError> {
        Template::parse(text, Self::HOLES).map(Self)
    }

    /// The repository at `host` for a copy of `repository` at `from`; the text, if it is not a valid name.
    pub(super) fn fill(
        &self,
        host: &Host,
        from: &Host,
        repository: &Repository,
    ) -> Result<Repository, String> {
        let path = repository.as_str();
        let (namespace, name) = path.rsplit_once('/').unwrap_or(("", path));
        let text = self.0.fill(|hole| match hole {
            "host" => from.name(),
            "path" => path,
            "namespace" => namespace,
            _ => name,
        });
        // An empty namespace leaves a stray slash.
        let text = text.trim_start_matches('/').replace("//", "/");
        ImageRef::repository_on(host, &text).map_err(|_| text)
    }
}

/// A template for a tag at a destination.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TagTemplate(Template);

impl TagTemplate {
    pub(super) const HOLES: &'static [&'static str] = &["tag"];

    pub(super) fn parse(text: &str) -> Result<Self, TemplateError> {
        Template::parse(text, Self::HOLES).map(Self)
    }

    /// True if all tags of the source get the same name.
    pub fn is_constant(&self) -> bool {
        !self.0.has("tag")
    }

    /// The name that `tag` gets.
    ///
    /// # Errors
    /// The name is too long for a tag, or has characters that tags cannot have.
    pub fn fill(&self, tag: &Tag) -> Result<Tag, TagError> {
        self.0.fill(|_| tag.as_str()).parse()
    }
}

/// A template for the tag that keeps an overwritten image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BackupTemplate(Template);

impl BackupTemplate {
    pub(super) const HOLES: &'static [&'static str] = &["tag", "date", "digest"];

    pub(super) fn parse(text: &str) -> Result<Self, TemplateError> {
        Template::parse(text, Self::HOLES).map(Self)
    }

    /// True if two tags, or a tag and its backup, could get the same name.
    pub(super) fn is_ambiguous(&self) -> bool {
        let is_more = self.0.0.iter().any(|piece| match piece {
            Piece::Text(text) => !text.is_empty(),
            Piece::Hole(hole) => *hole != "tag",
        });
        !is_more || !self.0.has("tag") && !self.0.has("digest")
    }

    /// The name of the backup of `tag` on `date` (`20261231`), where `digest` is the hex digest of the tag.
    ///
    /// # Errors
    /// The name is too long for a tag, or has characters that tags cannot have.
    pub fn fill(&self, tag: &Tag, date: &str, digest: &str) -> Result<Tag, TagError> {
        let short = digest.get(..12).unwrap_or(digest);
        let text = self.0.fill(|hole| match hole {
            "tag" => tag.as_str(),
            "date" => date,
            _ => short,
        });
        text.parse()
    }

    /// True if this template could have named the backup `tag`.
    pub fn could_be(&self, tag: &Tag) -> bool {
        fits(&self.0.0, tag.as_str())
    }
}

fn fits(pieces: &[Piece], text: &str) -> bool {
    let Some((first, rest)) = pieces.split_first() else { return text.is_empty() };
    match first {
        Piece::Text(fixed) => text.strip_prefix(fixed.as_str()).is_some_and(|text| fits(rest, text)),
        Piece::Hole("date") => starts(text, 8, |byte| byte.is_ascii_digit()) && fits(rest, &text[8..]),
        Piece::Hole("digest") => starts(text, 12, |byte| byte.is_ascii_hexdigit()) && fits(rest, &text[12..]),
        Piece::Hole(_) => (1..=text.len()).any(|end| fits(rest, &text[end..])),
    }
}

fn starts(text: &str, length: usize, is_one: impl Fn(&u8) -> bool) -> bool {
    text.as_bytes().get(..length).is_some_and(|start| start.iter().all(is_one))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn repository(template: &str, to: &str, from: &str, path: &str) -> Result<String, String> {
        let template = RepositoryTemplate::parse(template).unwrap();
        let (to, from) = (to.parse().unwrap(), from.parse().unwrap());
        template.fill(&to, &from, &path.parse().unwrap()).map(|name| name.to_string())
    }

    #[test]
    fn repositories_take_parts_of_the_source() {
        let ours = |template| repository(template, "a.io", "q.io:5000", "ascend/x/cann").unwrap();
        assert_eq!(ours("base/{name}/{name}"), "base/cann/cann");
        assert_eq!(ours("{host}/{path}"), "q.io/ascend/x/cann");
        assert_eq!(ours("{namespace}/mirror-{name}"), "ascend/x/mirror-cann");
        assert_eq!(repository("{namespace}/{name}", "a.io", "q.io", "cann").unwrap(), "cann");
        assert_eq!(repository("{name}", "docker.io", "q.io", "cann").unwrap(), "library/cann");
        assert_eq!(repository("A/{name}", "a.io", "q.io", "cann"), Err("A/cann".to_owned()));
    }

    #[test]
    fn unknown_holes_are_told() {
        assert_eq!(RepositoryTemplate::parse("a/{tag}"), Err(TemplateError::Unknown("tag".into())));
        assert_eq!(TagTemplate::parse("{tag"), Err(TemplateError::Unbalanced));
        assert_eq!(TagTemplate::parse("tag}"), Err(TemplateError::Unbalanced));
        assert_eq!(TemplateError::Unknown("x".into()).to_string(), "`{x}` means nothing here");
    }

    #[test]
    fn tags_and_backups_have_names() {
        let tag: Tag = "1.2".parse().unwrap();
        assert_eq!(TagTemplate::parse("m-{tag}").unwrap().fill(&tag).unwrap().as_str(), "m-1.2");
        assert!(TagTemplate::parse("-{tag}").unwrap().fill(&tag).is_err());
        let backup = BackupTemplate::parse("old-{tag}-{date}-{digest}").unwrap();
        let name = backup.fill(&tag, "20261231", &"ab".repeat(32)).unwrap();
        assert_eq!(name.as_str(), "old-1.2-20261231-abababababab");
        assert!(backup.could_be(&name) && !backup.could_be(&tag));
        for (text, ambiguous) in
            [("{tag}", true), ("old", true), ("{date}", true), ("old-{tag}", false), ("{digest}", false)]
        {
            assert_eq!(BackupTemplate::parse(text).unwrap().is_ambiguous(), ambiguous, "{text}");
        }
    }
}
