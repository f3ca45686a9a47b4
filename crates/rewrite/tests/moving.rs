//! Documents of a project that moves: pushed images, and names that depend on each other.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on ends")]

use entrepot_rewrite::{
    Census, Document, DocumentKind, Map, Naming, Position, Reason, RewrittenDocument, Rules, Search,
};

fn rewritten(text: &str, kind: DocumentKind, pairs: &[&str], renamed: &[&str]) -> RewrittenDocument {
    let map = Map::read(pairs.iter().copied()).unwrap();
    let rules = Rules { map, naming: Naming::Map, ..Rules::default() };
    let renamed = renamed.iter().map(|name| (*name).to_owned()).collect();
    let search = Search { built: true, renamed, ..Search::default() };
    Document::read(text, kind, &search).unwrap().rewrite(&rules, &mut Census::default()).unwrap()
}

const MATRIX: &str = "\
jobs:
  push:
    strategy: {matrix: {name: [a, b]}}
    steps:
      - uses: docker/build-push-action@v7
        with:
          tags: |
            ghcr.io/team/${{ matrix.name }}:1
            team/${{ matrix.name }}:1
            team/${{ matrix.name }}:${{ github.sha }}
";

#[test]
fn a_name_with_a_value_of_the_matrix_changes_where_all_values_do() {
    let both = ["team/a=quay.io/new/x-a", "team/b=quay.io/new/x-b"];
    let done = rewritten(MATRIX, DocumentKind::Github, &both, &[]);
    assert_eq!(done.text, MATRIX.replace("            team/$", "            quay.io/new/x-$"));
    assert_eq!(done.changes.len(), 4);
    assert_eq!(done.changes[0].position, Position { line: 9, column: 13 });
    // Those of the other registry are reported once per value and left alone.
    assert_eq!(done.left.iter().filter(|left| left.reason == Reason::Unmapped).count(), 2);

    let one = rewritten(MATRIX, DocumentKind::Github, &both[..1], &[]);
    assert_eq!((one.text.as_str(), one.changes.len()), (MATRIX, 0));
    let other = ["team/a=quay.io/new/a", "team/b=quay.io/other/b"];
    assert_eq!(rewritten(MATRIX, DocumentKind::Github, &other, &[]).text, MATRIX);
    let unknown = MATRIX.replace("    strategy: {matrix: {name: [a, b]}}\n", "");
    let left = rewritten(&unknown, DocumentKind::Github, &both, &[]).left;
    assert!(left.iter().all(|left| left.reason == Reason::Variable("matrix.name".to_owned())), "{left:?}");
}

/// A workflow that pushes these images.
fn pushed(images: &[&str]) -> String {
    let frame = "\
jobs:
  push:
    steps:
      - uses: docker/metadata-action@v5
        with:
          images: |
";
    images.iter().fold(frame.to_owned(), |text, image| format!("{text}            {image}\n"))
}

#[test]
fn a_line_that_is_a_part_of_another_is_told_from_it() {
    let text = &pushed(&["ghcr.io/team/a", "team/a"]);
    let done = rewritten(text, DocumentKind::Github, &["team/a=quay.io/new/a"], &[]);
    assert_eq!(done.text, text.replace("            team/a\n", "            quay.io/new/a\n"));
}

#[test]
fn a_line_that_is_there_twice_is_left_and_told() {
    let text = &pushed(&["team/a", "team/b", "team/a"]);
    let done = rewritten(text, DocumentKind::Github, &["team/a=quay.io/new/a", "team/b=quay.io/new/b"], &[]);
    assert_eq!(done.text, text.replace("team/b", "quay.io/new/b"));
    assert_eq!(done.changes.len(), 1, "{:?}", done.changes);
    let reasons: Vec<_> = done.left.iter().map(|left| (left.text.as_str(), &left.reason)).collect();
    assert_eq!(reasons, [("team/a", &Reason::InPieces), ("team/a", &Reason::InPieces)]);
}

#[test]
fn a_kustomization_follows_the_resources() {
    let text = "\
images:
- name: team/a
  newTag: v1
- name: team/b # with another name
  newName: team/a
  newTag: v1
- {name: team/c, newTag: v1}
";
    let pairs = ["team/a=quay.io/new/a", "team/c=quay.io/new/c"];
    let alone = rewritten(text, DocumentKind::Kustomize, &pairs, &[]).text;
    assert!(
        alone.starts_with("images:\n- name: team/a\n  newName: quay.io/new/a\n  newTag: v1\n"),
        "{alone}"
    );
    let done = rewritten(text, DocumentKind::Kustomize, &pairs, &["docker.io/team/a", "docker.io/team/c"]);
    let expected = text.replace("team/a", "quay.io/new/a").replace("team/c", "quay.io/new/c");
    assert_eq!(done.text, expected);
    let again =
        rewritten(&done.text, DocumentKind::Kustomize, &pairs, &["docker.io/team/a", "docker.io/team/c"]);
    assert_eq!(again.text, done.text);
}
