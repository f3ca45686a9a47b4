//! Token scopes (distribution, §token scope): pull, push, mount, delete, and listing repositories.

use entrepot_oci::Repository;

use super::challenge::Challenge;

/// The rights that a request needs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Scope {
    /// Read a repository.
    Pull(Repository),
    /// Write to a repository.
    Push(Repository),
    /// Write to one repository, and read another that blobs are mounted from.
    Mount { to: Repository, from: Repository },
    /// Delete from a repository.
    Delete(Repository),
    /// List all repositories.
    Catalog,
}

impl Scope {
    /// The scopes with the repository names that we know.
    pub(crate) fn texts(&self) -> Vec<String> {
        self.below("", None)
    }

    /// The scopes to request from a token server. A longer repository name in the challenge is used, because some
    /// registries serve repositories under longer names than ours. Everything else in the challenge, such as a
    /// placeholder or another repository, is ignored.
    pub(crate) fn requested(&self, challenge: &Challenge) -> Vec<String> {
        let named = challenge.parameter("scope").unwrap_or_default();
        let prefix = self.repository().and_then(|own| prefix(named, own.as_str())).unwrap_or_default();
        self.below(prefix, all_actions(named).then_some("*"))
    }

    /// The repository that the request writes to.
    pub(crate) fn write_target(&self) -> Option<&Repository> {
        match self {
            Self::Push(to) | Self::Mount { to, .. } => Some(to),
            Self::Pull(_) | Self::Delete(_) | Self::Catalog => None,
        }
    }

    /// The repository that the request is about.
    pub(crate) fn repository(&self) -> Option<&Repository> {
        match self {
            Self::Pull(own) | Self::Push(own) | Self::Delete(own) => Some(own),
            Self::Mount { to, .. } => Some(to),
            Self::Catalog => None,
        }
    }

    // `deletion` is the action to use in place of `delete`.
    fn below(&self, prefix: &str, deletion: Option<&str>) -> Vec<String> {
        let one = |name: &Repository, actions: &str| format!("repository:{prefix}{name}:{actions}");
        match self {
            Self::Pull(own) => vec![one(own, "pull")],
            Self::Push(own) => vec![one(own, "pull,push")],
            Self::Mount { to, from } => vec![one(to, "pull,push"), one(from, "pull")],
            Self::Delete(own) => vec![one(own, deletion.unwrap_or("delete"))],
            Self::Catalog => vec!["registry:catalog:*".to_owned()],
        }
    }
}

// The part before our name in the first scope of a challenge, up to its `/`.
fn prefix<'a>(named: &'a str, own: &str) -> Option<&'a str> {
    let (first, rest) = named.split_once(' ').unwrap_or((named, ""));
    let (name, actions) = first.strip_prefix("repository:")?.rsplit_once(':')?;
    let prefix = name.strip_suffix(own)?;
    // A second scope is for the source of a mount, which has the same prefix.
    let is_alike =
        rest.is_empty() || rest.strip_prefix("repository:").is_some_and(|rest| rest.starts_with(prefix));
    let is_whole = prefix.ends_with('/') && name.parse::<Repository>().is_ok();
    (is_whole && is_alike && actions.split(',').all(is_action)).then_some(prefix)
}

// Distribution before version 2.8 let only those delete who may do anything.
fn all_actions(named: &str) -> bool {
    named.starts_with("repository:") && !named.contains(' ') && named.ends_with(":*")
}

fn is_action(action: &str) -> bool {
    matches!(action, "pull" | "push" | "delete" | "*")
}

#[cfg(test)]
mod tests {
    use super::{super::challenge, *};

    fn repository(name: &str) -> Repository {
        name.parse().unwrap()
    }

    fn requested(scope: &Scope, named: &str) -> String {
        let parsed = challenge::parse(&format!(r#"Bearer realm="x",scope="{named}""#));
        scope.requested(&parsed[0]).join(" ")
    }

    #[test]
    fn a_scope_is_only_taken_for_the_same_repository() {
        let (scope, own) = (Scope::Pull(repository("library/nginx")), "repository:library/nginx:pull");
        for (named, taken) in [
            ("repository:library/nginx:pull", own),
            ("repository:proxy/hub/library/nginx:pull", "repository:proxy/hub/library/nginx:pull"),
            ("repository:proxy/hub/library/nginx:pull,push", "repository:proxy/hub/library/nginx:pull"),
            ("repository:user/image:pull", own),
            ("repository:x-library/nginx:pull", own),
            ("repository:library/nginx:pull,push", own),
            ("repository:private/a:pull,push repository:x/library/nginx:pull", own),
            ("repository:x/library/nginx:pull registry:catalog:*", own),
            ("repository:A/library/nginx:pull", own),
            ("repository:/library/nginx:pull", own),
            ("repository:x/library/nginx:administer", own),
            ("", own),
        ] {
            assert_eq!(requested(&scope, named), taken, "{named}");
        }
    }

    #[test]
    fn writing_asks_for_what_it_needs() {
        let (to, from) = (repository("a"), repository("b/c"));
        let mount = Scope::Mount { to: to.clone(), from };
        let both = "repository:a:pull,push repository:b/c:pull";
        assert_eq!(mount.texts().join(" "), both);
        assert_eq!(requested(&mount, both), both);
        let longer = "repository:x/a:pull,push repository:x/b/c:pull";
        assert_eq!(requested(&mount, longer), longer);
        assert_eq!(requested(&mount, "repository:x/a:pull,push repository:y/b/c:pull"), both);
        assert_eq!(requested(&Scope::Push(to.clone()), "repository:a:pull"), "repository:a:pull,push");
        assert_eq!(requested(&Scope::Delete(to.clone()), "repository:a:delete"), "repository:a:delete");
        assert_eq!(requested(&Scope::Delete(to), "repository:a:*"), "repository:a:*");
        assert_eq!(requested(&Scope::Catalog, "repository:a:*"), "registry:catalog:*");
    }
}
