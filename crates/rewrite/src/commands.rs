//! Finds images among the arguments of programs that pull them, in any text.

use std::{ops::Range, sync::LazyLock};

use memchr::memmem::Finder;

use crate::extent::{end_of, reads};

/// Programs whose arguments are images.
const PROGRAMS: [&str; 10] =
    ["docker", "podman", "nerdctl", "buildah", "skopeo", "crane", "regctl", "ctr", "crictl", "kind"];
/// Verbs all of whose arguments are images.
const ALL: [&str; 8] = ["pull", "push", "tag", "rmi", "save", "copy", "docker-image", "from"];
/// Verbs whose first argument is an image.
const FIRST: [&str; 2] = ["run", "create"];
/// Words between a program and its verb.
const BETWEEN: [&str; 4] = ["image", "images", "container", "load"];
/// Options of `run` and `create` without a value.
const SWITCHES: [&str; 16] = [
    "-d",
    "-i",
    "-t",
    "-it",
    "-ti",
    "-dit",
    "-itd",
    "-P",
    "-q",
    "--rm",
    "--detach",
    "--interactive",
    "--tty",
    "--privileged",
    "--init",
    "--read-only",
];

/// Searches for [`PROGRAMS`], made once.
static FINDERS: LazyLock<[Finder<'static>; 10]> = LazyLock::new(|| PROGRAMS.map(Finder::new));
/// The start of a filter of containers by their image.
static ANCESTOR: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new("ancestor="));
/// The start of a Dockerfile's stage.
static FROM: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new("FROM "));

/// Where the arguments of programs are that are images: `docker pull nginx`, `FROM a/b:1`.
pub fn arguments(text: &str) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    for (program, finder) in PROGRAMS.into_iter().zip(FINDERS.iter()) {
        let mut done = 0;
        for at in finder.find_iter(text.as_bytes()) {
            if at < done || !is_word(text, at, program) {
                continue;
            }
            done = text[at..].find('\n').map_or(text.len(), |length| at + length);
            command(text, at + program.len()..done, &mut found);
        }
    }
    found.extend(filters(text));
    found.extend(bases(text));
    found
}

fn is_word(text: &str, at: usize, program: &str) -> bool {
    let before = text[..at].chars().next_back();
    let starts =
        before.is_none_or(|c| c.is_whitespace() || matches!(c, '"' | '\'' | '`' | '/' | '(' | '[' | '='));
    starts && text[at + program.len()..].starts_with([' ', '\t', '"', '\''])
}

// `--filter ancestor=image`: it finds no container if that image is called otherwise.
fn filters(text: &str) -> impl Iterator<Item = Range<usize>> {
    ANCESTOR.find_iter(text.as_bytes()).filter_map(|at| {
        let start = at + "ancestor=".len();
        let end = end_of(text, start);
        (end > start && reads(&text[start..end])).then_some(start..end)
    })
}

// `FROM image` at the start of a line: a Dockerfile within a script.
fn bases(text: &str) -> impl Iterator<Item = Range<usize>> {
    FROM.find_iter(text.as_bytes()).filter_map(|at| {
        let starts = text[..at].ends_with('\n') || at == 0;
        let start = at + "FROM ".len();
        let found = &text[start..end_of(text, start)];
        (starts && found.contains([':', '/']) && reads(found)).then(|| start..start + found.len())
    })
}

fn command(text: &str, line: Range<usize>, found: &mut Vec<Range<usize>>) {
    let mut words = words(text, line).peekable();
    let is_between = |word: &Range<usize>| {
        let word = &text[word.clone()];
        word.starts_with('-') || BETWEEN.contains(&word)
    };
    while words.next_if(is_between).is_some() {}
    let Some(verb) = words.next() else { return };
    let verb = &text[verb];
    if ALL.contains(&verb) {
        let arguments: Vec<Range<usize>> = words.take_while(|word| !is_end(&text[word.clone()])).collect();
        let is_alone = arguments.iter().filter(|word| !text[(*word).clone()].starts_with('-')).count() == 1;
        found.extend(arguments.into_iter().filter_map(|word| image(text, word, is_alone)));
    } else if FIRST.contains(&verb) {
        found.extend(first(text, words));
    }
}

fn first(text: &str, mut words: impl Iterator<Item = Range<usize>>) -> Option<Range<usize>> {
    while let Some(range) = words.next() {
        let word = &text[range.clone()];
        if is_end(word) {
            return None;
        }
        if !word.starts_with('-') {
            return image(text, range, true);
        }
        if !word.contains('=') && !SWITCHES.contains(&word) {
            words.next();
        }
    }
    None
}

fn is_end(word: &str) -> bool {
    matches!(word, "&&" | "||" | "|" | ";" | ">" | "\\" | "#")
}

// The image in a word. Only a whole command may name one by a plain word: text about programs has such words too.
fn image(text: &str, word: Range<usize>, is_whole: bool) -> Option<Range<usize>> {
    let inner = &text[word.clone()];
    let skipped = inner.find("://").map_or(0, |at| at + 3);
    let start = word.start + skipped;
    let end = end_of(text, start).min(word.end);
    let found = text[start..end].trim_end_matches(['.', ',', ':', ';']);
    let names =
        found.bytes().any(|byte| byte.is_ascii_alphanumeric()) && !found.starts_with(['$', '-', '.', '/']);
    let says = found.contains([':', '/']) || is_whole && found.bytes().all(|byte| !byte.is_ascii_uppercase());
    let is_web = inner.starts_with("http");
    (names && says && !is_web && reads(found)).then(|| start..start + found.len())
}

// Words without the quotes around them.
fn words(text: &str, line: Range<usize>) -> impl Iterator<Item = Range<usize>> {
    const ENDS: [char; 12] = [' ', '\t', '\r', '"', '\'', '`', ',', '[', ']', '(', ')', ';'];
    let mut at = line.start;
    text[line].split_inclusive(ENDS).filter_map(move |word| {
        let start = at;
        at += word.len();
        let inner = word.trim_end_matches(ENDS);
        (!inner.is_empty()).then_some(start..start + inner.len())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_of_programs_are_found() {
        for (text, images) in [
            ("docker pull nginx", &["nginx"][..]),
            ("sudo docker image pull -q quay.io/a/b:1 && echo x", &["quay.io/a/b:1"]),
            ("- docker run --rm -v /a:/b -e X=1 alpine:3 sh -c 'x y:1'", &["alpine:3"]),
            ("podman run -it --name x registry.local/a/b", &["registry.local/a/b"]),
            ("docker tag a:1 b/c:$TAG", &["a:1", "b/c:$TAG"]),
            ("skopeo copy --all docker://a.io/b:1 docker://c.io/d:1", &["a.io/b:1", "c.io/d:1"]),
            ("kind load docker-image a/b:dev", &["a/b:dev"]),
            ("docker ps -q --filter ancestor=nginx:1", &["nginx:1"]),
            ("sudo crictl pull registry.k8s.io/pause:3.10", &["registry.k8s.io/pause:3.10"]),
            ("command: [\"docker\", \"run\", \"busybox:1\"]", &["busybox:1"]),
            ("docker pull images from there", &[]),
            ("docker build - <<X\nFROM busybox:1\nX", &["busybox:1"]),
            ("docker pull $IMAGE", &[]),
            ("docker compose up -d web", &[]),
            ("dockerd run x:1", &[]),
        ] {
            let found: Vec<&str> = arguments(text).into_iter().map(|range| &text[range]).collect();
            assert_eq!(found, images, "{text}");
        }
    }
}
