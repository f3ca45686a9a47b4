//! Default values.

use std::collections::BTreeMap;

use entrepot_oci::{ALIASES, Host};

use super::types::Registry;

/// The listen address.
pub(super) const LISTEN: &str = "127.0.0.1:5000";

/// The data directory.
pub(super) const DATA: &str = "./data";

/// The prefix that accepts pushes.
pub(super) const HOSTED: &str = "local/";

/// The registries that are mirrored by default, each with its label below `mirror.domain`.
pub(super) fn registries() -> BTreeMap<Host, Registry> {
    ALIASES
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
        assert_eq!(super::registries().len(), entrepot_oci::ALIASES.len());
    }
}
