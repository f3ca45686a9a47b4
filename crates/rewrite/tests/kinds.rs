//! Each kind of document before and after rewriting.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on ends")]

use entrepot_rewrite::{Census, Document, Kind, Naming, Rules, Search};

const DIGEST: &str = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

fn prefix() -> Rules {
    Rules { naming: Naming::Prefix("m.test".parse().unwrap()), ..Rules::default() }
}

fn flat() -> Rules {
    Rules { naming: Naming::Flatten("r.test/ns".parse().unwrap()), ..Rules::default() }
}

fn rewritten(kind: Kind, text: &str, rules: &Rules, search: &Search) -> (String, Vec<String>) {
    let document = Document::read(text, kind, search).unwrap();
    let done = document.rewrite(rules, &mut Census::default()).unwrap();
    let left =
        done.left.iter().map(|left| format!("{} {}", left.position.line, left.reason.word())).collect();
    (done.text, left)
}

/// Each line of the text is followed by its new form if it changes: `old ⇒ new`; an inserted line starts with `⇒`.
fn becomes(kind: Kind, marked: &str, left: &[&str]) {
    becomes_by(kind, marked, left, &prefix(), &Search::default());
}

fn becomes_by(kind: Kind, marked: &str, left: &[&str], rules: &Rules, search: &Search) {
    let marked = marked.replace("DIGEST", DIGEST);
    let (mut old, mut new) = (String::new(), String::new());
    for line in marked.lines() {
        match line.split_once("⇒") {
            Some(("", added)) => new.push_str(&format!("{added}\n")),
            Some((before, after)) => {
                let indent = &before[..before.len() - before.trim_start().len()];
                old.push_str(&format!("{}\n", before.trim_end()));
                new.push_str(&format!("{indent}{}\n", after.trim()));
            }
            None => {
                old.push_str(&format!("{line}\n"));
                new.push_str(&format!("{line}\n"));
            }
        }
    }
    for crlf in [false, true] {
        let ends = |text: &str| if crlf { text.replace('\n', "\r\n") } else { text.to_owned() };
        let (text, told) = rewritten(kind, &ends(&old), rules, search);
        assert_eq!(text, ends(&new));
        assert_eq!(told, left);
        let (again, _) = rewritten(kind, &text, rules, search);
        assert_eq!(again, text);
    }
}

#[test]
fn compose() {
    becomes(
        Kind::Compose,
        "\
x-airflow-common: &airflow
  image: ${AIRFLOW_IMAGE_NAME:-apache/airflow:3.0} # c ⇒ image: ${AIRFLOW_IMAGE_NAME:-m.test/docker.io/apache/airflow:3.0} # c
  environment: {A: b}
x-unused: {image: busybox}
services:
  a: {<<: *airflow}
  b:
    <<: [*airflow]
  c: {image: \"penpotapp/frontend:${V:-2.1}\", ports: [1]} ⇒ c: {image: \"m.test/docker.io/penpotapp/frontend:${V:-2.1}\", ports: [1]}
  d:
    image: >-
      redis:7 ⇒ m.test/docker.io/library/redis:7
  e:
    image: ${REG:-docker.io}/library/nginx:1 ⇒ image: ${REG:-m.test/docker.io}/library/nginx:1
  f:
    image: ${REG}/x
  # image: not/this:1
  g:
    build:
      args: {BASE_IMAGE: \"quay.io/a/b:1\"}
      cache_from: [\"type=registry,ref=quay.io/a/c:1\", d/e] ⇒ cache_from: [\"type=registry,ref=m.test/quay.io/a/c:1\", m.test/docker.io/d/e]
      additional_contexts: {base: \"docker-image://alpine:3\"} ⇒ additional_contexts: {base: \"docker-image://m.test/docker.io/library/alpine:3\"}
    image: mine
  h:
    image: host:5000/x:1
  i: {image: &pg 'postgres:15'} ⇒ i: {image: &pg 'm.test/docker.io/library/postgres:15'}
  j: {image: *pg}
  k:
    image: alpine:3@DIGEST ⇒ image: m.test/docker.io/library/alpine:3@DIGEST
    volumes:
      - type: image
        source: quay.io/vol/x:1 ⇒ source: m.test/quay.io/vol/x:1
  l: {build: .}
  m: {image: localhost/mine}
  n: {image: m.test/docker.io/library/nginx}
  o: {image: \"Not/A:ref\"}
",
        &[
            "4 unused",
            "16 variable",
            "20 argument",
            "23 built",
            "25 no-such-name",
            "33 build-only",
            "34 local",
            "35 already",
            "36 not-a-reference",
        ],
    );
}

#[test]
fn compose_of_the_first_version() {
    becomes(
        Kind::Compose,
        "web:\n  image: nginx ⇒ image: m.test/docker.io/library/nginx\nx:\n  build: .\n",
        &["4 build-only"],
    );
}

#[test]
fn what_is_built_is_changed_on_request() {
    let search = Search { built: true, arguments: true, ..Search::default() };
    becomes_by(
        Kind::Compose,
        "\
services:
  a:
    build: {args: [\"BASE_IMAGE=alpine:3\"], tags: [mine:2]} ⇒ build: {args: [\"BASE_IMAGE=m.test/docker.io/library/alpine:3\"], tags: [m.test/docker.io/library/mine:2]}
    image: mine ⇒ image: m.test/docker.io/library/mine
",
        &[],
        &prefix(),
        &search,
    );
}

#[test]
fn kubernetes() {
    becomes(
        Kind::Kubernetes,
        "\
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
spec: {properties: {image: {type: string}, x: {default: {image: quay.io/no/no:1}}}}
---
# between
apiVersion: v1
kind: List
items:
  - apiVersion: v1
    kind: Pod
    spec:
      initContainers: [{name: a, image: busybox}] ⇒ initContainers: [{name: a, image: m.test/docker.io/library/busybox}]
      ephemeralContainers:
      - image: debug:1@DIGEST ⇒ - image: m.test/docker.io/library/debug:1@DIGEST
        args: [\"--engine-image=docker.io/longhornio/engine:v1\", \"--x\", quay.io/a/b:1]
        env: [{name: CSI_IMAGE, value: longhornio/csi:v1}, {name: X, value: a/b:1}]
      volumes:
      - image: {reference: \"quay.io/models/x:1\"} ⇒ - image: {reference: \"m.test/quay.io/models/x:1\"}
  - apiVersion: monitoring.coreos.com/v1
    kind: Prometheus
    spec: {image: quay.io/prometheus/prometheus:v2}
  - apiVersion: v1
    kind: ConfigMap
    data:
      a.yaml: |
        image: foo/bar:1
        x: y
...
---
apiVersion: batch/v1
kind: CronJob
spec:
  jobTemplate:
    spec:
      template:
        spec:
          containers:
            - \"image\": \"gcr.io/x/y\" ⇒ - \"image\": \"m.test/gcr.io/x/y\"
",
        &["15 argument", "15 argument", "16 argument", "21 unknown-path", "26 embedded"],
    );
}

#[test]
fn kubernetes_on_request() {
    let search = Search { paths: vec!["spec.image".to_owned()], arguments: true, ..Search::default() };
    becomes_by(
        Kind::Kubernetes,
        "\
apiVersion: monitoring.coreos.com/v1
kind: Prometheus
spec:
  image: quay.io/prometheus/prometheus:v2 ⇒ image: m.test/quay.io/prometheus/prometheus:v2
  thanos: {image: quay.io/thanos/thanos:v1}
  containers:
  - args: [\"--engine-image=docker.io/longhornio/engine:v1\", --x=1] ⇒ - args: [\"--engine-image=m.test/docker.io/longhornio/engine:v1\", --x=1]
    env: [{name: CSI_IMAGE, value: longhornio/csi:v1}] ⇒ env: [{name: CSI_IMAGE, value: m.test/docker.io/longhornio/csi:v1}]
",
        &["5 unknown-path"],
        &prefix(),
        &search,
    );
}

#[test]
fn kubernetes_as_json() {
    becomes(
        Kind::Kubernetes,
        "\
{
\t\"apiVersion\": \"v1\", \"kind\": \"Pod\",
\t\"spec\": {\"containers\": [{\"image\": \"ngin\\u0078:1\"}]} ⇒ \"spec\": {\"containers\": [{\"image\": \"m.test/docker.io/library/nginx:1\"}]}
}
",
        &[],
    );
}

#[test]
fn tekton_and_argo() {
    becomes(
        Kind::Kubernetes,
        "\
apiVersion: tekton.dev/v1
kind: Task
spec:
  params:
    - {name: img, default: \"gcr.io/kaniko/executor:v1\"} ⇒ - {name: img, default: \"m.test/gcr.io/kaniko/executor:v1\"}
    - name: none
  steps:
    - image: $(params.img)
    - image: $(params.none)
    - image: alpine ⇒ - image: m.test/docker.io/library/alpine
  sidecars: [{image: \"docker:dind\"}] ⇒ sidecars: [{image: \"m.test/docker.io/library/docker:dind\"}]
  stepTemplate:
    image: ubuntu ⇒ image: m.test/docker.io/library/ubuntu
---
apiVersion: argoproj.io/v1alpha1
kind: Workflow
spec:
  templates:
    - script: {image: \"python:3\"} ⇒ - script: {image: \"m.test/docker.io/library/python:3\"}
",
        &["9 variable"],
    );
}

#[test]
fn helm_values() {
    becomes(
        Kind::Helm,
        "\
image:
  registry: docker.io ⇒ registry: m.test/docker.io
  repository: bitnami/redis
  tag: 7.20
sub:
  image: {repository: quay.io/a/b, tag: \"\", pullPolicy: Always} ⇒ image: {repository: m.test/quay.io/a/b, tag: \"\", pullPolicy: Always}
  initImage: busybox:1 ⇒ initImage: m.test/docker.io/library/busybox:1
  metrics:
    repository: prom/exporter ⇒ repository: m.test/docker.io/prom/exporter
    tag: v1
chart: {repository: \"https://x.io/charts\", version: 1}
tpl: {image: \"{{ .Values.x }}/y:1\"}
empty: {image: \"\", other: {image: }}
",
        &["12 variable"],
    );
}

#[test]
fn helm_values_take_names_apart() {
    becomes_by(
        Kind::Helm,
        "\
image:
  registry: docker.io ⇒ registry: r.test
  repository: bitnami/redis ⇒ repository: ns/bitnami-redis
  tag: 7.20
",
        &[],
        &flat(),
        &Search::default(),
    );
}

#[test]
fn a_registry_that_is_shared_changes_for_all_or_none() {
    let text = "\
global:
  imageRegistry: quay.io
a: {image: {repository: x/a, tag: 1}}
b: {image: {repository: x/b, tag: 1}}
";
    let list = entrepot_rewrite::Ignore::read("quay.io/x/b").unwrap();
    let rules = Rules { ignore: list, ..prefix() };
    let (same, left) = rewritten(Kind::Helm, text, &rules, &Search::default());
    assert_eq!(same, text);
    assert_eq!(left, ["3 shared", "4 ignored"]);
    let (all, left) = rewritten(Kind::Helm, text, &prefix(), &Search::default());
    assert_eq!(all, text.replace("quay.io", "m.test/quay.io"));
    assert!(left.is_empty());
}

#[test]
fn kustomize() {
    becomes(
        Kind::Kustomize,
        "\
images:
- {name: a/b, newTag: \"1\"} ⇒ - {name: a/b, newName: m.test/docker.io/a/b, newTag: \"1\"}
- name: c # tail
⇒  newName: m.test/docker.io/library/c
  digest: DIGEST
- &e name: e
⇒  newName: m.test/docker.io/library/e
  newTag: v2
- name: quay.io/x/y
- name: d
  newName: 'ghcr.io/d/d' ⇒ newName: 'm.test/ghcr.io/d/d'
  newTag: v1
",
        &[],
    );
}

#[test]
fn dockerfile() {
    becomes(
        Kind::Dockerfile,
        "\
# syntax=docker/dockerfile:1.7 ⇒ # syntax=m.test/docker.io/docker/dockerfile:1.7
ARG REG=docker.io ⇒ ARG REG=m.test/docker.io
ARG VERSION=3.12 BASE=\"alpine:3\" ⇒ ARG VERSION=3.12 BASE=\"m.test/docker.io/library/alpine:3\"
FROM --platform=$BUILDPLATFORM ${REG}/library/golang:${VERSION} AS Build
RUN --mount=type=bind,from=quay.io/a/b:1,target=/x --mount=type=cache,target=/y echo FROM nope ⇒ RUN --mount=type=bind,from=m.test/quay.io/a/b:1,target=/x --mount=type=cache,target=/y echo FROM nope
COPY --from=busybox:1 --chown=1 /a /b ⇒ COPY --from=m.test/docker.io/library/busybox:1 --chown=1 /a /b
RUN <<EOF
FROM inside
EOF
from ${BASE} as two
COPY --from=build /x /y
COPY --from=0 /x /y
FROM ${REG}/library/redis
FROM scratch
FROM two
FROM \\
  # comment
  node:20 ⇒ node:20
ONBUILD COPY --from=nginx / / ⇒ ONBUILD COPY --from=m.test/docker.io/library/nginx / /
FROM ${UNSET:-debian:12} ⇒ FROM ${UNSET:-m.test/docker.io/library/debian:12}
ADD --from=Two /x /y
FROM $NOPE
"
        .replace("  node:20 ⇒ node:20", "  node:20 ⇒ m.test/docker.io/library/node:20")
        .as_str(),
        &["11 stage", "12 stage", "14 scratch", "15 stage", "21 stage", "22 variable"],
    );
}

#[test]
fn github() {
    becomes(
        Kind::Github,
        "\
on: push
jobs:
  t:
    strategy:
      matrix:
        image: [\"ubuntu:22.04\", 'quay.io/centos/centos:9'] ⇒ image: [\"m.test/docker.io/library/ubuntu:22.04\", 'm.test/quay.io/centos/centos:9']
        cfg: [{img: fedora, v: 1}] ⇒ cfg: [{img: m.test/docker.io/library/fedora, v: 1}]
        include:
          - image: debian:12 ⇒ - image: m.test/docker.io/library/debian:12
    container: ${{ matrix.image }}
    services:
      db: {image: 'postgres:15'} ⇒ db: {image: 'm.test/docker.io/library/postgres:15'}
      c:
        image: ${{ matrix.cfg.img }}:${{ matrix.cfg.v }}
    steps:
      - uses: docker://alpine:3 ⇒ - uses: docker://m.test/docker.io/library/alpine:3
      - uses: actions/checkout@v4
      - run: |
          docker pull quay.io/a/b:1
          echo quay.io/c/d:1
      - uses: docker/build-push-action@v6
        with: {tags: \"me/x:1,me/x:2\"}
  u:
    container: {image: \"node:${{ matrix.v }}\"} ⇒ container: {image: \"m.test/docker.io/library/node:${{ matrix.v }}\"}
  v:
    container: ${{ inputs.image }}
",
        &["19 script", "22 published", "22 published", "26 variable"],
    );
    becomes(
        Kind::Github,
        "\
name: x
runs:
  using: docker
  image: docker://ghcr.io/a/b:1 ⇒ image: docker://m.test/ghcr.io/a/b:1
",
        &[],
    );
}

#[test]
fn gitlab() {
    becomes(
        Kind::Gitlab,
        "\
variables:
  BASE: python:3.12 ⇒ BASE: m.test/docker.io/library/python:3.12
image: $BASE
default:
  image: {name: \"ruby:3\", entrypoint: [\"\"]} ⇒ image: {name: \"m.test/docker.io/library/ruby:3\", entrypoint: [\"\"]}
  services:
    - postgres:15 # db ⇒ - {name: m.test/docker.io/library/postgres:15, alias: postgres} # db
    - name: tutum/wordpress:latest # web ⇒ - name: m.test/docker.io/tutum/wordpress:latest # web
⇒      alias: tutum__wordpress,tutum-wordpress
      command: x
    - {name: redis:7, alias: cache} ⇒ - {name: m.test/docker.io/library/redis:7, alias: cache}
job:
  image: ${CI_DEPENDENCY_PROXY_GROUP_IMAGE_PREFIX}/alpine:latest
  services: [mysql:8] ⇒ services: [{name: m.test/docker.io/library/mysql:8, alias: mysql}]
  script: !reference [a, b]
",
        &["12 variable"],
    );
}

#[test]
fn devcontainer() {
    becomes(
        Kind::Devcontainer,
        "\
// comment
{
\t\"image\": \"mcr.microsoft.com/devcontainers/base:ubuntu\", // tail ⇒ \"image\": \"m.test/mcr.microsoft.com/devcontainers/base:ubuntu\", // tail
\t\"features\": {
\t\t\"ghcr.io/devcontainers/features/go:1\": {},
\t},
\t/* block */ \"build\": {\"cacheFrom\": [\"ghcr.io/x/y:1\",]}, ⇒ /* block */ \"build\": {\"cacheFrom\": [\"m.test/ghcr.io/x/y:1\",]},
}
",
        &["5 artifact"],
    );
}

#[test]
fn lists_and_variables() {
    becomes(
        Kind::List,
        "docker.io/library/nginx ⇒ m.test/docker.io/library/nginx\n# c\nquay.io/**\n redis:7 # x ⇒ m.test/docker.io/library/redis:7 # x\n",
        &["3 pattern"],
    );
    becomes(
        Kind::Env,
        "\
# SENTRY_IMAGE=no/no
SENTRY_IMAGE=ghcr.io/getsentry/sentry:nightly ⇒ SENTRY_IMAGE=m.test/ghcr.io/getsentry/sentry:nightly
IMAGE_TAG=1.0
export REDIS=\"docker.io/redis:7\" # x ⇒ export REDIS=\"m.test/docker.io/library/redis:7\" # x
URL=https://a.b/c:1
EMPTY_IMAGE=
",
        &[],
    );
}

#[test]
fn marks_and_missing_ends_survive() {
    for (kind, old, new) in [
        (
            Kind::Compose,
            "\u{feff}services: {a: {image: nginx}}",
            "\u{feff}services: {a: {image: m.test/docker.io/library/nginx}}",
        ),
        (Kind::Dockerfile, "\u{feff}FROM nginx", "\u{feff}FROM m.test/docker.io/library/nginx"),
        (Kind::List, "\u{feff}nginx", "\u{feff}m.test/docker.io/library/nginx"),
        (
            Kind::Kustomize,
            "images:\r\n- newTag: x\r\n  name: a",
            "images:\r\n- newTag: x\r\n  name: a\n  newName: m.test/docker.io/library/a",
        ),
    ] {
        assert_eq!(rewritten(kind, old, &prefix(), &Search::default()).0, new);
    }
}

#[test]
fn what_cannot_be_read_is_told_with_its_place() {
    for (kind, text, message, hint) in [
        (
            Kind::Compose,
            "services:\n  a: [1\n  b: c\n",
            "line 3, column 4: illegal placement of ':' indicator",
            false,
        ),
        (Kind::Devcontainer, "{\n  \"image\" \"x\"\n}", "line 2, column 11: expected `:` after a key", false),
        (
            Kind::Kubernetes,
            "{{- if .x }}\na: b\n{{- end }}\n",
            "line 1, column 3: \"-\" is only valid inside a block",
            true,
        ),
    ] {
        let error = Document::read(text, kind, &Search::default()).unwrap_err();
        assert_eq!((error.to_string().as_str(), error.hint.is_some()), (message, hint));
    }
}

#[test]
fn collisions_give_nothing_out() {
    let text = "services: {a: {image: quay.io/a/b}, b: {image: ghcr.io/a/b}}\n";
    let document = Document::read(text, Kind::Compose, &Search::default()).unwrap();
    let error = document.rewrite(&flat(), &mut Census::default()).unwrap_err();
    assert_eq!(error.to_string(), "`quay.io/a/b` and `ghcr.io/a/b` would both be `r.test/ns/a-b`");
}
