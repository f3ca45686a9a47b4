//! Real files, with hand-counted results.

#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a test that cannot go on ends, and says why")]

use std::{collections::BTreeSet, fs, path::PathBuf};

use entrepot_rewrite::{
    Candidate, CandidateVerdict, Census, Document, DocumentKind, Ignore, Naming, Rules, Search,
};

/// A file, and what is in it: how often each image is named, and what is left, as `line: reason`.
struct Case {
    file: &'static str,
    kind: DocumentKind,
    images: &'static [(usize, &'static str)],
    left: &'static [&'static str],
}

const CASES: [Case; 12] = [
    Case {
        file: "yarnovo-dify-docker-compose.yaml",
        kind: DocumentKind::Compose,
        images: &[
            (3, "docker.io/langgenius/dify-api:2.0.0-beta.2"),
            (1, "docker.io/langgenius/dify-web:2.0.0-beta.2"),
            (1, "docker.io/library/postgres:15-alpine"),
            (1, "docker.io/library/redis:6-alpine"),
            (1, "docker.io/langgenius/dify-sandbox:0.2.12"),
            (1, "docker.io/langgenius/dify-plugin-daemon:0.3.0b1-local"),
            (1, "docker.io/ubuntu/squid:latest"),
            (1, "docker.io/certbot/certbot"),
            (1, "docker.io/library/nginx:latest"),
            (1, "docker.io/semitechnologies/weaviate:1.19.0"),
            (1, "docker.io/langgenius/qdrant:v1.7.3"),
            (1, "docker.io/pgvector/pgvector:pg16"),
            (1, "docker.io/vastdata/vastbase-vector"),
            (1, "docker.io/tensorchord/pgvecto-rs:pg16-v0.3.0"),
            (1, "ghcr.io/chroma-core/chroma:0.5.20"),
            (1, "docker.io/oceanbase/oceanbase-ce:4.3.5-lts"),
            (1, "container-registry.oracle.com/database/free:latest"),
            (1, "quay.io/coreos/etcd:v3.5.5"),
            (1, "docker.io/minio/minio:RELEASE.2023-03-20T20-16-18Z"),
            (1, "docker.io/milvusdb/milvus:v2.5.15"),
            (1, "docker.io/opensearchproject/opensearch:latest"),
            (1, "docker.io/opensearchproject/opensearch-dashboards:latest"),
            (1, "docker.io/opengauss/opengauss:7.0.0-RC1"),
            (1, "docker.io/myscale/myscaledb:1.6.4"),
            (1, "docker.io/matrixorigin/matrixone:2.1.1"),
            (1, "docker.elastic.co/elasticsearch/elasticsearch:8.14.3"),
            (1, "docker.elastic.co/kibana/kibana:8.14.3"),
            (1, "downloads.unstructured.io/unstructured-io/unstructured-api:latest"),
        ],
        left: &["956: build-only"],
    },
    Case {
        file: "getsentry-self-hosted-docker-compose.yml",
        kind: DocumentKind::Compose,
        images: &[
            (1, "registry.gitlab.com/egos-tech/smtp"),
            (1, "docker.io/library/memcached:1.6.45-alpine"),
            (1, "docker.io/valkey/valkey:8.1.9-alpine"),
            (1, "docker.io/library/postgres:14.24-bookworm"),
            (1, "docker.io/edoburu/pgbouncer:v1.25.2-p0"),
            (1, "docker.io/confluentinc/cp-kafka:7.6.13"),
            (
                1,
                "docker.io/chrislusf/seaweedfs:4.40_large_disk@sha256:\
                 d07aa1dae03c687e0737b86130ded1b18474211a09e85d737fbe5508b8805139",
            ),
            (1, "docker.io/library/nginx:1.31.3-alpine"),
        ],
        left: &[
            "47: built",
            "110: variable",
            "238: built",
            "242: argument",
            "448: variable",
            "463: variable",
            "599: built",
            "633: variable",
            "654: variable",
            "683: variable",
            "706: variable",
            "731: variable",
        ],
    },
    Case {
        file: "langfuse-langfuse-docker-compose.yml",
        kind: DocumentKind::Compose,
        images: &[
            (1, "docker.langfuse.com/langfuse/langfuse-worker:4"),
            (1, "docker.langfuse.com/langfuse/langfuse:4"),
            (1, "docker.io/clickhouse/clickhouse-server:25.12"),
            (1, "cgr.dev/chainguard/minio"),
            (1, "docker.io/library/redis:7"),
            (1, "docker.io/library/postgres:17"),
        ],
        left: &[],
    },
    Case {
        file: "nextcloud-docker-with-nginx-proxy-postgres-fpm-compose.yaml",
        kind: DocumentKind::Compose,
        images: &[
            (1, "docker.io/library/postgres:alpine"),
            (1, "docker.io/library/redis:alpine"),
            (2, "docker.io/library/nextcloud:fpm-alpine"),
            (1, "docker.io/library/nginx:alpine-slim"),
            (1, "docker.io/nginxproxy/acme-companion"),
        ],
        left: &["71: build-only"],
    },
    Case {
        file: "kubernetes-ingress-nginx-deploy.yaml",
        kind: DocumentKind::Kubernetes,
        images: &[
            (
                1,
                "registry.k8s.io/ingress-nginx/controller:v1.15.1@sha256:\
                 594ceea76b01c592858f803f9ff4d2cb40542cae2060410b2c95f75907d659e1",
            ),
            (
                2,
                "registry.k8s.io/ingress-nginx/kube-webhook-certgen:v1.6.9@sha256:\
                 01038e7de14b78d702d2849c3aad72fd25903c4765af63cf16aa3398f5d5f2dd",
            ),
        ],
        left: &[],
    },
    Case {
        file: "flannel-io-flannel-kube-flannel.yml",
        kind: DocumentKind::Kubernetes,
        images: &[
            (1, "ghcr.io/flannel-io/flannel-cni-plugin:v1.9.1-flannel3"),
            (2, "ghcr.io/flannel-io/flannel:v0.28.9"),
        ],
        left: &[],
    },
    Case {
        file: "metallb-metallb-metallb-native.yaml",
        kind: DocumentKind::Kubernetes,
        images: &[(1, "quay.io/metallb/controller:main"), (1, "quay.io/metallb/speaker:main")],
        left: &[],
    },
    Case {
        file: "kubernetes-ingress-nginx-values.yaml",
        kind: DocumentKind::Helm,
        images: &[
            (
                1,
                "registry.k8s.io/ingress-nginx/controller:v1.15.1@sha256:\
                 594ceea76b01c592858f803f9ff4d2cb40542cae2060410b2c95f75907d659e1",
            ),
            (
                1,
                "registry.k8s.io/ingress-nginx/kube-webhook-certgen:v1.6.9@sha256:\
                 01038e7de14b78d702d2849c3aad72fd25903c4765af63cf16aa3398f5d5f2dd",
            ),
            (1, "registry.k8s.io/defaultbackend-amd64:1.5"),
        ],
        left: &[],
    },
    Case {
        file: "vllm-project-vllm-ascend-Dockerfile",
        kind: DocumentKind::Dockerfile,
        images: &[(1, "quay.io/ascend/cann:9.1.0-910b-ubuntu22.04-py3.12")],
        left: &[],
    },
    Case {
        file: "vllm-project-aibrix-release-kustomization.yaml",
        kind: DocumentKind::Kustomize,
        images: &[
            (1, "docker.io/aibrix/kuberay-operator:v1.2.1-patch-20250726"),
            (1, "docker.io/library/busybox:stable"),
            (1, "docker.io/library/redis:latest"),
            (1, "docker.io/aibrix/gateway-plugins:v0.7.0"),
            (1, "docker.io/aibrix/metadata-service:v0.7.0"),
            (1, "docker.io/aibrix/controller-manager:v0.7.0"),
            (1, "docker.io/aibrix/runtime:v0.7.0"),
        ],
        left: &[],
    },
    Case {
        file: "vllm-project-aibrix-docker-push-images.yml",
        kind: DocumentKind::Github,
        images: &[],
        left: &["52: published", "53: published", "99: published", "100: published"],
    },
    Case {
        file: "ascend-gha-runners-sync-tools-sync-images.yml",
        kind: DocumentKind::Github,
        images: &[(1, "quay.io/skopeo/stable:latest")],
        left: &[],
    },
];

fn folder() -> Option<PathBuf> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared/cases");
    if !folder.is_dir() {
        println!("skipped: the real files are not at {}", folder.display());
        return None;
    }
    Some(folder)
}

fn text(file: &str) -> Option<String> {
    fs::read_to_string(folder()?.join(file)).ok()
}

fn namings() -> [Naming; 3] {
    [
        Naming::Prefix("m.daocloud.io".parse().unwrap()),
        Naming::Alias { domain: "m.daocloud.io".parse().unwrap(), aliases: Vec::new() },
        Naming::Flatten("registry.cn-heyuan.aliyuncs.com/yarnb-docker-mirrors".parse().unwrap()),
    ]
}

#[test]
fn none_is_missed_and_none_is_made_up() {
    for case in &CASES {
        let Some(text) = text(case.file) else { return };
        assert_eq!(DocumentKind::of(case.file, &text), Some(case.kind), "{}", case.file);
        let candidates = Document::read(&text, case.kind, &Search::default()).unwrap().candidates();
        let mut images: Vec<(usize, String)> = Vec::new();
        let mut left = Vec::new();
        for Candidate { position, verdict: standing, .. } in candidates {
            match standing {
                CandidateVerdict::Left(reason) => left.push(format!("{}: {}", position.line, reason.word())),
                CandidateVerdict::Found(found) => {
                    let name = found.to_string();
                    match images.iter_mut().find(|(_, known)| *known == name) {
                        Some((count, _)) => *count += 1,
                        None => images.push((1, name)),
                    }
                }
            }
        }
        let counted: Vec<(usize, String)> =
            case.images.iter().map(|(n, name)| (*n, (*name).to_owned())).collect();
        assert_eq!(images, counted, "{}", case.file);
        assert_eq!(left, case.left, "{}", case.file);
    }
}

#[test]
fn nothing_but_images_changes() {
    for case in &CASES {
        let Some(text) = text(case.file) else { return };
        let document = Document::read(&text, case.kind, &Search::default()).unwrap();
        let same = document.rewrite(&Rules::default(), &mut Census::default()).unwrap();
        assert_eq!(same.text, text, "{}", case.file);
        for naming in namings() {
            let rules = Rules { naming, ..Rules::default() };
            let once = document.rewrite(&rules, &mut Census::default()).unwrap();
            let again = Document::read(&once.text, case.kind, &Search::default()).unwrap();
            let twice = again.rewrite(&rules, &mut Census::default()).unwrap();
            assert_eq!(twice.text, once.text, "{}", case.file);
            assert!(twice.changes.is_empty(), "{}", case.file);
            for line in changed_lines(&text, &once.text) {
                let names_image = ["m.daocloud.io", "registry.cn-heyuan", "yarnb-docker-mirrors"];
                assert!(names_image.iter().any(|name| line.contains(name)), "{}: {line}", case.file);
            }
        }
    }
}

fn changed_lines(old: &str, new: &str) -> Vec<String> {
    let known: BTreeSet<&str> = old.lines().collect();
    new.lines().filter(|line| !known.contains(line)).map(str::to_owned).collect()
}

#[test]
fn dify_is_what_the_seed_promises() {
    let (Some(text), Some(list)) =
        (text("yarnovo-dify-docker-compose.yaml"), text("yarnovo-dify-ignore-images.txt"))
    else {
        return;
    };
    let [_, _, naming] = namings();
    let rules = Rules { naming, ignore: Ignore::read(&list).unwrap(), ..Rules::default() };
    let document = Document::read(&text, DocumentKind::Compose, &Search::default()).unwrap();
    let rewritten = document.rewrite(&rules, &mut Census::default()).unwrap();
    let images: BTreeSet<String> = rewritten.changes.iter().map(|change| change.from.to_string()).collect();
    assert_eq!((rewritten.changes.len(), images.len()), (29, 27));
    let left: Vec<&str> = rewritten.left.iter().map(|left| left.reason.word()).collect();
    assert_eq!(left, ["build-only", "ignored"]);
    assert!(rewritten.text.contains("    image: vastdata/vastbase-vector\n"));
    // The output of the original script, except for its mistakes.
    let seed = self::text("yarnovo-dify-docker-compose-mirror.yaml").unwrap();
    let ours: Vec<&str> = rewritten.text.lines().collect();
    let theirs: Vec<&str> = seed.lines().collect();
    let differing: Vec<(&str, &str)> =
        ours.iter().zip(&theirs).filter(|(ours, theirs)| ours != theirs).map(|(a, b)| (*a, *b)).collect();
    let root = "    image: registry.cn-heyuan.aliyuncs.com/yarnb-docker-mirrors";
    assert_eq!(ours.len(), theirs.len());
    assert_eq!(
        differing,
        [
            // No tag is added if none was written.
            (format!("{root}/certbot-certbot").as_str(), format!("{root}/certbot-certbot:latest").as_str()),
            // Ignored images are not renamed.
            (
                "    image: vastdata/vastbase-vector",
                format!("{root}/vastdata-vastbase-vector:latest").as_str()
            ),
        ]
    );
}

#[test]
fn a_list_of_rules_is_left_where_it_has_patterns() {
    let Some(text) = text("DaoCloud-public-image-mirror-allows.txt") else { return };
    let document = Document::read(&text, DocumentKind::List, &Search::default()).unwrap();
    let lines = text.lines().filter(|line| !line.trim().is_empty()).count();
    let patterns = text.lines().filter(|line| line.contains('*')).count();
    assert_eq!((document.candidates().len(), document.images().count()), (lines, lines - patterns));
}

/// The lines of a file that must change, those that may, and groups of which one line must.
struct Lines {
    file: &'static str,
    must: &'static [usize],
    may: &'static [usize],
    each: &'static [&'static [usize]],
}

const LINES: [Lines; 12] = [
    Lines {
        file: "n8n-io-self-hosted-ai-starter-kit-docker-compose.yml",
        must: &[11, 28, 38, 52, 100, 128, 148],
        may: &[],
        each: &[],
    },
    Lines {
        file: "netbox-community-netbox-docker-docker-compose.yml",
        must: &[3, 49, 62, 77],
        may: &[],
        each: &[],
    },
    Lines {
        file: "prometheus-operator-kube-prometheus-prometheusOperator-deployment.yaml",
        must: &[40, 62],
        may: &[32],
        each: &[],
    },
    Lines {
        file: "argoproj-argo-workflows-influxdb-ci.yaml",
        must: &[59, 73, 92, 136, 203, 222],
        may: &[],
        each: &[],
    },
    Lines {
        file: "goharbor-harbor-helm-values.yaml",
        must: &[512, 561, 619, 730, 815, 838, 936, 1060, 1148, 1232],
        may: &[],
        each: &[],
    },
    Lines {
        file: "grafana-helm-charts-tempo-distributed-values.yaml",
        must: &[2520],
        may: &[4, 68, 72, 965, 1800, 1895, 2091, 2419, 2504, 2506],
        each: &[&[68, 72], &[4, 965], &[4, 1800], &[4, 1895], &[4, 2091], &[2504, 2506], &[4, 2419, 68]],
    },
    Lines {
        file: "jupyter-docker-stacks-base-notebook-Dockerfile",
        must: &[],
        may: &[3, 5, 6],
        each: &[&[3, 5]],
    },
    Lines {
        file: "moby-buildkit-Dockerfile",
        must: &[33, 34, 37, 40, 42, 43, 44, 162, 183, 185, 211, 223, 229, 491],
        may: &[1],
        each: &[],
    },
    Lines { file: "coq-coq-gitlab-ci.yml", must: &[275, 300, 302], may: &[], each: &[] },
    Lines {
        file: "kubeflow-manifests-cluster-jwks-proxy-kustomization.yaml",
        must: &[9],
        may: &[],
        each: &[],
    },
    Lines { file: "home-assistant-addons/.devcontainer/devcontainer.json", must: &[3], may: &[], each: &[] },
    Lines { file: "MISP-misp-docker-misp-core.container", must: &[11], may: &[], each: &[] },
];

#[test]
fn these_lines_change_and_no_others() {
    for Lines { file, must, may, each } in &LINES {
        let Some(text) = text(file) else { return };
        let kind = DocumentKind::of(file, &text).unwrap();
        let document = Document::read(&text, kind, &Search::default()).unwrap();
        let rules = Rules { naming: Naming::Prefix("m.test".parse().unwrap()), ..Rules::default() };
        let done = document.rewrite(&rules, &mut Census::default()).unwrap();
        assert_eq!(text.lines().count(), done.text.lines().count(), "{file}");
        let lines = text.lines().zip(done.text.lines()).zip(1..);
        let changed: Vec<usize> = lines.filter(|((old, new), _)| old != new).map(|(_, line)| line).collect();
        assert!(must.iter().all(|line| changed.contains(line)), "{file}: {changed:?}");
        assert!(changed.iter().all(|line| must.contains(line) || may.contains(line)), "{file}: {changed:?}");
        for group in *each {
            assert!(group.iter().any(|line| changed.contains(line)), "{file}: {group:?}: {changed:?}");
        }
    }
}
