//! Properties of [`NameResolver`] that hold for any name, as functions that panic if one does not.
//!
//! The property tests below and the fuzz target `names` share them, so this is built for tests and for fuzzing only.

use entrepot_oci::{Host, Name};

use entrepot_catalog::{Origin, RepoKey};

use crate::names::{NameResolver, RegistryHint};

const HOSTED: [&str; 2] = ["local/", "my.team/"];
const DOMAIN: &str = "m.example.com";

fn rules() -> NameResolver {
    let upstreams = [("quay.io", Some("quay")), ("localhost:5001", None), ("[::1]:5000", None)];
    let names = NameResolver::new(Host::docker_hub(), HOSTED.map(str::to_owned).to_vec())
        .with_domain(Some(DOMAIN))
        .with_upstream(Host::docker_hub(), Some("docker"));
    upstreams.into_iter().fold(names, |names, (host, alias)| match host.parse() {
        Ok(host) => names.with_upstream(host, alias),
        Err(_) => names,
    })
}

/// Any name asked for at any host with any `ns`: it leads to a registry that we know or to what is hosted, and every
/// way of saying the same leads to the same.
pub fn name(name: &str, host: &str, namespace: Option<&str>) {
    let Ok(name) = name.parse::<Name>() else { return };
    let namespace: Option<Host> = namespace.and_then(|namespace| namespace.parse().ok());
    let rules = rules();
    let locate = |name: &Name, host: &str, namespace: Option<&Host>| {
        rules.locate(name, RegistryHint { host: Some(host), namespace }).ok()
    };
    let found = locate(&name, host, namespace.as_ref());
    // Hosts have no case (RFC 9110 §4.2.3).
    for spelt in [host.to_ascii_uppercase(), host.to_ascii_lowercase()] {
        assert_eq!(locate(&name, &spelt, namespace.as_ref()), found, "{name} at {host:?}, {namespace:?}");
    }
    let Some(found) = found else { return };
    let RepoKey { origin, repository } = &found.key;
    match origin {
        Origin::Hosted => {
            assert!(HOSTED.iter().any(|prefix| name.as_str().starts_with(prefix)), "{name}");
            assert_eq!(repository.as_str(), name.as_str());
            assert!(!found.by_namespace, "{name} of {namespace:?} is not ours");
        }
        Origin::Upstream(upstream) => {
            assert!(["docker.io", "quay.io", "localhost:5001", "[::1]:5000"].contains(&upstream.as_str()));
            assert!(!found.by_namespace || namespace.as_ref() == Some(upstream));
            assert!(!upstream.is_docker_hub() || repository.as_str().contains('/'), "{repository}");
            let whole = format!("{upstream}/{repository}");
            // The other forms: the whole name, at any host; the rest of it, with `ns`.
            if let Ok(whole) = whole.parse::<Name>() {
                assert_eq!(locate(&whole, "x", None).map(|target| target.key).as_ref(), Some(&found.key));
            }
            // A repository that begins with its own registry's name cannot be told from a name that says its registry.
            let says_it = |rest: &Name| rest.split_host().is_some_and(|(first, _)| first == *upstream);
            if let Ok(rest) = repository.as_str().parse::<Name>()
                && !says_it(&rest)
            {
                let by_namespace = locate(&rest, "x", Some(upstream)).map(|target| target.key);
                assert_eq!(by_namespace.as_ref(), Some(&found.key), "{rest} of {upstream}");
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::{collection::vec, option, prelude::*, sample::select};

    const PIECES: [&str; 18] = [
        "docker.io",
        "index.docker.io",
        "DOCKER.IO",
        "quay.io",
        "localhost:5001",
        "[::1]:5000",
        "[0::1]:5000",
        "evil.test",
        "local",
        "my.team",
        "library",
        "nginx",
        "/",
        "/",
        "/",
        "a",
        ".",
        "..",
    ];
    const HOSTS: [&str; 8] = [
        "x",
        "m.example.com",
        "M.Example.com:5000",
        "docker.m.example.com",
        "QUAY.m.example.com:443",
        "nobody.m.example.com",
        "docker.io",
        "",
    ];
    const NAMESPACES: [&str; 7] =
        ["docker.io", "quay.io", "Quay.IO", "m.example.com:5000", "M.Example.com:5000", "evil.test", "x"];

    proptest! {
        #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn of_names(
            pieces in vec(select(PIECES.as_slice()), 0..9),
            host in select(HOSTS.as_slice()),
            namespace in option::of(select(NAMESPACES.as_slice())),
        ) {
            super::name(&pieces.concat(), host, namespace);
        }
    }
}
