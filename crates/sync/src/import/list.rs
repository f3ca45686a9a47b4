//! A list of images, one a line, as DaoCloud's `mirror.txt`: a repository with its registry in front, and perhaps `:` and
//! a regular expression for its tags. Blanks are dropped, `#` begins a comment. Without an expression, versions are
//! meant ([`VERSIONS`]); tags that match a line of `exclude.txt` are left out.

use entrepot_oci::Host;

use super::{
    Draft, Imported, Kind,
    draft::{is_repository, target, texts},
};
use crate::rules::TagsSection;

/// The tags that are meant where a line does not say.
const VERSIONS: &str = r"^([a-z]+-)?[a-z]*[0-9]+(\.[0-9]+){1,2}";

pub(super) fn is_one(text: &str) -> bool {
    let mut lines = lines(text).peekable();
    lines.peek().is_some() && lines.all(|line| entry(&line).is_some())
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

pub(super) fn read(text: &str, exclude: Option<&str>, to: &str) -> Imported {
    let excluded: Vec<String> = exclude.map(|text| lines(text).collect()).unwrap_or_default();
    // One rule for each registry and expression.
    let mut groups: Vec<(String, Option<String>, Vec<String>)> = Vec::new();
    let mut notes = Vec::new();
    for line in lines(text) {
        let Some((repository, tags)) = entry(&line) else { continue };
        let host = repository.split('/').next().unwrap_or_default();
        let known = groups.iter_mut().find(|(at, expression, _)| at == host && expression.as_deref() == tags);
        match known {
            Some((_, _, members)) if members.iter().any(|member| member == repository) => {
                notes.push(format!("{repository} was there twice, and is once here"));
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
        let mut draft = Draft::new(members, tags);
        draft.to(target(to));
        draft
    });
    Imported { kind: Kind::List, notes, registries: Vec::new(), drafts: drafts.collect() }
}
