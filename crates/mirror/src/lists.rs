//! Lists of tags and of referrers: the upstream's answer, or what is known here if it does not answer.

use std::sync::Arc;

use entrepot_catalog::{Origin, RepoKey};
use entrepot_oci::{Descriptor, Digest, Page, Reference};
use entrepot_policy::Withheld;

use crate::{
    error::Error,
    mirror::{Mirror, UpstreamReferrers},
    names::ResolvedRepository,
    purpose::{Purpose, Reach},
    served::{ReferrerList, TagPage},
    store::store_failed,
    upstream::Upstream,
};

impl Mirror {
    /// A page of a repository's tags.
    ///
    /// # Errors
    /// The repository is not known, or the upstream cannot be asked and nothing is known here.
    pub async fn tags(&self, target: &ResolvedRepository, page: &Page) -> Result<TagPage, Error> {
        let key = &target.key;
        let Origin::Upstream(host) = &key.origin else {
            if !self.0.holdings.has_repository(key).await? {
                return Err(Error::RepositoryUnknown { name: key.to_string() });
            }
            return self.known_tags(target, page, false).await;
        };
        if !self.offer().lists_tags && self.1 == Purpose::Client {
            return Err(self.not_offered(Withheld::Tags(&key.to_string())));
        }
        if self.reach() == Reach::Held {
            if !self.0.holdings.has_repository(key).await? {
                return Err(self.not_offered(Withheld::NotHeld(&key.to_string())));
            }
            return self.known_tags(target, page, true).await;
        }
        match self.0.upstreams.get(host)?.tags(key, page).await {
            Ok(listed) => Ok(TagPage { tags: listed.tags, more: listed.more, stale: false }),
            Err(error) if error.is_an_answer() => Err(error),
            Err(_) if self.0.holdings.has_repository(key).await.unwrap_or_default() => {
                self.known_tags(target, page, true).await
            }
            Err(error) => Err(error),
        }
    }

    async fn known_tags(
        &self,
        target: &ResolvedRepository,
        page: &Page,
        stale: bool,
    ) -> Result<TagPage, Error> {
        let list = self.0.holdings.tags(&target.key, page).await?;
        Ok(TagPage { tags: list.tags, more: list.more, stale })
    }

    /// The manifests that refer to `subject`: by the upstream, or else by its last answer, or by what is known here.
    ///
    /// # Errors
    /// The upstream cannot be asked and nothing is known here.
    pub async fn referrers(
        &self,
        target: &ResolvedRepository,
        subject: &Digest,
    ) -> Result<ReferrerList, Error> {
        let key = &target.key;
        let Origin::Upstream(host) = &key.origin else {
            return self.known_referrers(target, subject, false).await;
        };
        let error = if self.reach() == Reach::Held {
            self.not_held(key, &Reference::Digest(*subject))
        } else {
            match self.listed_referrers(self.0.upstreams.get(host)?, key, subject).await {
                Ok(descriptors) => return Ok(ReferrerList { descriptors, stale: false, _permit: None }),
                Err(error) if error.is_an_answer() => return Err(error),
                Err(error) => error,
            }
        };
        if let Some(descriptors) = self.0.memory.referrers.get(&(key.clone(), *subject)) {
            return Ok(ReferrerList { descriptors, stale: true, _permit: None });
        }
        let known = self.known_referrers(target, subject, true).await?;
        // An empty list would say that there are none, and hide a signature.
        if known.descriptors.is_empty() { Err(error) } else { Ok(known) }
    }

    /// Asks the upstream, once for all who ask at this moment.
    async fn listed_referrers(
        &self,
        upstream: &Arc<Upstream>,
        key: &RepoKey,
        subject: &Digest,
    ) -> UpstreamReferrers {
        let (mirror, upstream, key, subject) = (self.clone(), Arc::clone(upstream), key.clone(), *subject);
        let waiter = self.0.listings.join((key.clone(), subject), || async move {
            let listed: Arc<[Descriptor]> = upstream.referrers(&key, &subject).await?.into();
            mirror.0.memory.referrers.insert((key, subject), Arc::clone(&listed));
            Ok(listed)
        });
        waiter.result().await.unwrap_or(Err(Error::Store))
    }

    /// The list is made anew for each request, so only a few requests may make one at a time.
    async fn known_referrers(
        &self,
        target: &ResolvedRepository,
        subject: &Digest,
        stale: bool,
    ) -> Result<ReferrerList, Error> {
        let permit = Arc::clone(&self.0.list_permits).acquire_owned().await.map_err(store_failed)?;
        let descriptors = self.0.holdings.referrers(&target.key, subject).await?;
        Ok(ReferrerList { descriptors: descriptors.into(), stale, _permit: Some(permit) })
    }
}
