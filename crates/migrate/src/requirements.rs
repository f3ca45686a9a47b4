//! Requirements that registries do not report themselves: the minimum permissions, and manual tasks. Pure; the facts
//! are from the registries' own documentation.

use entrepot_oci::Host;
use entrepot_sync::{Place, Provider};
use serde::Serialize;

use crate::{migration::Migration, migration::Move};

/// An account that a migration needs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Account {
    /// The registry.
    pub registry: String,
    /// Its role.
    pub role: Role,
    /// The minimum permissions.
    pub rights: &'static str,
    /// Permissions that are not enough, or facts that are easily overlooked.
    pub beware: Option<&'static str>,
    /// True if an account for the registry is configured here.
    pub is_known: bool,
}

/// The sides of a migration with a known account.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct KnownAccounts {
    /// For the registry that images are pulled from.
    pub source: bool,
    /// For the registry that they are pushed to.
    pub target: bool,
}

/// The role of an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// Pulling.
    Read,
    /// Pushing.
    Write,
}

/// A task to do by hand.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Task {
    /// The task.
    pub what: String,
    /// The reason.
    pub why: &'static str,
    /// The addresses of the settings.
    pub at: Vec<String>,
}

impl Role {
    /// The name of the role.
    pub fn word(self) -> &'static str {
        match self {
            Self::Read => "pull",
            Self::Write => "push",
        }
    }
}

/// The account needed at `host`, with its minimum permissions.
pub(crate) fn account(host: &Host, role: Role, is_known: bool) -> Account {
    let provider = Provider::of(host);
    let (rights, beware) = match role {
        Role::Read => (reading(provider), None),
        Role::Write => writing(provider),
    };
    Account { registry: host.to_string(), role, rights, beware, is_known }
}

fn reading(provider: Provider) -> &'static str {
    match provider {
        Provider::DockerHub => {
            "none for public repositories, 100 manifests in 6 hours; with an access token `Public Repo Read-only`, \
             200; for private ones `Read-only`"
        }
        Provider::Ghcr => "none for public packages; for others a classic token with `read:packages`",
        Provider::Quay => "none for public repositories; for others a robot account with `Read`",
        Provider::Ecr => "user `AWS` with a token of `aws ecr get-login-password` (12 hours)",
        Provider::GitLab => "none for public projects; for others a deploy token with `read_registry`",
        _ => "none for what is public; for the rest an account that may pull",
    }
}

fn writing(provider: Provider) -> (&'static str, Option<&'static str>) {
    match provider {
        Provider::DockerHub => (
            "an access token `Read & Write` of a member who may push to the namespace",
            Some(
                "for a foreign namespace Docker Hub gives a token that may pull only, and says nothing of it",
            ),
        ),
        Provider::Ghcr => (
            "a classic personal access token with `write:packages`, or `GITHUB_TOKEN` in a workflow with \
             `permissions: packages: write`",
            Some(
                "fine-grained tokens and tokens of GitHub Apps cannot write packages of an organization, and an \
                 organization may forbid classic tokens",
            ),
        ),
        Provider::Quay => (
            "a robot account with `Write`; to create repositories, a member of a team with the role `Creator`",
            Some("repositories that are created by a push are private"),
        ),
        Provider::AliyunPersonal | Provider::AliyunEnterprise => (
            "the registry's own password of an account that may push to the namespace",
            Some("it is not the password of the console"),
        ),
        Provider::Swr => (
            "a long-term login (`REGION@ACCESS_KEY`) that may edit the organization",
            Some("the temporary login of the console ends after 6 hours"),
        ),
        Provider::Ecr => (
            "user `AWS` with a token of `aws ecr get-login-password`, of a role with `ecr:PutImage`, \
             `ecr:InitiateLayerUpload`, `ecr:UploadLayerPart`, `ecr:CompleteLayerUpload`, \
             `ecr:BatchCheckLayerAvailability` and `ecr:BatchGetImage`",
            Some("the token ends after 12 hours"),
        ),
        Provider::Azure => {
            ("a token whose scope map has `content/read` and `content/write`, or the role `AcrPush`", None)
        }
        Provider::GitLab => {
            ("a deploy token or project token with `read_registry` and `write_registry`", None)
        }
        Provider::ArtifactRegistry => ("the role `roles/artifactregistry.writer`", None),
        Provider::Harbor => ("a robot account of the project with `Pull` and `Push Repository`", None),
        Provider::Other => ("an account that may pull and push there", None),
    }
}

/// The manual tasks. `labels` are the images' source labels, one per repository.
pub(crate) fn checklist(
    migration: &Migration,
    moves: &[Move],
    labels: &[(Place, Option<String>)],
) -> Vec<Task> {
    let mut tasks = match Provider::of(migration.to.host()) {
        Provider::Ghcr => ghcr(migration, moves, labels),
        other => elsewhere(other, migration),
    };
    tasks.push(Task {
        what: "Write descriptions and READMEs of the repositories anew".to_owned(),
        why: "they are no part of an image, and stay where they are, as do counts of pulls, webhooks and rules of \
              retention",
        at: Vec::new(),
    });
    tasks.push(Task {
        what: format!("Leave the images at `{}` until nobody pulls them any more", migration.from),
        why: "nothing is changed there, so everybody can go back",
        at: Vec::new(),
    });
    tasks
}

fn task(what: impl Into<String>, why: &'static str) -> Task {
    Task { what: what.into(), why, at: Vec::new() }
}

fn ghcr(migration: &Migration, moves: &[Move], labels: &[(Place, Option<String>)]) -> Vec<Task> {
    let owner = migration.to.namespace().map_or("OWNER", |name| name.parts().next().unwrap_or_default());
    let settings = |page: &str| format!("https://github.com/organizations/{owner}/settings/{page}");
    let packages: Vec<String> = moves.iter().filter_map(|moved| package(owner, moved)).collect();
    let mut tasks = vec![
        Task {
            what: format!(
                "Allow classic personal access tokens in the organization `{owner}`, if one is to push"
            ),
            why: "organizations can forbid them, and no other kind of personal token can write packages",
            at: vec![settings("personal-access-tokens")],
        },
        Task {
            what: format!("Allow members of `{owner}` to create packages of the visibility that is wanted"),
            why: "otherwise the first push is denied",
            at: vec![settings("packages")],
        },
        linking(migration, labels, packages.clone()),
        Task {
            what: "Add the repository with the role Write under Manage Actions access of each package"
                .to_owned(),
            why: "a workflow's `GITHUB_TOKEN` may write only packages that are linked to its repository or let it in; \
                  else its push ends with `permission_denied: write_package`",
            at: packages.clone(),
        },
        Task {
            what: "Make the packages public, if they are to be".to_owned(),
            why: "new packages are private; made public, they cannot be made private again",
            at: packages,
        },
    ];
    if migration.source.is_none() {
        tasks.insert(
            0,
            task(
                "Say where the source is: `source: https://github.com/OWNER/REPOSITORY` in the migration",
                "then the plan tells whether the images' labels link the packages to it",
            ),
        );
    }
    tasks
}

fn package(owner: &str, moved: &Move) -> Option<String> {
    let Place::Registry { repository, .. } = &moved.target else { return None };
    let name = repository.as_str().strip_prefix(owner)?.strip_prefix('/')?.replace('/', "%2F");
    Some(format!("https://github.com/orgs/{owner}/packages/container/{name}/settings"))
}

fn linking(migration: &Migration, labels: &[(Place, Option<String>)], at: Vec<String>) -> Task {
    let why = "GHCR links a package to the repository that its first image names in the label \
               `org.opencontainers.image.source`; a copy cannot be given one without changing its digest";
    let is_own = |label: &str| migration.source.as_deref().is_some_and(|source| same_address(source, label));
    let (with, without): (Vec<_>, Vec<_>) = labels.iter().partition(|(_, label)| label.is_some());
    let own = with.iter().filter(|(_, label)| label.as_deref().is_some_and(is_own)).count();
    let what = if labels.is_empty() {
        "Connect each package to the repository".to_owned()
    } else if own == labels.len() {
        "Nothing to link: every image names the source in its label; look whether the packages are connected"
            .to_owned()
    } else if without.len() == labels.len() {
        "Connect each package to the repository: no image names its source in a label".to_owned()
    } else {
        let others: Vec<String> = labels
            .iter()
            .filter(|(_, label)| !label.as_deref().is_some_and(is_own))
            .map(|(place, label)| format!("{place} ({})", label.as_deref().unwrap_or("no label")))
            .collect();
        format!("Connect these packages to the repository: {}", others.join(", "))
    };
    Task { what, why, at }
}

// Ignores differences in spelling: `.git`, a trailing slash, capitals.
fn same_address(one: &str, other: &str) -> bool {
    let plain = |text: &str| {
        let text = text.trim_end_matches('/').trim_end_matches(".git").to_ascii_lowercase();
        text.split_once("://").map_or(text.clone(), |(_, rest)| rest.to_owned())
    };
    plain(one) == plain(other)
}

fn elsewhere(provider: Provider, migration: &Migration) -> Vec<Task> {
    let to = &migration.to;
    match provider {
        Provider::DockerHub => vec![task(
            format!("Look at the default visibility of repositories in `{to}`"),
            "a push creates repositories, with the visibility that the namespace sets for new ones",
        )],
        Provider::Quay => vec![task(
            format!("Make the repositories below `{to}` public, if they are to be"),
            "those that are created by a push are private",
        )],
        Provider::AliyunPersonal | Provider::AliyunEnterprise => vec![task(
            format!("Switch on the automatic creation of repositories in the namespace of `{to}`"),
            "otherwise every repository must be created before the first push",
        )],
        Provider::Swr => vec![
            task(
                format!("Create the organization of `{to}`"),
                "a push creates repositories, but not organizations",
            ),
            task(
                "Make the repositories public, if they are to be",
                "those that are created by a push are private",
            ),
        ],
        Provider::Ecr => vec![task(
            format!("Create every repository below `{to}`, or a creation template with `CREATE_ON_PUSH`"),
            "otherwise a push creates no repository; with immutable tags, tags that move are refused",
        )],
        Provider::GitLab => vec![task(
            format!("See that `{to}` begins with the path of a project"),
            "every repository belongs to a project, which must be there",
        )],
        Provider::Harbor => vec![task(
            format!("Create the project of `{to}`, with enough quota"),
            "a push creates repositories, but not projects",
        )],
        Provider::ArtifactRegistry => vec![task(
            format!("Create the repository of `{to}` in the project"),
            "a push creates images, but not repositories",
        )],
        Provider::Azure | Provider::Ghcr | Provider::Other => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_compared_as_people_write_them() {
        assert!(same_address("https://github.com/a/b", "http://github.com/A/b.git/"));
        assert!(!same_address("https://github.com/a/b", "https://github.com/a/c"));
    }

    #[test]
    fn the_least_rights_are_told() {
        let of = |host: &str, role| account(&host.parse().unwrap(), role, false);
        assert!(
            of("ghcr.io", Role::Write)
                .rights
                .starts_with("a classic personal access token with `write:packages`")
        );
        assert!(of("ghcr.io", Role::Write).beware.unwrap().starts_with("fine-grained tokens"));
        assert!(of("docker.io", Role::Read).rights.starts_with("none for public repositories"));
    }
}
