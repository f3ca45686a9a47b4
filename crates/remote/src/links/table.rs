//! All links of this program. Registries that name the same way share a link, with its rate and its state.

use std::{
    fmt,
    sync::{Arc, Mutex, PoisonError, Weak},
};

use entrepot_oci::Host;

use super::{link::Link, section::LinkSettings, status::LinkStatus};

/// The links that registries use. Cheap to clone; clones are one table.
#[derive(Clone, Default)]
pub struct LinkTable(Arc<Mutex<Vec<Weak<Link>>>>);

impl LinkTable {
    /// How each link is, in the order in which they were first named.
    pub fn statuses(&self) -> Vec<LinkStatus> {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .iter()
            .filter_map(|link| link.upgrade()?.status())
            .collect()
    }

    /// The links of a registry. Without any it is the usual way, which nobody shares.
    pub(crate) fn links(&self, host: &Host, settings: &[LinkSettings]) -> Vec<Arc<Link>> {
        if settings.is_empty() {
            return vec![Arc::new(Link::usual())];
        }
        settings.iter().map(|one| self.link(host, one)).collect()
    }

    // The rate that was written last counts: a configuration that is read again makes its registries anew.
    fn link(&self, host: &Host, settings: &LinkSettings) -> Arc<Link> {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.retain(|link| link.strong_count() > 0);
        let same = known.iter().filter_map(Weak::upgrade).find(|link| link.settings().is_same_way(settings));
        let link = same.unwrap_or_else(|| {
            let link = Arc::new(Link::new(settings.clone()));
            known.push(Arc::downgrade(&link));
            link
        });
        link.set_rate(settings.rate);
        link.add_registry(host);
        link
    }
}

impl fmt::Debug for LinkTable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("LinkTable")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn registries_share_a_link_of_the_same_way() {
        let table = LinkTable::default();
        let host = |name: &str| name.parse::<Host>().unwrap();
        let link = |text: &str| serde_json::from_str::<LinkSettings>(text).unwrap();
        let slow = [link(r#"{"source":"10.0.0.4","rate":"1MB/s"}"#), link(r#"{"source":"10.0.0.5"}"#)];
        let fast = [link(r#"{"source":"10.0.0.4","rate":"2MB/s"}"#)];
        let (hub, quay) = (table.links(&host("docker.io"), &slow), table.links(&host("quay.io"), &fast));
        assert!(Arc::ptr_eq(&hub[0], &quay[0]));
        let statuses = table.statuses();
        assert_eq!(statuses.len(), 2);
        assert_eq!(statuses[0].registries, [host("docker.io"), host("quay.io")]);
        assert_eq!(statuses[0].rate, "2MB/s".parse().ok());
        drop((hub, quay));
        assert!(table.statuses().is_empty());
        assert_eq!(table.links(&host("ghcr.io"), &[]).len(), 1);
        assert!(table.statuses().is_empty());
    }
}
