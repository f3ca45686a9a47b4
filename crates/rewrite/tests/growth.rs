//! Documents so long that quadratic time would take minutes: no clock is needed to notice.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on ends")]

use entrepot_rewrite::{
    Census, Document, DocumentKind, Ignore, Naming, Reason, RewrittenDocument, Rules, Search,
};

const MANY: usize = 20_000;

fn numbered(line: &str) -> String {
    (0..MANY).map(|number| line.replace('%', &number.to_string())).collect()
}

fn rewrite(kind: DocumentKind, text: &str, ignore: &str) -> RewrittenDocument {
    let naming = Naming::Flatten("r.test/ns".parse().unwrap());
    let rules = Rules { naming, ignore: Ignore::read(ignore).unwrap(), ..Rules::default() };
    let document = Document::read(text, kind, &Search { built: true, ..Search::default() }).unwrap();
    assert_eq!(document.candidates().len(), MANY);
    document.rewrite(&rules, &mut Census::default()).unwrap()
}

#[test]
fn services_are_looked_up_once() {
    let done =
        rewrite(DocumentKind::Compose, &format!("services:\n{}", numbered("  s%: {image: a/b%}\n")), "");
    assert_eq!(done.changes.len(), MANY);
}

#[test]
fn a_long_line_is_counted_once() {
    let text = format!("{{\"services\": {{{}\"z\": {{}}}}}}", numbered("\"s%\": {\"image\": \"a/b%\"}, "));
    let done = rewrite(DocumentKind::Compose, &text, "");
    let last = done.changes.last().unwrap().position;
    assert_eq!((last.line, last.column), (1, text.rfind("\"a/b").unwrap() + 1));
}

#[test]
fn stages_are_looked_up_once() {
    let stages: String = (1..MANY).map(|number| format!("FROM a{} AS a{number}\n", number - 1)).collect();
    let done = rewrite(DocumentKind::Dockerfile, &format!("FROM x AS a0\n{stages}"), "");
    assert_eq!((done.changes.len(), done.left.len()), (1, MANY - 1));
}

#[test]
fn lines_of_a_block_are_looked_up_once() {
    let head = "on: push\njobs:\n  a:\n    steps:\n    - uses: docker/build-push-action@v6\n      with:\n        tags: |\n";
    let done = rewrite(DocumentKind::Github, &format!("{head}{}", numbered("          q.io/a/b%:1\n")), "");
    assert_eq!(done.changes.len(), MANY);
    assert_eq!(done.changes[MANY - 1].position.line, MANY + 7);
    let last = done.text.lines().last().unwrap();
    assert_eq!(last, format!("          r.test/ns/a-b{}:1", MANY - 1));
}

// One of them cannot be renamed, so none of those that share its registry is.
#[test]
fn who_shares_a_part_is_looked_at_once() {
    let images = numbered("k%: {image: {repository: b/c%, tag: '1'}}\n");
    let text = format!("global: {{imageRegistry: q.io}}\n{images}");
    let done = rewrite(DocumentKind::Helm, &text, &format!("q.io/b/c{}\n", MANY - 1));
    assert_eq!((done.text == text, done.left.len()), (true, MANY));
    let shared = |reason: &Reason| matches!(reason, Reason::Shared(_));
    assert_eq!(done.left.iter().filter(|left| shared(&left.reason)).count(), MANY - 1);
}
