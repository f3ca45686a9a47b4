//! Reads a name: finds the registry and the repository that a request means. Pure.
//!
//! The order matters. A request that says its registry (by `?ns=`, a hostname or a prefix) means that one, and no hosted name
//! shadows it. A name without a registry is hosted if it has a hosted prefix, and of the default upstream otherwise.

use std::collections::{BTreeMap, BTreeSet};

use entrepot_catalog::{Origin, RepoKey};
use entrepot_oci::{Host, ImageRef, Name, Repository};

use crate::error::Error;

/// The parts of a request, apart from the name, that may say which registry it means.
#[derive(Clone, Copy, Debug, Default)]
pub struct Asked<'a> {
    /// The `Host` header or `:authority`.
    pub host: Option<&'a str>,
    /// The `ns` parameter.
    pub namespace: Option<&'a Host>,
}

/// The repository that a request means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// The repository, and the registry it belongs to.
    pub key: RepoKey,
    /// The `ns` parameter decided. The answer must say so with `OCI-Namespace`.
    pub by_namespace: bool,
}

/// The rules for reading names: upstreams, their aliases, and hosted prefixes.
#[derive(Clone, Debug)]
pub struct Names {
    domain: Option<String>,
    default_upstream: Host,
    upstreams: BTreeSet<Host>,
    aliases: BTreeMap<String, Host>,
    hosted: Vec<String>,
}

impl Names {
    /// Rules with one upstream; `hosted` are prefixes that take pushes, such as `local/`.
    pub fn new(default_upstream: Host, hosted: Vec<String>) -> Self {
        let upstreams = BTreeSet::from([default_upstream.clone()]);
        Self { domain: None, default_upstream, upstreams, aliases: BTreeMap::new(), hosted }
    }

    /// Has subdomains of `domain` stand for upstreams: `docker.m.example.com`.
    #[must_use]
    pub fn with_domain(mut self, domain: Option<&str>) -> Self {
        self.domain = domain.map(|domain| format!(".{}", domain.to_ascii_lowercase()));
        self
    }

    /// Makes `host` an upstream, with its label below the domain if it has one.
    #[must_use]
    pub fn with_upstream(mut self, host: Host, alias: Option<&str>) -> Self {
        if let Some(alias) = alias {
            self.aliases.insert(alias.to_ascii_lowercase(), host.clone());
        }
        self.upstreams.insert(host);
        self
    }

    /// The repository that `name` means.
    ///
    /// # Errors
    /// [`Error::NotAnUpstream`] or [`Error::NotARepository`].
    pub fn locate(&self, name: &Name, asked: Asked<'_>) -> Result<Target, Error> {
        let own = asked.host.unwrap_or_default();
        // A `Host` comes as it was typed (RFC 9110 §4.2.3: hosts have no case).
        let is_other = |namespace: &&Host| !namespace.as_str().eq_ignore_ascii_case(own);
        if let Some(namespace) = asked.namespace.filter(is_other) {
            let rest = without_host(name, namespace);
            return Ok(Target { key: self.upstream(namespace.clone(), rest)?, by_namespace: true });
        }
        let key = match self.by_alias(own) {
            Some(host) => self.upstream(host.clone(), without_host(name, host))?,
            None => self.by_name(name)?,
        };
        Ok(Target { key, by_namespace: false })
    }

    /// The prefixes that take pushes, as text for people.
    pub fn hosted(&self) -> String {
        self.hosted.iter().map(|prefix| format!("`{prefix}`")).collect::<Vec<_>>().join(" or ")
    }

    /// The upstream of names without a registry.
    pub fn default_upstream(&self) -> &Host {
        &self.default_upstream
    }

    /// The domain whose subdomains stand for upstreams, if there is one.
    pub fn domain(&self) -> Option<&str> {
        self.domain.as_deref().map(|domain| domain.trim_start_matches('.'))
    }

    /// The upstreams, each with its label below the domain if it has one; the default one is first.
    pub fn upstreams(&self) -> impl Iterator<Item = (&Host, Option<&str>)> {
        let label = |host| self.aliases.iter().find(|(_, of)| *of == host).map(|(label, _)| label.as_str());
        let others = self.upstreams.iter().filter(|host| **host != self.default_upstream);
        std::iter::once(&self.default_upstream).chain(others).map(move |host| (host, label(host)))
    }

    /// The prefixes that take pushes.
    pub fn hosted_prefixes(&self) -> &[String] {
        &self.hosted
    }

    fn by_alias(&self, own: &str) -> Option<&Host> {
        let domain = self.domain.as_deref()?;
        let name = own.rsplit_once(':').map_or(own, |(name, _)| name).to_ascii_lowercase();
        self.aliases.get(name.strip_suffix(domain)?)
    }

    fn by_name(&self, name: &Name) -> Result<RepoKey, Error> {
        match name.split_host() {
            Some((host, rest)) if self.upstreams.contains(&host) => self.upstream(host, rest),
            split => {
                if let Some(repository) = name.repository().filter(|_| self.is_hosted(name)) {
                    return Ok(RepoKey { origin: Origin::Hosted, repository });
                }
                match split {
                    Some((host, _)) => Err(Error::NotAnUpstream { host }),
                    None => self.upstream(self.default_upstream.clone(), name.as_str()),
                }
            }
        }
    }

    fn is_hosted(&self, name: &Name) -> bool {
        self.hosted.iter().any(|prefix| name.as_str().starts_with(prefix.as_str()))
    }

    fn upstream(&self, host: Host, name: &str) -> Result<RepoKey, Error> {
        if !self.upstreams.contains(&host) {
            return Err(Error::NotAnUpstream { host });
        }
        let repository: Repository = ImageRef::repository_on(&host, name)
            .map_err(|_| Error::NotARepository { name: name.to_owned() })?;
        Ok(RepoKey { origin: Origin::Upstream(host), repository })
    }
}

// containerd with `override_path` sends the prefix as well as `ns`.
fn without_host<'a>(name: &'a Name, host: &Host) -> &'a str {
    match name.split_host() {
        Some((prefix, rest)) if prefix == *host => rest,
        _ => name.as_str(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names() -> Names {
        Names::new(Host::docker_hub(), vec!["local/".into(), "my.team/".into()])
            .with_domain(Some("M.example.com"))
            .with_upstream(Host::docker_hub(), Some("docker"))
            .with_upstream("quay.io".parse().unwrap(), Some("quay"))
            .with_upstream("localhost:5001".parse().unwrap(), None)
    }

    fn locate(host: &str, ns: Option<&str>, name: &str) -> Result<String, Error> {
        let ns: Option<Host> = ns.map(|ns| ns.parse().unwrap());
        let asked = Asked { host: Some(host), namespace: ns.as_ref() };
        let target = names().locate(&name.parse().unwrap(), asked)?;
        Ok(match target.key.origin {
            Origin::Hosted => format!("hosted {}", target.key.repository),
            Origin::Upstream(host) => format!("{host} {}", target.key.repository),
        })
    }

    #[test]
    fn all_forms_reach_one_key() {
        for (host, ns, name) in [
            ("m.example.com", None, "docker.io/library/nginx"),
            ("m.example.com", None, "docker.io/nginx"),
            ("m.example.com", None, "index.docker.io/nginx"),
            ("docker.m.example.com:5000", None, "library/nginx"),
            ("DOCKER.m.example.com", None, "nginx"),
            ("m.example.com", Some("docker.io"), "library/nginx"),
            ("m.example.com", Some("registry-1.docker.io"), "library/nginx"),
            ("m.example.com", Some("docker.io"), "docker.io/library/nginx"),
            ("m.example.com", None, "library/nginx"),
            ("m.example.com", None, "nginx"),
        ] {
            assert_eq!(locate(host, ns, name).unwrap(), "docker.io library/nginx", "{host} {ns:?} {name}");
        }
        assert_eq!(locate("x", None, "localhost:5001/a").unwrap(), "localhost:5001 a");
        assert_eq!(locate("quay.m.example.com", None, "a/b").unwrap(), "quay.io a/b");
    }

    #[test]
    fn what_is_mirrored_can_be_shown() {
        let names = names();
        let all: Vec<_> = names.upstreams().map(|(host, label)| (host.as_str(), label)).collect();
        assert_eq!(all, [("docker.io", Some("docker")), ("localhost:5001", None), ("quay.io", Some("quay"))]);
        assert_eq!(
            (names.domain(), names.hosted_prefixes()),
            (Some("m.example.com"), &["local/".to_owned(), "my.team/".to_owned()][..])
        );
    }

    // Found by fuzzing: nothing tells a repository that begins with its registry's name from containerd's prefix.
    #[test]
    fn beside_its_registry_a_prefix_is_no_part_of_the_repository() {
        assert_eq!(
            locate("x", Some("docker.io"), "registry-1.docker.io/bry").unwrap(),
            "docker.io library/bry"
        );
        assert_eq!(locate("docker.m.example.com", None, "docker.io/bry").unwrap(), "docker.io library/bry");
        let twice = "registry-1.docker.io/registry-1.docker.io/bry";
        assert_eq!(locate("x", None, twice).unwrap(), "docker.io registry-1.docker.io/bry");
    }

    #[test]
    fn hosted_names_neither_shadow_nor_leak() {
        assert_eq!(locate("x", None, "local/a").unwrap(), "hosted local/a");
        assert_eq!(locate("x", None, "my.team/a").unwrap(), "hosted my.team/a");
        assert_eq!(locate("x", None, "docker.io/local/a").unwrap(), "docker.io local/a");
        assert_eq!(locate("x", Some("docker.io"), "local/a").unwrap(), "docker.io local/a");
        assert_eq!(locate("docker.m.example.com", None, "local/a").unwrap(), "docker.io local/a");
        assert_eq!(locate("m:5000", Some("m:5000"), "local/a").unwrap(), "hosted local/a");
        assert_eq!(locate("M:5000", Some("M:5000"), "local/a").unwrap(), "hosted local/a");
    }

    #[test]
    fn a_hosted_prefix_does_not_shadow_an_upstream_of_that_name() {
        let names = Names::new(Host::docker_hub(), vec!["quay.io/".into(), "ghcr.io/".into()])
            .with_upstream("quay.io".parse().unwrap(), None);
        let locate = |name: &str| names.locate(&name.parse().unwrap(), Asked::default()).unwrap().key;
        assert_eq!(locate("quay.io/a/b").origin, Origin::Upstream("quay.io".parse().unwrap()));
        assert_eq!(locate("ghcr.io/a/b").origin, Origin::Hosted);
    }

    #[test]
    fn only_upstreams_are_asked() {
        assert!(matches!(locate("x", None, "evil.test/a"), Err(Error::NotAnUpstream { .. })));
        assert!(matches!(locate("x", Some("evil.test"), "a"), Err(Error::NotAnUpstream { .. })));
        assert!(matches!(locate("x", None, "localhost:5002/a"), Err(Error::NotAnUpstream { .. })));
    }
}
