//! Images whose names use variables that are set outside the document.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on ends")]

use entrepot_rewrite::{
    Census, Document, DocumentKind, Naming, RewrittenDocument, Rules, Search, ValueOrigin, Variables,
};

const ENV: &str = "DB_IMAGE=mysql:8\nREGISTRY='ghcr.io'\nNAME=team/api\nTAG=2.1\n";

fn search() -> Search {
    let mut variables =
        Variables::of_environment([("SHELL_IMAGE".to_owned(), "quay.io/team/shell:3".to_owned())]);
    variables.add_file(ENV);
    Search { variables: Some(variables), ..Search::default() }
}

fn rewrite(kind: DocumentKind, text: &str, search: &Search) -> RewrittenDocument {
    let rules = Rules { naming: Naming::Flatten("r.test/ns".parse().unwrap()), ..Rules::default() };
    let document = Document::read(text, kind, search).unwrap();
    document.rewrite(&rules, &mut Census::default()).unwrap()
}

/// A service's new image, the old one, and the reason if it was left alone.
fn one(image: &str) -> (String, String) {
    let text = format!("services:\n  a:\n    image: {image}\n");
    let rewritten = rewrite(DocumentKind::Compose, &text, &search());
    let told = match (rewritten.changes.as_slice(), rewritten.left.as_slice()) {
        ([change], []) => change.from.to_string(),
        ([], [left]) => match &left.found {
            Some(found) => format!("{found}: {}", left.reason.word()),
            None => left.reason.to_string(),
        },
        other => panic!("{other:?}"),
    };
    let new = rewritten.text.lines().last().unwrap().trim().strip_prefix("image: ").unwrap().to_owned();
    (new, told)
}

#[test]
fn names_are_what_the_variables_say() {
    for (image, new, told) in [
        ("nginx:1", "r.test/ns/nginx:1", "docker.io/library/nginx:1"),
        // A tag variable stays.
        ("team/app:${TAG}", "r.test/ns/team-app:${TAG}", "docker.io/team/app:2.1"),
        ("team/app:${TAG:-1}", "r.test/ns/team-app:${TAG:-1}", "docker.io/team/app:2.1"),
        ("team/app:${OTHER:-1}", "r.test/ns/team-app:${OTHER:-1}", "docker.io/team/app:1"),
        // A variable for a part of a name cannot stay: it would mean something else in other places.
        ("${REGISTRY}/team/app:1", "r.test/ns/team-app:1", "ghcr.io/team/app:1"),
        ("'${REGISTRY}/${NAME}:${TAG}'", "'r.test/ns/team-api:${TAG}'", "ghcr.io/team/api:2.1"),
        ("${REGISTRY:-quay.io}/${NAME}", "r.test/ns/team-api", "ghcr.io/team/api"),
        ("${IMAGE:-${REGISTRY}/team/x:1}", "${IMAGE:-r.test/ns/team-x:1}", "ghcr.io/team/x:1"),
        // A whole name is changed where it is set, or written out if that is the environment.
        ("${DB_IMAGE:-postgres:15}", "${DB_IMAGE:-postgres:15}", "docker.io/library/mysql:8: held"),
        ("$NAME:1", "$NAME:1", "docker.io/team/api:1: held"),
        ("${SHELL_IMAGE:?set it}", "r.test/ns/team-shell:3", "quay.io/team/shell:3"),
        ("${IMAGE:-postgres:15}", "${IMAGE:-r.test/ns/postgres:15}", "docker.io/library/postgres:15"),
        ("team/app:${UNSET}", "team/app:${UNSET}", "its tag comes from `UNSET`, which is not set"),
        ("${UNSET}", "${UNSET}", "the name comes from `UNSET`, which the document does not set"),
        ("r.test/ns/a:${TAG}", "r.test/ns/a:${TAG}", "r.test/ns/a:2.1: already"),
    ] {
        assert_eq!(one(image), (new.to_owned(), told.to_owned()), "{image}");
    }
}

#[test]
fn the_variables_are_told() {
    let text = "services: {a: {image: \"${REGISTRY}/${NAME}:${TAG}\"}, b: {image: \"$SHELL_IMAGE\"}}\n";
    let rewritten = rewrite(DocumentKind::Compose, text, &search());
    let all = ["REGISTRY", "NAME", "TAG"].map(|name| (name.to_owned(), ValueOrigin::File));
    assert_eq!(rewritten.changes[0].variables, all);
    assert_eq!(rewritten.changes[1].variables, [("SHELL_IMAGE".to_owned(), ValueOrigin::Environment)]);
}

#[test]
fn of_a_file_of_variables_only_those_that_hold_images_change() {
    let text = "# c\nDB_IMAGE=\"mysql:8\" # c\r\nOTHER_IMAGE=redis\nAPP=$REGISTRY/team/app:${TAG}\nPASSWORD=ghcr.io/a/b:1";
    let search = Search { holders: Some(["DB_IMAGE", "APP"].map(str::to_owned).into()), ..search() };
    let rewritten = rewrite(DocumentKind::Env, text, &search);
    let expected =
        text.replace("mysql:8", "r.test/ns/mysql:8").replace("$REGISTRY/team/app", "r.test/ns/team-app");
    assert_eq!((rewritten.text, rewritten.changes.len(), rewritten.left.len()), (expected, 2, 0));
}

#[test]
fn without_values_nothing_is_different() {
    let text = "services: {a: {image: \"${DB_IMAGE:-postgres:15}\"}, b: {image: \"x/y:${TAG}\"}}\n";
    let rewritten = rewrite(DocumentKind::Compose, text, &Search::default());
    let expected = text.replace("postgres", "r.test/ns/postgres").replace("x/y", "r.test/ns/x-y");
    assert_eq!(rewritten.text, expected);
}

#[test]
fn files_that_are_taken_in_are_told() {
    let text = "include:\n- base.yaml\n- {path: [a.yaml, b.yaml]}\nservices: {a: {extends: {file: c.yaml, service: x}}}\n";
    let told: Vec<(String, &str)> = rewrite(DocumentKind::Compose, text, &Search::default())
        .left
        .into_iter()
        .map(|left| (left.text, left.reason.word()))
        .collect();
    assert_eq!(told, ["base.yaml", "a.yaml", "b.yaml", "c.yaml"].map(|file| (file.to_owned(), "other-file")));
}
