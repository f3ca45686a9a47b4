//! Detects the kind of a document by name and content.

use std::{fmt, str::FromStr};

/// A kind of document.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum DocumentKind {
    /// A compose file.
    Compose,
    /// Kubernetes resources, including Tekton's and Argo's, as YAML or JSON.
    Kubernetes,
    /// The values of a Helm chart.
    Helm,
    /// A kustomization.
    Kustomize,
    /// A Dockerfile or Containerfile.
    Dockerfile,
    /// A workflow or action of GitHub, Gitea or Forgejo.
    Github,
    /// A GitLab pipeline.
    Gitlab,
    /// A pipeline of Woodpecker or Drone.
    Woodpecker,
    /// A configuration of CircleCI.
    Circleci,
    /// A Bitbucket pipeline.
    Bitbucket,
    /// A development container configuration.
    Devcontainer,
    /// A Podman quadlet: a unit of a container, image, volume or build.
    Quadlet,
    /// HCL: a bake file, a Nomad job, Terraform.
    Hcl,
    /// A bake file of Docker as JSON.
    Bake,
    /// A playbook or a list of tasks of Ansible.
    Ansible,
    /// A shell script: its images are reported only.
    Script,
    /// A variable file: `NAME=value`.
    Env,
    /// One reference per line.
    List,
}

/// No kind has that name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a kind of document")]
pub struct KindError(pub String);

impl DocumentKind {
    /// All kinds.
    pub const ALL: [Self; 18] = [
        Self::Compose,
        Self::Kubernetes,
        Self::Helm,
        Self::Kustomize,
        Self::Dockerfile,
        Self::Github,
        Self::Gitlab,
        Self::Woodpecker,
        Self::Circleci,
        Self::Bitbucket,
        Self::Devcontainer,
        Self::Quadlet,
        Self::Hcl,
        Self::Bake,
        Self::Ansible,
        Self::Script,
        Self::Env,
        Self::List,
    ];

    /// The name used on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Compose => "compose",
            Self::Kubernetes => "kubernetes",
            Self::Helm => "helm",
            Self::Kustomize => "kustomize",
            Self::Dockerfile => "dockerfile",
            Self::Github => "github",
            Self::Gitlab => "gitlab",
            Self::Woodpecker => "woodpecker",
            Self::Circleci => "circleci",
            Self::Bitbucket => "bitbucket",
            Self::Devcontainer => "devcontainer",
            Self::Quadlet => "quadlet",
            Self::Hcl => "hcl",
            Self::Bake => "bake",
            Self::Ansible => "ansible",
            Self::Script => "script",
            Self::Env => "env",
            Self::List => "list",
        }
    }

    /// The kind of a document, or `None` if unknown. `path` is the file's path with `/` separators, or empty.
    ///
    /// ```
    /// use entrepot_rewrite::DocumentKind;
    ///
    /// assert_eq!(DocumentKind::of("deploy/docker-compose.yaml", ""), Some(DocumentKind::Compose));
    /// assert_eq!(DocumentKind::of("", "apiVersion: v1\nkind: Pod\n"), Some(DocumentKind::Kubernetes));
    /// assert_eq!(DocumentKind::of("README.md", "Some text.\n"), None);
    /// ```
    pub fn of(path: &str, text: &str) -> Option<Self> {
        by_name(path).or_else(|| by_content(text.trim_start_matches('\u{feff}')))
    }
}

impl fmt::Display for DocumentKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for DocumentKind {
    type Err = KindError;

    fn from_str(text: &str) -> Result<Self, KindError> {
        let name = match text {
            "k8s" | "tekton" | "skaffold" | "openshift" => "kubernetes",
            "drone" => "woodpecker",
            "nomad" | "terraform" => "hcl",
            "shell" => "script",
            "workflow" | "action" => "github",
            "containerfile" => "dockerfile",
            "values" => "helm",
            other => other,
        };
        Self::ALL.into_iter().find(|kind| kind.name() == name).ok_or_else(|| KindError(text.to_owned()))
    }
}

fn by_name(path: &str) -> Option<DocumentKind> {
    let path = path.replace('\\', "/").to_ascii_lowercase();
    let (folder, file) = path.rsplit_once('/').unwrap_or(("", &path));
    let is_yaml = file.ends_with(".yml") || file.ends_with(".yaml");
    let stem = file.strip_suffix(".yml").or_else(|| file.strip_suffix(".yaml")).unwrap_or(file);
    let is_build = |word: &str| file.starts_with(word) || file.ends_with(word);
    let ends = |endings: &[&str]| endings.iter().any(|ending| file.ends_with(ending));
    let is_text = ends(&[".md", ".rst", ".adoc", ".go", ".py", ".rs", ".js", ".ts", ".dockerignore"]);
    let kind = match file {
        _ if is_text => return None,
        _ if is_yaml => return by_yaml_name(folder, stem),
        "docker-bake.json" | "docker-bake.override.json" => DocumentKind::Bake,
        "devcontainer.json" | ".devcontainer.json" => DocumentKind::Devcontainer,
        "kustomization" => DocumentKind::Kustomize,
        _ if ends(&[".hcl", ".nomad", ".tf", ".tfvars"]) => DocumentKind::Hcl,
        _ if ends(&[".sh", ".bash", ".zsh", ".ksh", ".bats"]) => DocumentKind::Script,
        _ if ends(&[".container", ".image", ".volume", ".build", ".pod", ".kube"]) => DocumentKind::Quadlet,
        _ if is_build("dockerfile") || is_build("containerfile") || file.starts_with("dockerfile.") => {
            DocumentKind::Dockerfile
        }
        _ if file == ".env" || file.starts_with(".env.") || file.ends_with(".env") => DocumentKind::Env,
        _ if ends(&[".txt", ".list"]) => DocumentKind::List,
        _ => return None,
    };
    Some(kind)
}

fn by_yaml_name(folder: &str, stem: &str) -> Option<DocumentKind> {
    let is_workflow = ["workflows", "actions"].iter().any(|last| folder.ends_with(last))
        && [".github/", ".gitea/", ".forgejo/"].iter().any(|first| folder.contains(first));
    let is_in = |name: &str| folder.rsplit('/').next() == Some(name);
    let kind = match stem {
        _ if is_workflow || stem == "action" => DocumentKind::Github,
        _ if stem.ends_with(".gitlab-ci") => DocumentKind::Gitlab,
        ".woodpecker" | ".drone" | ".crow" => DocumentKind::Woodpecker,
        _ if is_in(".woodpecker") || is_in(".crow") => DocumentKind::Woodpecker,
        _ if is_in(".circleci") => DocumentKind::Circleci,
        "bitbucket-pipelines" => DocumentKind::Bitbucket,
        "kustomization" => DocumentKind::Kustomize,
        _ if stem.starts_with("compose") || stem.contains("docker-compose") || stem.ends_with("-compose") => {
            DocumentKind::Compose
        }
        _ if stem.starts_with("values") || stem.ends_with("values") => DocumentKind::Helm,
        _ => return None,
    };
    Some(kind)
}

fn by_content(text: &str) -> Option<DocumentKind> {
    let trimmed = text.trim_start();
    if trimmed.starts_with("#!") {
        let first = trimmed.lines().next().unwrap_or_default();
        return ["sh", "bash", "zsh", "ksh", "dash"]
            .iter()
            .any(|shell| first.ends_with(shell) || first.contains(&format!("/{shell} ")))
            .then_some(DocumentKind::Script);
    }
    if trimmed.starts_with(['{', '/']) {
        return by_json(trimmed);
    }
    if trimmed.starts_with('[') {
        let is_unit =
            |line: &str| matches!(line.trim_end(), "[Container]" | "[Image]" | "[Volume]" | "[Build]");
        return text.lines().any(is_unit).then_some(DocumentKind::Quadlet);
    }
    let keys: Vec<&str> = text.lines().filter_map(top_key).collect();
    let has = |key: &str| keys.contains(&key);
    if has("apiVersion") && text.contains("kustomize.config.k8s.io/") {
        return Some(DocumentKind::Kustomize);
    }
    if has("apiVersion") && has("kind") {
        return Some(DocumentKind::Kubernetes);
    }
    by_keys(text, &keys).or_else(|| by_lines(text))
}

fn by_json(text: &str) -> Option<DocumentKind> {
    // Keys that only a development container has.
    const OWN: [&str; 8] = [
        "\"customizations\"",
        "\"remoteUser\"",
        "\"postCreateCommand\"",
        "\"features\"",
        "\"forwardPorts\"",
        "\"workspaceFolder\"",
        "\"containerEnv\"",
        "\"dockerComposeFile\"",
    ];
    if text.contains("\"apiVersion\"") {
        return Some(DocumentKind::Kubernetes);
    }
    let names_image = ["\"image\"", "\"build\"", "\"dockerComposeFile\"", "\"dockerFile\""];
    if names_image.iter().any(|key| text.contains(key)) && OWN.iter().any(|key| text.contains(key)) {
        return Some(DocumentKind::Devcontainer);
    }
    let is_bake = text.contains("\"target\"")
        && ["\"dockerfile\"", "\"contexts\"", "\"context\""].iter().any(|key| text.contains(key));
    is_bake.then_some(DocumentKind::Bake)
}

fn by_keys(text: &str, keys: &[&str]) -> Option<DocumentKind> {
    let has = |key: &str| keys.contains(&key);
    let names_image = text.contains("image:");
    if has("jobs") && (has("on") || has("\"on\"") || has("'on'")) || has("runs") && has("name") {
        return Some(DocumentKind::Github);
    }
    if has("pipelines") && (has("image") || has("definitions") || text.contains("step:")) {
        return Some(DocumentKind::Bitbucket);
    }
    if has("version") && (has("jobs") || has("executors")) && text.contains("docker:") {
        return Some(DocumentKind::Circleci);
    }
    // Compose has services by name, and no steps.
    let is_drone = has("kind") && (has("steps") || has("services")) && text.contains("kind: pipeline");
    if is_drone || (has("steps") || has("pipeline")) && names_image && !has("apiVersion") {
        return Some(DocumentKind::Woodpecker);
    }
    let is_listed = text.lines().skip_while(|line| !line.starts_with("services:")).nth(1);
    let is_list = is_listed.is_some_and(|line| line.trim_start().starts_with("- "));
    if has("services") && !has("script") && !is_list && (names_image || text.contains("build:")) {
        return Some(DocumentKind::Compose);
    }
    if has("images") && (text.contains("newTag:") || text.contains("newName:")) {
        return Some(DocumentKind::Kustomize);
    }
    // Azure's pipelines have stages too.
    let is_azure = has("trigger") || has("pool") || has("pr");
    (has("stages") && !is_azure).then_some(DocumentKind::Gitlab)
}

// By lines that only one kind has.
fn by_lines(text: &str) -> Option<DocumentKind> {
    if text.lines().any(|line| line.starts_with("  script:")) {
        return Some(DocumentKind::Gitlab);
    }
    if text.lines().any(|line| line.starts_with("- op:")) {
        return Some(DocumentKind::Kubernetes);
    }
    let is_task = |line: &str| {
        let key = line.trim_start_matches([' ', '-']).split(':').next().unwrap_or_default();
        matches!(key, "hosts" | "tasks" | "ansible.builtin.include_tasks")
            || [
                "docker_container",
                "podman_container",
                "docker_image",
                "podman_image",
                "docker_swarm_service",
            ]
            .contains(&key.rsplit('.').next().unwrap_or_default())
    };
    let is_list = text.lines().any(|line| line.starts_with("- "));
    if is_list
        && text
            .lines()
            .any(|line| line.trim_end().ends_with(':') && is_task(line) || line.starts_with("- hosts:"))
    {
        return Some(DocumentKind::Ansible);
    }
    is_dockerfile(text).then_some(DocumentKind::Dockerfile)
}

// A key at the start of a line.
fn top_key(line: &str) -> Option<&str> {
    let is_key = !line.starts_with([' ', '\t', '#', '-']);
    is_key.then(|| line.split_once(':')).flatten().map(|(key, _)| key.trim_end())
}

fn is_dockerfile(text: &str) -> bool {
    let instruction = text.lines().map(str::trim).find(|line| {
        !line.is_empty() && !line.starts_with('#') && !line.to_ascii_uppercase().starts_with("ARG ")
    });
    instruction.is_some_and(|line| line.to_ascii_uppercase().starts_with("FROM "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_tell() {
        for (path, kind) in [
            ("docker-compose.yaml", DocumentKind::Compose),
            ("a/compose.prod.yml", DocumentKind::Compose),
            ("values.yaml", DocumentKind::Helm),
            ("chart/values-prod.yaml", DocumentKind::Helm),
            ("kustomization.yaml", DocumentKind::Kustomize),
            ("Kustomization", DocumentKind::Kustomize),
            ("Dockerfile", DocumentKind::Dockerfile),
            ("build/Dockerfile.gateway", DocumentKind::Dockerfile),
            ("api.Dockerfile", DocumentKind::Dockerfile),
            ("Containerfile", DocumentKind::Dockerfile),
            (".github/workflows/x.yml", DocumentKind::Github),
            ("repo/.gitea/workflows/x.yaml", DocumentKind::Github),
            ("action.yml", DocumentKind::Github),
            (".gitlab-ci.yml", DocumentKind::Gitlab),
            (".devcontainer/devcontainer.json", DocumentKind::Devcontainer),
            (".env", DocumentKind::Env),
            (".env.example", DocumentKind::Env),
            ("allows.txt", DocumentKind::List),
            (".woodpecker.yml", DocumentKind::Woodpecker),
            (".woodpecker/build.yaml", DocumentKind::Woodpecker),
            (".drone.yml", DocumentKind::Woodpecker),
            (".circleci/config.yml", DocumentKind::Circleci),
            ("bitbucket-pipelines.yml", DocumentKind::Bitbucket),
            ("units/web.container", DocumentKind::Quadlet),
            ("docker-bake.hcl", DocumentKind::Hcl),
            ("jobs/web.nomad", DocumentKind::Hcl),
            ("main.tf", DocumentKind::Hcl),
            ("docker-bake.json", DocumentKind::Bake),
            ("run.sh", DocumentKind::Script),
        ] {
            assert_eq!(DocumentKind::of(path, ""), Some(kind), "{path}");
        }
    }

    #[test]
    fn contents_tell() {
        for (text, kind) in [
            ("apiVersion: v1\nkind: Pod\n", Some(DocumentKind::Kubernetes)),
            ("---\n# c\n{\"apiVersion\": \"v1\"}", None),
            ("{\"apiVersion\": \"v1\"}", Some(DocumentKind::Kubernetes)),
            ("\u{feff}services:\n  a:\n    image: b\n", Some(DocumentKind::Compose)),
            (
                "apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\n",
                Some(DocumentKind::Kustomize),
            ),
            ("images:\n- name: a\n  newTag: b\n", Some(DocumentKind::Kustomize)),
            ("name: x\non: push\njobs:\n", Some(DocumentKind::Github)),
            ("# syntax=x\nARG A=1\nfrom nginx\n", Some(DocumentKind::Dockerfile)),
            ("test:\n  script: x\n", Some(DocumentKind::Gitlab)),
            (
                "steps:\n  - name: a\n    image: b\nservices:\n  - name: c\n    image: d\n",
                Some(DocumentKind::Woodpecker),
            ),
            ("kind: pipeline\ntype: docker\nsteps:\n- name: a\n  image: b\n", Some(DocumentKind::Woodpecker)),
            ("version: 2.1\njobs:\n  a:\n    docker:\n      - image: b\n", Some(DocumentKind::Circleci)),
            ("image: a\npipelines:\n  default:\n    - step:\n", Some(DocumentKind::Bitbucket)),
            ("[Unit]\nX=y\n[Container]\nImage=a\n", Some(DocumentKind::Quadlet)),
            ("[Unit]\nX=y\n[Service]\nExecStart=a\n", None),
            ("// c\n{\"image\": \"a\", \"remoteUser\": \"b\"}", Some(DocumentKind::Devcontainer)),
            ("{\"target\": {\"a\": {\"dockerfile\": \"b\"}}}", Some(DocumentKind::Bake)),
            ("- hosts: all\n  tasks: []\n", Some(DocumentKind::Ansible)),
            ("- name: a\n  community.docker.docker_container:\n    image: b\n", Some(DocumentKind::Ansible)),
            ("- op: replace\n  path: /a/image\n  value: b\n", Some(DocumentKind::Kubernetes)),
            ("trigger: none\nstages:\n  - stage: a\n", None),
            ("#!/bin/sh\ndocker pull a\n", Some(DocumentKind::Script)),
            ("#!/usr/bin/env python3\n", None),
            ("hello: world\n", None),
            ("", None),
        ] {
            assert_eq!(DocumentKind::of("", text), kind, "{text}");
        }
    }

    #[test]
    fn kinds_are_read_by_name() {
        for kind in DocumentKind::ALL {
            assert_eq!(kind.name().parse(), Ok(kind));
        }
        assert_eq!(
            "pulumi".parse::<DocumentKind>().unwrap_err().to_string(),
            "`pulumi` is not a kind of document"
        );
    }
}
