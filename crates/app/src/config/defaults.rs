//! What holds where nothing is said.

use std::collections::BTreeMap;

use entrepot_oci::Host;

use super::Registry;

/// Where to listen.
pub(super) const LISTEN: &str = "127.0.0.1:5000";

/// The data directory.
pub(super) const DATA: &str = "./data";

/// The prefix that takes pushes.
pub(super) const HOSTED: &str = "local/";

/// The registries that are mirrored without being configured, each with its label below `mirror.domain`.
const REGISTRIES: [(&str, &str); 9] = [
    ("docker.elastic.co", "elastic"),
    ("docker.io", "docker"),
    ("gcr.io", "gcr"),
    ("ghcr.io", "ghcr"),
    ("k8s.gcr.io", "k8s-gcr"),
    ("registry.k8s.io", "k8s"),
    ("mcr.microsoft.com", "mcr"),
    ("nvcr.io", "nvcr"),
    ("quay.io", "quay"),
];

/// The registries that are mirrored without being configured.
pub(super) fn registries() -> BTreeMap<Host, Registry> {
    REGISTRIES
        .into_iter()
        .filter_map(|(host, alias)| {
            Some((
                host.parse().ok()?,
                Registry { alias: Some(alias.to_owned()), mirror: true, ..Registry::default() },
            ))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    #[test]
    fn all_nine_are_hosts() {
        assert_eq!(super::registries().len(), super::REGISTRIES.len());
    }
}
