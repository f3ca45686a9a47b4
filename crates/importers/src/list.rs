//! A list of images, one a line, as DaoCloud's `mirror.txt`: a repository with its registry in front, and perhaps `:` and
//! a regular expression for its tags. Blanks are dropped, `#` begins a comment. Without an expression, versions are
//! meant ([`VERSIONS`]); tags that match a line of `exclude.txt` are left out. A list in which every line has a tag, or
//! some line has no registry, is one of images (`images`).

use entrepot_oci::{Host, Tag};
use entrepot_sync::rules::TagsSection;

use crate::{
    draft::{RuleDraft, is_repository, target, texts},
    imported::{FileKind, Imported},
};

/// The tags that are meant where a line does not say.
const VERSIONS: &str = r"^([a-z]+-)?[a-z]*[0-9]+(\.[0-9]+){1,2}";

pub(crate) fn is_one(text: &str) -> bool {
    let has_tag = |line: &String| {
        entry(line).is_some_and(|(_, tags)| tags.is_some_and(|tags| tags.parse::<Tag>().is_ok()))
    };
    let lines: Vec<String> = lines(text).collect();
    lines.iter().all(|line| entry(line).is_some()) && !lines.iter().all(has_tag)
}

fn lines(text: &str) -> impl Iterator<Item = String> {
    text.lines().filter_map(|line| {
        let line = line.split('#').next().unwrap_or_default();
        let line: String = line.chars().filter(|c| !c.is_whitespace()).collect();
        (!line.is_empty()).then_some(line)
    })
}

// The repository and the expression.
fn entry(line: &str) -> Option<(&str, Option<&str>)> {
    let (host, path) = line.split_once('/')?;
    let (path, tags) = path.split_once(':').map_or((path, None), |(path, tags)| (path, Some(tags)));
    let repository = &line[..=host.len() + path.len()];
    (Host::looks_like_one(host) && is_repository(repository)).then_some((repository, tags))
}

/// A line of a list: a repository, and which of its tags are meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListEntry {
    /// The repository with its registry.
    pub repository: String,
    /// The expression for its tags: as it was written, or versions.
    pub tags: String,
}

/// The entries of a list as `mirror.txt` is one.
///
/// # Errors
/// The numbers of the lines that are none.
pub fn list_entries(text: &str) -> Result<Vec<ListEntry>, Vec<usize>> {
    let (mut entries, mut wrong) = (Vec::new(), Vec::new());
    for (index, line) in text.lines().enumerate() {
        let Some(line) = lines(line).next() else { continue };
        match entry(&line) {
            Some((repository, tags)) => entries.push(ListEntry {
                repository: repository.to_owned(),
                tags: tags.unwrap_or(VERSIONS).to_owned(),
            }),
            None => wrong.push(index + 1),
        }
    }
    if wrong.is_empty() { Ok(entries) } else { Err(wrong) }
}

/// The lines of a list without comments and blanks, such as the expressions of `exclude.txt`.
pub fn list_lines(text: &str) -> Vec<String> {
    lines(text).collect()
}

pub(crate) fn read(text: &str, exclude: Option<&str>, to: &str) -> Imported {
    let excluded: Vec<String> = exclude.map(|text| lines(text).collect()).unwrap_or_default();
    // One rule for each registry and expression.
    let mut groups: Vec<(String, Option<String>, Vec<String>)> = Vec::new();
    let mut imported = Imported::new(FileKind::List);
    for line in lines(text) {
        let Some((repository, tags)) = entry(&line) else { continue };
        let host = repository.split('/').next().unwrap_or_default();
        let known = groups.iter_mut().find(|(at, expression, _)| at == host && expression.as_deref() == tags);
        match known {
            Some((_, _, members)) if members.iter().any(|member| member == repository) => {
                imported.notes.push(format!("{repository} was there twice, and is once here"));
            }
            Some((_, _, members)) => members.push(repository.to_owned()),
            None => groups.push((host.to_owned(), tags.map(str::to_owned), vec![repository.to_owned()])),
        }
    }
    let drafts = groups.into_iter().map(|(_, expression, members)| {
        let matches = expression.unwrap_or_else(|| VERSIONS.to_owned());
        let tags = TagsSection {
            matches: texts(vec![matches]),
            not_matches: texts(excluded.clone()),
            ..TagsSection::default()
        };
        let mut draft = RuleDraft::new(members, tags);
        draft.to(target(to));
        draft
    });
    imported.drafts.extend(drafts);
    imported
}

/// Puts a list in order as `hack/fmt.sh` of that project does: lines in the order of their bytes, each once, without
/// empty ones. Nothing is changed within a line; comments are lines like any other. Doing it twice changes nothing more.
pub fn format_list(text: &str) -> String {
    let mut lines: Vec<&str> = text.split('\n').filter(|line| !line.is_empty()).collect();
    lines.sort_unstable();
    lines.dedup();
    lines.iter().flat_map(|line| [*line, "\n"]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_say_which_tags_of_which_repository() {
        let entries = list_entries("# all\nquay.io/a/b\n\n docker.io/c/d : ^v1 # one\n").unwrap();
        let told: Vec<_> =
            entries.iter().map(|entry| (entry.repository.as_str(), entry.tags.as_str())).collect();
        assert_eq!(told, [("quay.io/a/b", VERSIONS), ("docker.io/c/d", "^v1")]);
        assert_eq!(list_entries("quay.io/a\nnginx\nquay.io/b\n/x"), Err(vec![2, 4]));
        assert_eq!(list_lines(".*alpha.*\n\n# x\n.*-g[0-9a-f]{7,}.*"), [".*alpha.*", ".*-g[0-9a-f]{7,}.*"]);
    }

    #[test]
    fn lines_are_in_order_and_once() {
        let text = "quay.io/b\n\ndocker.io/Z\ndocker.io/a\nquay.io/b";
        let sorted = "docker.io/Z\ndocker.io/a\nquay.io/b\n";
        assert_eq!(format_list(text), sorted);
        assert_eq!(format_list(sorted), sorted);
        assert_eq!(format_list(""), "");
    }
}
