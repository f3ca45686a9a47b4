//! Finds text that looks like an image where its kind of document names none, so that nothing is left alone in silence.
//!
//! - a whole reference: a registry, a repository, and a tag or digest
//! - the value of a key that ends in `image`, in a document within the document
//! - an argument of a program that pulls images; [`commands`](crate::commands) reads those
//!
//! Comments are not searched. What is found here is only reported, never changed.

use std::{ops::Range, sync::LazyLock};

use memchr::{memchr_iter, memmem};

use crate::{
    candidate::Reason,
    commands,
    extent::{end_of, reads},
    finder::{CandidateEntry, EntryVerdict, Finder},
    kind::DocumentKind,
    tree::Style,
};

/// Registries by which a reference is known even without tag or digest.
const REGISTRIES: [&str; 15] = [
    "docker.io",
    "index.docker.io",
    "quay.io",
    "ghcr.io",
    "gcr.io",
    "registry.k8s.io",
    "mcr.microsoft.com",
    "public.ecr.aws",
    "registry.gitlab.com",
    "registry.access.redhat.com",
    "registry.redhat.io",
    "docker.elastic.co",
    "nvcr.io",
    "cgr.dev",
    "lscr.io",
];
/// Sites whose addresses look like references.
const SITES: [&str; 5] = ["github.com", "kubernetes.io", "k8s.io", "golang.org", "githubusercontent.com"];
/// Schemes before a reference.
const SCHEMES: [&str; 3] = ["docker://", "docker-image://", "containers-storage://"];
/// Endings of files that are pictures.
const PICTURES: [&str; 6] = [".png", ".svg", ".jpg", ".jpeg", ".gif", ".webp"];

/// Searches for the ends of keys, made once; `LOWER` also stands for `Image`.
static LOWER: LazyLock<memmem::Finder<'static>> = LazyLock::new(|| memmem::Finder::new("mage"));
static UPPER: LazyLock<memmem::Finder<'static>> = LazyLock::new(|| memmem::Finder::new("IMAGE"));

/// Records everything that looks like an image and is not recorded yet.
pub(crate) fn find(kind: DocumentKind, finder: &mut Finder<'_>) {
    let text = finder.text;
    // Of two at one place, the first counts: a command says more than a reference alone.
    let mut hits: Vec<(Range<usize>, Reason)> = Vec::new();
    hits.extend(commands::arguments(text).into_iter().map(|range| (range, Reason::Script)));
    hits.extend(references(text).map(|range| (range, Reason::Elsewhere)));
    hits.extend(values(text));
    if hits.is_empty() {
        return;
    }
    hits.sort_by_key(|(range, _)| range.start);
    let recorded = RecordedRanges::of(finder);
    let mut line = LineCounter { at: 0, number: 1 };
    let mut end = 0;
    for (range, reason) in hits {
        if range.start < end || recorded.covers(&range) || is_comment(text, range.start, kind) {
            continue;
        }
        end = range.end;
        let reason = if kind == DocumentKind::Script { Reason::Script } else { reason };
        let place = format!("line {}", line.of(text, range.start));
        let found = text[range.clone()].to_owned();
        finder.add_entry(CandidateEntry::new(range.start, place, found, EntryVerdict::Left(reason)));
    }
}

/// Counts lines up to ascending offsets.
struct LineCounter {
    at: usize,
    number: usize,
}

impl LineCounter {
    fn of(&mut self, text: &str, at: usize) -> usize {
        self.number += memchr_iter(b'\n', &text.as_bytes()[self.at..at]).count();
        self.at = at;
        self.number
    }
}

/// The ranges of recorded candidates, of the texts their names come from, and of names that only refer to others;
/// sorted, without overlaps.
struct RecordedRanges(Vec<Range<usize>>);

impl RecordedRanges {
    fn of(finder: &Finder<'_>) -> Self {
        // With quotes.
        let entries = finder.entries.iter().map(|entry| entry.at..entry.at + entry.text.len() + 2);
        let tokens = finder.entries.iter().flat_map(|entry| {
            let parts: Vec<(usize, usize)> = match &entry.what {
                EntryVerdict::Image(image) => image.reference.rests_on().collect(),
                EntryVerdict::Left(_) => entry.rests_on.clone(),
            };
            parts.into_iter().filter_map(|(slot, _)| finder.tokens.get(slot))
        });
        let whole = tokens.filter(|token| token.style != Style::Block || !token.text.trim().contains('\n'));
        let mut ranges: Vec<Range<usize>> = entries
            .chain(whole.map(|token| token.span.clone()))
            .chain(finder.passed.iter().cloned())
            .collect();
        ranges.sort_by_key(|range| range.start);
        ranges.dedup_by(|next, last| {
            let overlaps = next.start <= last.end;
            last.end = if overlaps { last.end.max(next.end) } else { last.end };
            overlaps
        });
        Self(ranges)
    }

    fn covers(&self, range: &Range<usize>) -> bool {
        let next = self.0.partition_point(|known| known.end <= range.start);
        self.0.get(next).is_some_and(|known| known.start < range.end)
    }
}

fn is_comment(text: &str, at: usize, kind: DocumentKind) -> bool {
    let start = text[..at].rfind('\n').map_or(0, |newline| newline + 1);
    let before = &text[start..at];
    let begins = |mark: &str| {
        before.match_indices(mark).any(|(at, _)| at == 0 || before[..at].ends_with([' ', '\t', ';']))
    };
    match kind {
        DocumentKind::Dockerfile => before.trim_start().starts_with('#'),
        DocumentKind::Devcontainer => begins("//"),
        DocumentKind::Hcl => begins("#") || begins("//"),
        DocumentKind::Quadlet => before.trim_start().starts_with(['#', ';']),
        _ => begins("#"),
    }
}

// Whole references, found by their first `/`.
fn references(text: &str) -> impl Iterator<Item = Range<usize>> {
    memchr_iter(b'/', text.as_bytes()).filter_map(|slash| reference(text, slash))
}

fn reference(text: &str, slash: usize) -> Option<Range<usize>> {
    let bytes = text.as_bytes();
    let is_host = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b':');
    let length = bytes[..slash].iter().rev().take_while(|byte| is_host(byte)).count();
    let start = slash - length;
    let domain = text[start..slash].split(':').next()?;
    let (_, top) = domain.rsplit_once('.')?;
    if top.len() < 2 || !top.bytes().all(|byte| byte.is_ascii_alphabetic()) || domain.starts_with(['.', '-'])
    {
        return None;
    }
    let before = &text[..start];
    if before.ends_with(['@', '_', '~']) || before.ends_with('/') && !has_scheme(before) || is_site(domain) {
        return None;
    }
    let end = end_of(text, slash + 1);
    let whole = text[start..end].trim_end_matches(['.', ':', ',', '-', '/', '@']);
    let says_which = whole.rsplit('/').next().is_some_and(|last| last.contains([':', '@']));
    let is_known =
        REGISTRIES.contains(&domain) || domain.ends_with(".gcr.io") || domain.ends_with(".pkg.dev");
    let is_one = whole.len() > slash - start + 1 && (says_which || is_known) && reads(whole);
    is_one.then(|| start..start + whole.len())
}

fn has_scheme(before: &str) -> bool {
    SCHEMES.iter().any(|scheme| before.ends_with(scheme))
}

fn is_site(domain: &str) -> bool {
    domain != "registry.k8s.io"
        && SITES
            .iter()
            .any(|site| domain.strip_suffix(site).is_some_and(|rest| rest.is_empty() || rest.ends_with('.')))
}

// Values of keys that end in `image`: `image: x`, `"image" : "x"`, `IMAGE=x`.
fn values(text: &str) -> impl Iterator<Item = (Range<usize>, Reason)> {
    let upper = UPPER.find_iter(text.as_bytes()).map(|at| (at, at + 5));
    let lower = LOWER.find_iter(text.as_bytes()).filter_map(move |at| {
        let first = *text.as_bytes().get(at.checked_sub(1)?)?;
        matches!(first, b'i' | b'I').then_some((at - 1, at + 4))
    });
    lower.chain(upper).filter_map(|(start, end)| value(text, start, end))
}

fn value(text: &str, start: usize, end: usize) -> Option<(Range<usize>, Reason)> {
    let rest = &text[end..];
    let rest =
        ["Name", "_name", "-name", "_NAME"].iter().find_map(|more| rest.strip_prefix(more)).unwrap_or(rest);
    let rest = rest.trim_start_matches(['"', '\'', '\\']).trim_start_matches(' ');
    let is_colon = rest.starts_with(':');
    let rest = rest.strip_prefix([':', '='])?.trim_start_matches([' ', '"', '\'', '\\']);
    let rest = SCHEMES.iter().find_map(|scheme| rest.strip_prefix(scheme)).unwrap_or(rest);
    let from = text.len() - rest.len();
    if is_colon && rest.starts_with("{{") {
        let to = end_of(text, from);
        return Some((from..to, Reason::Template));
    }
    let to = end_of(text, from);
    let found = text[from..to].trim_end_matches(['.', ':', ',']);
    let is_inner = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-');
    let is_key = is_colon && !text[..start].ends_with(is_inner);
    let ends = text[to..].starts_with(['\n', '\r', '"', '\'']) || to == text.len();
    let says = found.contains(['/', ':']) || is_key && ends && !is_word(found);
    let is_picture = PICTURES.iter().any(|ending| found.ends_with(ending));
    let starts = found.starts_with(|c: char| c.is_ascii_alphanumeric()) && !found.contains("://");
    (says && starts && !is_picture && reads(found)).then(|| (from..from + found.len(), Reason::Elsewhere))
}

fn is_word(text: &str) -> bool {
    matches!(text, "true" | "false" | "null" | "yes" | "no") || text.parse::<f64>().is_ok()
}

#[cfg(test)]
mod tests {
    use crate::{Document, Search};

    use super::*;

    fn told(kind: DocumentKind, text: &str) -> Vec<String> {
        let document = Document::read(text, kind, &Search::default()).unwrap();
        document.candidates().into_iter().map(|candidate| candidate.text).collect()
    }

    #[test]
    fn whole_references_are_told_anywhere() {
        for (text, found) in [
            ("3.9=quay.io/strimzi/kafka:0.45", Some("quay.io/strimzi/kafka:0.45")),
            ("x: docker://ghcr.io/a/b:1", Some("ghcr.io/a/b:1")),
            ("a,reg.example.com:5000/b/c:${TAG:-1},d", Some("reg.example.com:5000/b/c:${TAG:-1}")),
            ("pull from quay.io/a/b.", Some("quay.io/a/b")),
            ("https://quay.io/a/b:1", None),
            ("git@gitlab.example.com/a:1", None),
            ("node-role.kubernetes.io/master:NoSchedule", None),
            ("./nginx.conf:/etc/nginx/nginx.conf:ro", None),
            ("example.com/a/b", None),
            ("# quay.io/a/b:1", None),
            ("quay.io/", None),
        ] {
            assert_eq!(told(DocumentKind::Script, text), found.into_iter().collect::<Vec<_>>(), "{text}");
        }
    }

    #[test]
    fn values_of_image_keys_are_told() {
        for (text, found) in [
            ("  \"image\" : \"nginx:1\",", Some("nginx:1")),
            ("{\\\"image\\\": \\\"a/b\\\"}", Some("a/b")),
            ("    image: nginx\n", Some("nginx")),
            ("{ \"name\": \"x\", \"image\": \"ubuntu\" }", Some("ubuntu")),
            ("MY_IMAGE=a/b:1", Some("a/b:1")),
            ("imageName: a/b:$TAG", Some("a/b:$TAG")),
            ("image: {{ .Values.image }}", Some("{{ .Values.image }}")),
            ("image: true", None),
            ("BASE_IMAGE: base", None),
            ("image: logo/a.png", None),
            ("imagePullPolicy: a/b", None),
            ("the image: of a thing", None),
        ] {
            assert_eq!(told(DocumentKind::Script, text), found.into_iter().collect::<Vec<_>>(), "{text}");
        }
    }
}
