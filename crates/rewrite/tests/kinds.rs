//! Each kind of document before and after rewriting.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on ends")]

use entrepot_rewrite::{Census, Document, DocumentKind, Naming, Rules, Search};

const DIGEST: &str = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

fn prefix() -> Rules {
    Rules { naming: Naming::Prefix("m.test".parse().unwrap()), ..Rules::default() }
}

fn flat() -> Rules {
    Rules { naming: Naming::Flatten("r.test/ns".parse().unwrap()), ..Rules::default() }
}

fn rewritten(kind: DocumentKind, text: &str, rules: &Rules, search: &Search) -> (String, Vec<String>) {
    let document = Document::read(text, kind, search).unwrap();
    let done = document.rewrite(rules, &mut Census::default()).unwrap();
    let left =
        done.left.iter().map(|left| format!("{} {}", left.position.line, left.reason.word())).collect();
    (done.text, left)
}

/// Each line of the text is followed by its new form if it changes: `old ⇒ new`; an inserted line starts with `⇒`.
fn becomes(kind: DocumentKind, marked: &str, left: &[&str]) {
    becomes_by(kind, marked, left, &prefix(), &Search::default());
}

fn becomes_by(kind: DocumentKind, marked: &str, left: &[&str], rules: &Rules, search: &Search) {
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
        DocumentKind::Compose,
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
        DocumentKind::Compose,
        "web:\n  image: nginx ⇒ image: m.test/docker.io/library/nginx\nx:\n  build: .\n",
        &["4 build-only"],
    );
}

#[test]
fn what_is_built_is_changed_on_request() {
    let search = Search { built: true, arguments: true, ..Search::default() };
    becomes_by(
        DocumentKind::Compose,
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
        DocumentKind::Kubernetes,
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
        &["3 elsewhere", "15 argument", "15 argument", "16 argument", "21 unknown-path", "26 embedded"],
    );
}

#[test]
fn kubernetes_on_request() {
    let search = Search { paths: vec!["spec.image".to_owned()], arguments: true, ..Search::default() };
    becomes_by(
        DocumentKind::Kubernetes,
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
        DocumentKind::Kubernetes,
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
        DocumentKind::Kubernetes,
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
        DocumentKind::Helm,
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
        DocumentKind::Helm,
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
    let (same, left) = rewritten(DocumentKind::Helm, text, &rules, &Search::default());
    assert_eq!(same, text);
    assert_eq!(left, ["3 shared", "4 ignored"]);
    let (all, left) = rewritten(DocumentKind::Helm, text, &prefix(), &Search::default());
    assert_eq!(all, text.replace("quay.io", "m.test/quay.io"));
    assert!(left.is_empty());
}

#[test]
fn kustomize() {
    becomes(
        DocumentKind::Kustomize,
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
        DocumentKind::Dockerfile,
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
        DocumentKind::Github,
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
        &["19 script", "20 elsewhere", "22 published", "22 published", "26 variable"],
    );
    becomes(
        DocumentKind::Github,
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
        DocumentKind::Gitlab,
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
fn stages_are_no_images_however_they_are_named() {
    becomes(
        DocumentKind::Dockerfile,
        "\
ARG BASE=build
ARG FLAVOUR=alpine
ARG NOTHING=scratch
ARG OTHER=${BASE}
ARG REAL=debian:12 ⇒ ARG REAL=m.test/docker.io/library/debian:12
FROM golang:1 AS build ⇒ FROM m.test/docker.io/library/golang:1 AS build
FROM ${BASE}
FROM alpine:3 AS export-alpine ⇒ FROM m.test/docker.io/library/alpine:3 AS export-alpine
FROM ubuntu AS export-ubuntu ⇒ FROM m.test/docker.io/library/ubuntu AS export-ubuntu
FROM export-${FLAVOUR}
FROM export-$UNKNOWN${DEBUG:+-debug}
FROM ${NOTHING}
FROM ${OTHER} AS last
COPY --from=${BASE} /a /b
COPY --from=export-${UNKNOWN} /a /b
FROM ${UNSET:-build}
FROM ${REAL}
",
        &["7 stage", "10 stage", "11 stage", "12 scratch", "13 stage", "14 stage", "15 stage", "16 stage"],
    );
    // What one stage is called by cannot be the name of an image elsewhere.
    becomes(
        DocumentKind::Dockerfile,
        "ARG V=alpine\nFROM busybox AS on-alpine ⇒ FROM m.test/docker.io/library/busybox AS on-alpine\nFROM on-${V}\nFROM ${V}\n",
        &["3 stage", "4 shared"],
    );
}

#[test]
fn an_empty_value_is_a_value() {
    becomes(
        DocumentKind::Compose,
        "\
services:
  a: {image: \"${PREFIX:-}nginx:1\"} ⇒ a: {image: \"${PREFIX:-m.test/docker.io/library/}nginx:1\"}
  b: {image: '${PREFIX-}quay.io/a/b'} ⇒ b: {image: '${PREFIX-m.test/}quay.io/a/b'}
  c: {image: \"${R:+$R/}redis\"} ⇒ c: {image: \"${R:+$R/}m.test/docker.io/library/redis\"}
",
        &[],
    );
    becomes(
        DocumentKind::Dockerfile,
        "ARG X=\"\" ⇒ ARG X=\"m.test/docker.io/library/\"\nARG Y= ⇒ ARG Y=m.test/\nFROM ${X}nginx:1\nFROM ${Y}quay.io/a/b\nFROM ${X:-alpine} ⇒ FROM ${X:-m.test/docker.io/library/alpine}\n"
            .replace("FROM ${X:-alpine} ⇒ FROM ${X:-m.test/docker.io/library/alpine}\n", "")
            .as_str(),
        &[],
    );
    let mut variables = entrepot_rewrite::Variables::default();
    variables.add_file("PREFIX=\nTAG=\n");
    let search = Search { variables: Some(variables), ..Search::default() };
    becomes_by(
        DocumentKind::Compose,
        "services:\n  a: {image: \"${PREFIX}nginx:${TAG:-1}\"} ⇒ a: {image: \"${PREFIX}m.test/docker.io/library/nginx:${TAG:-1}\"}\n  b: {image: \"${NOPE}nginx:1\"}\n",
        &["3 variable"],
        &prefix(),
        &search,
    );
}

#[test]
fn gitlab_keeps_tagged_lists_and_the_names_of_services() {
    becomes(
        DocumentKind::Gitlab,
        "\
variables:
  PG: postgres:15 ⇒ PG: m.test/docker.io/library/postgres:15
  DB: $REG/db:1
  REG: quay.io/team ⇒ REG: m.test/quay.io/team
.base:
  services: [redis:7] ⇒ services: [{name: m.test/docker.io/library/redis:7, alias: redis}]
  image: ruby:3 ⇒ image: m.test/docker.io/library/ruby:3
job:
  services: !reference [.base, services]
  image: !reference [.base, image]
other:
  services:
    - $PG ⇒ - {name: $PG, alias: postgres}
    - !reference [.base, services]
third:
  services:
    - name: $PG
⇒      alias: postgres
    - $DB ⇒ - {name: $DB, alias: \"quay.io__team__db,quay.io-team-db\"}
",
        &[],
    );
}

#[test]
fn ids_are_not_images() {
    becomes(DocumentKind::Compose, "services:\n  a: {image: \"DIGEST\"}\n", &["2 local"]);
}

#[test]
fn two_images_in_one_place_are_refused() {
    for (kind, text) in [
        (DocumentKind::Compose, "services:\n  a:\n    image: x\n    image: y\n"),
        (DocumentKind::Kubernetes, "{\"apiVersion\": \"v1\", \"image\": \"x\", \"image\": \"y\"}"),
    ] {
        let error = Document::read(text, kind, &Search::default()).unwrap_err();
        assert!(error.to_string().ends_with("`image` is there twice; remove one of them"), "{error}");
    }
}

#[test]
fn all_who_share_an_anchor_are_named() {
    let text = "x-base: &base {image: \"nginx:1\"}\nservices:\n  a: {<<: *base}\n  b: {<<: *base}\n  c: {<<: *base}\n";
    let document = Document::read(text, DocumentKind::Compose, &Search::default()).unwrap();
    let candidates = document.candidates();
    assert_eq!((candidates.len(), candidates[0].place.as_str()), (1, "services.a.image"));
    assert_eq!(candidates[0].also, ["services.b.image", "services.c.image"]);
}

#[test]
fn a_part_that_one_image_cannot_have_is_made_up_for() {
    becomes(
        DocumentKind::Helm,
        "\
global:
  imageRegistry: docker.io ⇒ imageRegistry: m.test/docker.io
a: {image: {repository: team/a, tag: 1}}
b: {image: {repository: memcached, tag: 1}} ⇒ b: {image: {repository: library/memcached, tag: 1}}
c: {image: {repository: team/c, tag: 1}}
",
        &[],
    );
    // Where images name their registry, one that does not has none from above.
    becomes(
        DocumentKind::Helm,
        "\
global: {image: {registry: docker.io}} ⇒ global: {image: {registry: m.test/docker.io}}
a: {image: {registry: null, repository: team/a, tag: 1}}
b: {image: {repository: team/b, tag: 1}} ⇒ b: {image: {repository: m.test/docker.io/team/b, tag: 1}}
",
        &[],
    );
}

#[test]
fn helm_values_by_other_conventions() {
    becomes(
        DocumentKind::Helm,
        "\
images:
  a: quay.io/a/b:1 ⇒ a: m.test/quay.io/a/b:1
  list: [redis:7, plain] ⇒ list: [m.test/docker.io/library/redis:7, plain]
  tags: {init: \"docker.io/x/y:2\"} ⇒ tags: {init: \"m.test/docker.io/x/y:2\"}
imageName: team/app ⇒ imageName: m.test/docker.io/team/app
imageTag: \"2\"
b: {image: {name: team/b, version: 3}} ⇒ b: {image: {name: m.test/docker.io/team/b, version: 3}}
config: |
  sidecar:
    image: nginx:1
",
        &["10 embedded"],
    );
}

#[test]
fn kubernetes_resources_of_other_kinds() {
    becomes(
        DocumentKind::Kubernetes,
        "\
apiVersion: template.openshift.io/v1
kind: Template
parameters:
  - {name: IMAGE, value: quay.io/a/b} ⇒ - {name: IMAGE, value: m.test/quay.io/a/b}
objects:
  - kind: ImageStream
    spec: {tags: [{from: {kind: DockerImage, name: \"quay.io/s/t:1\"}}]} ⇒ spec: {tags: [{from: {kind: DockerImage, name: \"m.test/quay.io/s/t:1\"}}]}
  - kind: Pod
    spec: {containers: [{image: \"${IMAGE}:${TAG}\"}]}
---
apiVersion: helm.toolkit.fluxcd.io/v2
kind: HelmRelease
spec: {values: {image: {repository: ghcr.io/a/b, tag: 1}}} ⇒ spec: {values: {image: {repository: m.test/ghcr.io/a/b, tag: 1}}}
---
apiVersion: kustomize.toolkit.fluxcd.io/v1
kind: Kustomization
spec: {images: [{name: a, newName: b/c, newTag: x}, {name: d}]} ⇒ spec: {images: [{name: a, newName: m.test/docker.io/b/c, newTag: x}, {name: d}]}
---
apiVersion: postgresql.cnpg.io/v1
kind: Cluster
spec: {imageName: \"ghcr.io/cloudnative-pg/postgresql:16\"}
---
apiVersion: skaffold/v4beta1
kind: Config
build: {artifacts: [{image: app}]}
---
apiVersion: v1
kind: ConfigMap
data:
  one: quay.io/c/d:1
  many: |
    1.0=quay.io/k/a:1
    2.0=quay.io/k/a:2
  json: '{\"image\" : \"nginx:1\"}'
",
        &[
            "17 unknown-path",
            "21 unknown-path",
            "25 built",
            "30 argument",
            "32 argument",
            "33 argument",
            "34 elsewhere",
        ],
    );
    becomes(
        DocumentKind::Kubernetes,
        "- op: replace\n  path: /spec/template/spec/containers/0/image\n  value: nginx:1 ⇒ value: m.test/docker.io/library/nginx:1\n",
        &[],
    );
}

#[test]
fn pipelines_of_others() {
    becomes(
        DocumentKind::Woodpecker,
        "\
steps:
  - {name: a, image: golang:1} ⇒ - {name: a, image: m.test/docker.io/library/golang:1}
  - name: b
    image: alpine:${V} ⇒ image: m.test/docker.io/library/alpine:${V}
    commands: [docker pull busybox:1]
services:
  db: {image: postgres:15} ⇒ db: {image: m.test/docker.io/library/postgres:15}
",
        &["5 script"],
    );
    becomes(
        DocumentKind::Circleci,
        "\
version: 2.1
jobs:
  a:
    docker:
      - image: cimg/go:<< parameters.v >> ⇒ - image: m.test/docker.io/cimg/go:<< parameters.v >>
      - image: << parameters.image >>
  b: {machine: {image: ubuntu-2204:current}}
",
        &["6 variable", "7 artifact"],
    );
    becomes(
        DocumentKind::Bitbucket,
        "\
image: node:20 ⇒ image: m.test/docker.io/library/node:20
definitions: {services: {db: {image: postgres:15}}} ⇒ definitions: {services: {db: {image: m.test/docker.io/library/postgres:15}}}
pipelines:
  default:
    - step:
        image: {name: python:3} ⇒ image: {name: m.test/docker.io/library/python:3}
        script: [{pipe: docker://a/b:1}, {pipe: atlassian/x:1}] ⇒ script: [{pipe: docker://m.test/docker.io/a/b:1}, {pipe: atlassian/x:1}]
",
        &["7 artifact"],
    );
    becomes(
        DocumentKind::Ansible,
        "\
- hosts: all
  tasks:
    - community.docker.docker_container: {name: a, image: nginx:1} ⇒ - community.docker.docker_container: {name: a, image: m.test/docker.io/library/nginx:1}
    - docker_image: {name: a/b, source: build}
    - docker_image: {name: a/c, source: pull} ⇒ - docker_image: {name: m.test/docker.io/a/c, source: pull}
    - shell: docker run --rm alpine:3 true
",
        &["4 published", "6 script"],
    );
}

#[test]
fn units_and_hcl() {
    becomes(
        DocumentKind::Quadlet,
        "[Container]\n# Image=no/no:1\nImage=quay.io/a/b:1 ⇒ Image=m.test/quay.io/a/b:1\n[Volume]\nImage=x.image\n",
        &["5 other-file"],
    );
    becomes(
        DocumentKind::Hcl,
        "\
target \"app\" {
  contexts = { base = \"docker-image://alpine:3\" } ⇒ contexts = { base = \"docker-image://m.test/docker.io/library/alpine:3\" }
  tags = [\"me/app:1\"]
  cache-from = [\"type=registry,ref=me/cache\"] ⇒ cache-from = [\"type=registry,ref=m.test/docker.io/me/cache\"]
}
job \"x\" { group \"y\" { task \"z\" {
  driver = \"docker\"
  config { image = \"redis:${var.v}\" } ⇒ config { image = \"m.test/docker.io/library/redis:${var.v}\" }
} } }
resource \"google_compute_instance\" \"vm\" {
  boot_disk { initialize_params { image = \"debian-cloud/debian-11\" } }
}
locals { ref = \"quay.io/a/b:1\" } # quay.io/a/b:1
",
        &["3 published", "11 elsewhere", "13 elsewhere"],
    );
    becomes(
        DocumentKind::Bake,
        "{\"target\": {\"a\": {\"contexts\": {\"b\": \"docker-image://alpine\"}, \"tags\": [\"me/x\"]}}} ⇒ {\"target\": {\"a\": {\"contexts\": {\"b\": \"docker-image://m.test/docker.io/library/alpine\"}, \"tags\": [\"me/x\"]}}}\n",
        &["1 published"],
    );
    becomes(DocumentKind::Script, "#!/bin/sh\ndocker run --rm alpine:3\n", &["2 script"]);
}

#[test]
fn devcontainer() {
    becomes(
        DocumentKind::Devcontainer,
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
        DocumentKind::List,
        "docker.io/library/nginx ⇒ m.test/docker.io/library/nginx\n# c\nquay.io/**\n redis:7 # x ⇒ m.test/docker.io/library/redis:7 # x\n",
        &["3 pattern"],
    );
    becomes(
        DocumentKind::Env,
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
            DocumentKind::Compose,
            "\u{feff}services: {a: {image: nginx}}",
            "\u{feff}services: {a: {image: m.test/docker.io/library/nginx}}",
        ),
        (DocumentKind::Dockerfile, "\u{feff}FROM nginx", "\u{feff}FROM m.test/docker.io/library/nginx"),
        (DocumentKind::List, "\u{feff}nginx", "\u{feff}m.test/docker.io/library/nginx"),
        (
            DocumentKind::Kustomize,
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
            DocumentKind::Compose,
            "services:\n  a: [1\n  b: c\n",
            "line 3, column 4: illegal placement of ':' indicator",
            false,
        ),
        (
            DocumentKind::Devcontainer,
            "{\n  \"image\" \"x\"\n}",
            "line 2, column 11: expected `:` after a key",
            false,
        ),
        (
            DocumentKind::Kubernetes,
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
    let document = Document::read(text, DocumentKind::Compose, &Search::default()).unwrap();
    let error = document.rewrite(&flat(), &mut Census::default()).unwrap_err();
    assert_eq!(error.to_string(), "`quay.io/a/b` and `ghcr.io/a/b` would both be `r.test/ns/a-b`");
}
