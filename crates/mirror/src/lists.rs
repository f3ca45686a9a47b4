//! Listings: tags and referrers. An upstream's own word first; what is known here where it cannot be asked.

use std::sync::Arc;

use entrepot_catalog::{Origin, RepoKey};
use entrepot_oci::{Descriptor, Digest, Host, Page};

use crate::{
    Error, Mirror, ReferrerList, TagPage, Target, mirror::Listed, store::store_failed, upstream::list_refused,
};

impl Mirror {
    /// A page of a repository's tags.
    ///
    /// # Errors
    /// The repository is not known, or the upstream cannot be asked and nothing is known here.
    pub async fn tags(&self, target: &Target, page: &Page) -> Result<TagPage, Error> {
        let key = &target.key;
        let Origin::Upstream(host) = &key.origin else {
            if !self.0.catalog.repository_known(key).await.map_err(store_failed)? {
                return Err(Error::RepositoryUnknown { name: key.to_string() });
            }
            return self.known_tags(target, page, false).await;
        };
        match self.source(host)?.remote.tags(&key.repository, page).await {
            Ok(listed) => Ok(TagPage { tags: listed.tags, more: listed.more, stale: false }),
            Err(error) => {
                let error = list_refused(host, key, error);
                if error.is_an_answer() || !self.0.catalog.repository_known(key).await.unwrap_or_default() {
                    return Err(error);
                }
                self.known_tags(target, page, true).await
            }
        }
    }

    async fn known_tags(&self, target: &Target, page: &Page, stale: bool) -> Result<TagPage, Error> {
        let list = self.0.catalog.tags(&target.key, page).await.map_err(store_failed)?;
        Ok(TagPage { tags: list.tags, more: list.more, stale })
    }

    /// What refers to a manifest: the upstream's word, or what it said last or is known here where it cannot be
    /// asked.
    ///
    /// # Errors
    /// The upstream cannot be asked and nothing is known here.
    pub async fn referrers(&self, target: &Target, subject: &Digest) -> Result<ReferrerList, Error> {
        let key = &target.key;
        let Origin::Upstream(host) = &key.origin else {
            return self.known_referrers(target, subject, false).await;
        };
        let listed = self.said_referrers(host, key, subject).await;
        let error = match listed {
            Ok(descriptors) => return Ok(ReferrerList { descriptors, stale: false, _turn: None }),
            Err(error) if error.is_an_answer() => return Err(error),
            Err(error) => error,
        };
        if let Some(descriptors) = self.0.memory.referrers.get(&(key.clone(), *subject)) {
            return Ok(ReferrerList { descriptors, stale: true, _turn: None });
        }
        let known = self.known_referrers(target, subject, true).await?;
        // An empty list would say that there are none, and hide a signature.
        if known.descriptors.is_empty() { Err(error) } else { Ok(known) }
    }

    /// Asks the upstream, once for all who ask at this moment.
    async fn said_referrers(&self, host: &Host, key: &RepoKey, subject: &Digest) -> Listed {
        let (mirror, host, key, subject) = (self.clone(), host.clone(), key.clone(), *subject);
        let flight = self.0.listings.join((key.clone(), subject), || async move {
            let listed = mirror.source(&host)?.remote.referrers(&key.repository, &subject).await;
            let listed: Arc<[Descriptor]> = listed.map_err(|error| list_refused(&host, &key, error))?.into();
            mirror.0.memory.referrers.insert((key, subject), Arc::clone(&listed));
            Ok(listed)
        });
        flight.land().await.unwrap_or(Err(Error::Store))
    }

    /// Made anew for each request, and so not for many at a time.
    async fn known_referrers(
        &self,
        target: &Target,
        subject: &Digest,
        stale: bool,
    ) -> Result<ReferrerList, Error> {
        let turn = Arc::clone(&self.0.turns).acquire_owned().await.map_err(store_failed)?;
        let descriptors = self.0.catalog.referrers(&target.key, subject).await.map_err(store_failed)?;
        Ok(ReferrerList { descriptors: descriptors.into(), stale, _turn: Some(turn) })
    }
}
