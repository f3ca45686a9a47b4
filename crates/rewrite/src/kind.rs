//! Detects the kind of a document by name and content.

use std::{fmt, str::FromStr};

/// A kind of document.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
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
    /// A development container configuration.
    Devcontainer,
    /// A variable file: `NAME=value`.
    Env,
    /// One reference per line.
    List,
}

/// No kind has that name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a kind of document")]
pub struct KindError(pub String);

impl Kind {
    /// All kinds.
    pub const ALL: [Self; 10] = [
        Self::Compose,
        Self::Kubernetes,
        Self::Helm,
        Self::Kustomize,
        Self::Dockerfile,
        Self::Github,
        Self::Gitlab,
        Self::Devcontainer,
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
            Self::Devcontainer => "devcontainer",
            Self::Env => "env",
            Self::List => "list",
        }
    }

    /// The kind of a document, or `None` if unknown. `path` is the file's path with `/` separators, or empty.
    ///
    /// ```
    /// use entrepot_rewrite::Kind;
    ///
    /// assert_eq!(Kind::of("deploy/docker-compose.yaml", ""), Some(Kind::Compose));
    /// assert_eq!(Kind::of("", "apiVersion: v1\nkind: Pod\n"), Some(Kind::Kubernetes));
    /// assert_eq!(Kind::of("README.md", "Some text.\n"), None);
    /// ```
    pub fn of(path: &str, text: &str) -> Option<Self> {
        by_name(path).or_else(|| by_content(text.trim_start_matches('\u{feff}')))
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Kind {
    type Err = KindError;

    fn from_str(text: &str) -> Result<Self, KindError> {
        let name = match text {
            "k8s" | "tekton" => "kubernetes",
            "workflow" | "action" => "github",
            "containerfile" => "dockerfile",
            "values" => "helm",
            other => other,
        };
        Self::ALL.into_iter().find(|kind| kind.name() == name).ok_or_else(|| KindError(text.to_owned()))
    }
}

fn by_name(path: &str) -> Option<Kind> {
    let path = path.replace('\\', "/").to_ascii_lowercase();
    let (folder, file) = path.rsplit_once('/').unwrap_or(("", &path));
    let is_yaml = file.ends_with(".yml") || file.ends_with(".yaml");
    let stem = file.strip_suffix(".yml").or_else(|| file.strip_suffix(".yaml")).unwrap_or(file);
    let is_build = |word: &str| file.starts_with(word) || file.ends_with(word);
    if !is_yaml && (is_build("dockerfile") || is_build("containerfile")) {
        return Some(Kind::Dockerfile);
    }
    if file == "devcontainer.json" || file == ".devcontainer.json" {
        return Some(Kind::Devcontainer);
    }
    if file == "kustomization" || (is_yaml && stem == "kustomization") {
        return Some(Kind::Kustomize);
    }
    if file == ".env" || file.starts_with(".env.") || file.ends_with(".env") {
        return Some(Kind::Env);
    }
    if file.ends_with(".txt") || file.ends_with(".list") {
        return Some(Kind::List);
    }
    if is_yaml { by_yaml_name(folder, stem) } else { None }
}

fn by_yaml_name(folder: &str, stem: &str) -> Option<Kind> {
    let is_workflow = ["workflows", "actions"].iter().any(|last| folder.ends_with(last))
        && [".github/", ".gitea/", ".forgejo/"].iter().any(|first| folder.contains(first));
    let kind = match stem {
        _ if is_workflow || stem == "action" => Kind::Github,
        _ if stem.ends_with(".gitlab-ci") => Kind::Gitlab,
        _ if stem.starts_with("compose") || stem.contains("docker-compose") || stem.ends_with("-compose") => {
            Kind::Compose
        }
        _ if stem.starts_with("values") || stem.ends_with("values") => Kind::Helm,
        _ => return None,
    };
    Some(kind)
}

fn by_content(text: &str) -> Option<Kind> {
    let trimmed = text.trim_start();
    if trimmed.starts_with('{') {
        return trimmed.contains("\"apiVersion\"").then_some(Kind::Kubernetes);
    }
    let keys: Vec<&str> = text.lines().filter_map(top_key).collect();
    let has = |key: &str| keys.contains(&key);
    if has("apiVersion") && text.contains("kustomize.config.k8s.io/") {
        return Some(Kind::Kustomize);
    }
    if has("apiVersion") && has("kind") {
        return Some(Kind::Kubernetes);
    }
    if has("jobs") && (has("on") || has("\"on\"") || has("'on'")) || has("runs") && has("name") {
        return Some(Kind::Github);
    }
    if has("services") && !has("script") && (text.contains("image:") || text.contains("build:")) {
        return Some(Kind::Compose);
    }
    if has("images") && (text.contains("newTag:") || text.contains("newName:")) {
        return Some(Kind::Kustomize);
    }
    if has("stages") || text.lines().any(|line| line.starts_with("  script:")) {
        return Some(Kind::Gitlab);
    }
    is_dockerfile(text).then_some(Kind::Dockerfile)
}

// A key at the start of a line.
fn top_key(line: &str) -> Option<&str> {
    let is_key = !line.starts_with([' ', '\t', '#', '-']);
    line.split_once(':').filter(|_| is_key).map(|(key, _)| key.trim_end())
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
            ("docker-compose.yaml", Kind::Compose),
            ("a/compose.prod.yml", Kind::Compose),
            ("values.yaml", Kind::Helm),
            ("chart/values-prod.yaml", Kind::Helm),
            ("kustomization.yaml", Kind::Kustomize),
            ("Kustomization", Kind::Kustomize),
            ("Dockerfile", Kind::Dockerfile),
            ("build/Dockerfile.gateway", Kind::Dockerfile),
            ("api.Dockerfile", Kind::Dockerfile),
            ("Containerfile", Kind::Dockerfile),
            (".github/workflows/x.yml", Kind::Github),
            ("repo/.gitea/workflows/x.yaml", Kind::Github),
            ("action.yml", Kind::Github),
            (".gitlab-ci.yml", Kind::Gitlab),
            (".devcontainer/devcontainer.json", Kind::Devcontainer),
            (".env", Kind::Env),
            (".env.example", Kind::Env),
            ("allows.txt", Kind::List),
        ] {
            assert_eq!(Kind::of(path, ""), Some(kind), "{path}");
        }
    }

    #[test]
    fn contents_tell() {
        for (text, kind) in [
            ("apiVersion: v1\nkind: Pod\n", Some(Kind::Kubernetes)),
            ("---\n# c\n{\"apiVersion\": \"v1\"}", None),
            ("{\"apiVersion\": \"v1\"}", Some(Kind::Kubernetes)),
            ("\u{feff}services:\n  a:\n    image: b\n", Some(Kind::Compose)),
            ("apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\n", Some(Kind::Kustomize)),
            ("images:\n- name: a\n  newTag: b\n", Some(Kind::Kustomize)),
            ("name: x\non: push\njobs:\n", Some(Kind::Github)),
            ("# syntax=x\nARG A=1\nfrom nginx\n", Some(Kind::Dockerfile)),
            ("test:\n  script: x\n", Some(Kind::Gitlab)),
            ("hello: world\n", None),
            ("", None),
        ] {
            assert_eq!(Kind::of("", text), kind, "{text}");
        }
    }

    #[test]
    fn kinds_are_read_by_name() {
        for kind in Kind::ALL {
            assert_eq!(kind.name().parse(), Ok(kind));
        }
        assert_eq!(
            "terraform".parse::<Kind>().unwrap_err().to_string(),
            "`terraform` is not a kind of document"
        );
    }
}
