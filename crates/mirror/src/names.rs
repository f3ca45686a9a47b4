//! Reads a name: finds the registry and the repository that a request means. Pure.
//!
//! The order matters. A request that says its registry (by `?ns=`, a hostname or a prefix) means that one, and no hosted name
//! shadows it. A name without a registry is hosted if it has a hosted prefix, and of the default upstream otherwise.

use std::collections::{BTreeMap, BTreeSet};

use entrepot_catalog::{Origin, RepoKey};
use entrepot_oci::{ALIASES, Host, ImageRef, Name, Repository};

use crate::error::Error;

/// The parts of a request, apart from the name, that may say which registry it means.
#[derive(Clone, Copy, Debug, Default)]
pub struct RegistryHint<'a> {
    /// The `Host` header or `:authority`.
    pub host: Option<&'a str>,
    /// The `ns` parameter.
    pub namespace: Option<&'a Host>,
}

/// The repository that a request means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResolvedRepository {
    /// The repository, and the registry it belongs to.
    pub key: RepoKey,
    /// The `ns` parameter decided. The answer must say so with `OCI-Namespace`.
    pub by_namespace: bool,
}

/// The rules for reading names: upstreams, their aliases, and hosted prefixes.
#[derive(Clone, Debug)]
pub struct NameResolver {
    domain: Option<String>,
    own_names: BTreeSet<String>,
    own_addresses: BTreeSet<String>,
    default_upstream: Host,
    upstreams: BTreeSet<Host>,
    aliases: BTreeMap<String, Host>,
    hosted: Vec<String>,
}

impl NameResolver {
    /// Rules with one upstream; `hosted` are prefixes that take pushes, such as `local/`.
    pub fn new(default_upstream: Host, hosted: Vec<String>) -> Self {
        let upstreams = BTreeSet::from([default_upstream.clone()]);
        Self {
            domain: None,
            own_names: BTreeSet::new(),
            own_addresses: BTreeSet::new(),
            default_upstream,
            upstreams,
            aliases: BTreeMap::new(),
            hosted,
        }
    }

    /// Has subdomains of `domain` stand for upstreams: `docker.m.example.com`.
    #[must_use]
    pub fn with_domain(mut self, domain: Option<&str>) -> Self {
        self.domain = domain.map(|domain| format!(".{}", plain(domain)));
        self
    }

    /// Has these host names stand for no upstream, although they may be below the domain.
    #[must_use]
    pub fn with_own_names(mut self, names: &[String]) -> Self {
        self.own_names = names.iter().map(|name| plain(name)).collect();
        self
    }

    /// Says under which addresses clients know this server.
    #[must_use]
    pub fn with_own_addresses(mut self, addresses: &[String]) -> Self {
        self.own_addresses = addresses.iter().map(|address| plain(address)).collect();
        self
    }

    /// The name of an image without the address of this server in front, which people copy from what their clients pull:
    /// `127.0.0.1:5000/local/app:1` is `local/app:1` here.
    pub fn without_own<'a>(&self, image: &'a str) -> &'a str {
        match image.split_once('/') {
            Some((first, rest)) if self.own_addresses.contains(&plain(first)) => rest,
            _ => image,
        }
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
    /// [`Error::NotAnUpstream`], [`Error::NotAnAlias`], [`Error::TwoRegistries`] or [`Error::NotARepository`].
    pub fn locate(&self, name: &Name, hint: RegistryHint<'_>) -> Result<ResolvedRepository, Error> {
        let own = || plain(hint.host.unwrap_or_default());
        if let Some(namespace) = hint.namespace.filter(|namespace| namespace.as_str() != own()) {
            let rest = without_host(name, namespace);
            return Ok(ResolvedRepository {
                key: self.upstream(namespace.clone(), rest)?,
                by_namespace: true,
            });
        }
        let by_alias = self.domain.as_deref().map(|domain| self.by_alias(&own(), domain)).transpose()?;
        let key = match by_alias.flatten() {
            Some(host) => self.upstream(host.clone(), without_host(name, host))?,
            None => self.by_name(name)?,
        };
        Ok(ResolvedRepository { key, by_namespace: false })
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

    // A name below the domain that is none of the aliases is a mistake: read as if it said no registry, it would give
    // images of the default one for those of the registry that was meant.
    fn by_alias(&self, own: &str, domain: &str) -> Result<Option<&Host>, Error> {
        let name = own.rsplit_once(':').map_or(own, |(name, _)| name);
        let Some(label) = name.strip_suffix(domain) else { return Ok(None) };
        match self.aliases.get(label) {
            Some(host) => Ok(Some(host)),
            None if self.own_names.contains(name) => Ok(None),
            None => Err(Error::NotAnAlias { host: name.to_owned(), aliases: self.alias_names(domain) }),
        }
    }

    fn alias_names(&self, domain: &str) -> String {
        let names = self.aliases.keys().map(|label| format!("`{label}{domain}`"));
        names.collect::<Vec<_>>().join(", ")
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
        if holds_no_others(&host) && self.begins_with_another(&host, name) {
            return Err(Error::TwoRegistries { name: name.to_owned(), asked: host });
        }
        let repository: Repository = ImageRef::repository_on(&host, name)
            .map_err(|_| Error::NotARepository { name: name.to_owned() })?;
        Ok(RepoKey { origin: Origin::Upstream(host), repository })
    }
}

impl NameResolver {
    fn begins_with_another(&self, host: &Host, name: &str) -> bool {
        let first = name.split_once('/').map(|(first, _)| first).filter(|first| Host::looks_like_one(first));
        let first = first.and_then(|first| first.parse::<Host>().ok());
        first.is_some_and(|first| first != *host && self.upstreams.contains(&first))
    }
}

// Mirrors have repositories that begin with another registry's name, and may be upstreams themselves. The registries that
// everybody mirrors have none.
fn holds_no_others(host: &Host) -> bool {
    ALIASES.iter().any(|(known, _)| *known == host.as_str())
}

// A `Host` comes as it was typed: hosts have no case (RFC 9110 §4.2.3), the dot of the root may stand behind the name, and
// the port of HTTPS is no part of a registry's name.
fn plain(host: &str) -> String {
    let lower = host.to_ascii_lowercase();
    let (name, port) = match lower.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => (name, Some(port)),
        _ => (lower.as_str(), None),
    };
    let name = name.strip_suffix('.').unwrap_or(name);
    match port {
        Some(port) if port != "443" || !Host::looks_like_one(name) => format!("{name}:{port}"),
        _ => name.to_owned(),
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

    fn names() -> NameResolver {
        NameResolver::new(Host::docker_hub(), vec!["local/".into(), "my.team/".into()])
            .with_domain(Some("M.example.com"))
            .with_upstream(Host::docker_hub(), Some("docker"))
            .with_upstream("quay.io".parse().unwrap(), Some("quay"))
            .with_upstream("localhost:5001".parse().unwrap(), None)
    }

    fn locate(host: &str, ns: Option<&str>, name: &str) -> Result<String, Error> {
        let ns: Option<Host> = ns.map(|ns| ns.parse().unwrap());
        let asked = RegistryHint { host: Some(host), namespace: ns.as_ref() };
        let target = names().locate(&name.parse().unwrap(), asked)?;
        Ok(match target.key.origin {
            Origin::Hosted => format!("hosted {}", target.key.repository),
            Origin::Upstream(host) => format!("{host} {}", target.key.repository),
        })
    }

    #[test]
    fn our_own_address_says_nothing_about_an_image() {
        let own = ["m.example.com", "127.0.0.1:5000"].map(str::to_owned);
        let names = names().with_own_addresses(&own);
        for (text, image) in [
            ("127.0.0.1:5000/local/app:1", "local/app:1"),
            ("M.example.com/docker.io/library/nginx", "docker.io/library/nginx"),
            ("m.example.com:443/local/app", "local/app"),
            ("127.0.0.1:5001/local/app", "127.0.0.1:5001/local/app"),
            ("m.example.com", "m.example.com"),
            ("nginx:1", "nginx:1"),
        ] {
            assert_eq!(names.without_own(text), image, "{text}");
        }
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
        let names = NameResolver::new(Host::docker_hub(), vec!["quay.io/".into(), "ghcr.io/".into()])
            .with_upstream("quay.io".parse().unwrap(), None);
        let locate = |name: &str| names.locate(&name.parse().unwrap(), RegistryHint::default()).unwrap().key;
        assert_eq!(locate("quay.io/a/b").origin, Origin::Upstream("quay.io".parse().unwrap()));
        assert_eq!(locate("ghcr.io/a/b").origin, Origin::Hosted);
    }

    #[test]
    fn names_below_the_domain_are_aliases_or_nothing() {
        for host in ["gitlab.m.example.com", "Gitlab.m.example.com.:5000", "x.docker.m.example.com"] {
            for name in ["a/b", "docker.io/a/b", "local/a"] {
                let Err(Error::NotAnAlias { host, aliases }) = locate(host, None, name) else {
                    panic!("{name}")
                };
                assert!(host.ends_with(".m.example.com"), "{host}");
                assert_eq!(aliases, "`docker.m.example.com`, `quay.m.example.com`");
            }
        }
        assert_eq!(locate("gitlab.m.example.com", Some("quay.io"), "a/b").unwrap(), "quay.io a/b");
        assert_eq!(locate("other.example.com", None, "a/b").unwrap(), "docker.io a/b");
        let own = names().with_own_names(&["Push.M.example.com".into()]);
        let asked = RegistryHint { host: Some("push.m.example.com:5000"), namespace: None };
        assert_eq!(own.locate(&"local/a".parse().unwrap(), asked).unwrap().key.origin, Origin::Hosted);
    }

    #[test]
    fn a_name_asked_of_another_registry_than_it_begins_with_is_a_mistake() {
        for (host, ns, name) in [
            ("x", Some("docker.io"), "quay.io/a/b"),
            ("x", Some("quay.io"), "index.docker.io/a/b"),
            ("docker.m.example.com", None, "quay.io/a/b"),
            ("x", None, "docker.io/quay.io/a/b"),
        ] {
            let refused = locate(host, ns, name);
            assert!(matches!(refused, Err(Error::TwoRegistries { .. })), "{host} {ns:?} {name}: {refused:?}");
        }
        // A mirror that is an upstream has what others have, and gcr.io has projects that are named as domains are.
        assert_eq!(locate("x", Some("localhost:5001"), "quay.io/a/b").unwrap(), "localhost:5001 quay.io/a/b");
        assert_eq!(locate("x", Some("quay.io"), "example.com/p/i").unwrap(), "quay.io example.com/p/i");
    }

    #[test]
    fn a_port_of_https_and_a_final_dot_change_nothing() {
        for (host, ns, name) in [
            ("x", Some("quay.io:443"), "a/b"),
            ("x", None, "quay.io:443/a/b"),
            ("x", Some("quay.io"), "quay.io:443/a/b"),
            ("quay.m.example.com.", None, "a/b"),
            ("quay.m.example.com.:5000", None, "a/b"),
            ("quay.m.example.com:443", Some("quay.m.example.com"), "a/b"),
        ] {
            assert_eq!(locate(host, ns, name).unwrap(), "quay.io a/b", "{host} {ns:?} {name}");
        }
        let domain = names().with_domain(Some("n.example.com."));
        let asked = RegistryHint { host: Some("quay.n.example.com"), namespace: None };
        let located = domain.locate(&"a/b".parse().unwrap(), asked).unwrap();
        assert_eq!(located.key.origin, Origin::Upstream("quay.io".parse().unwrap()));
    }

    #[test]
    fn only_upstreams_are_asked() {
        assert!(matches!(locate("x", None, "evil.test/a"), Err(Error::NotAnUpstream { .. })));
        assert!(matches!(locate("x", Some("evil.test"), "a"), Err(Error::NotAnUpstream { .. })));
        assert!(matches!(locate("x", None, "localhost:5002/a"), Err(Error::NotAnUpstream { .. })));
    }
}
