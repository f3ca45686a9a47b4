//! Queries the registries and collects their responses in a survey.

use std::{
    collections::{BTreeMap, BTreeSet, HashSet},
    sync::Arc,
    time::SystemTime,
};

use entrepot_oci::{Digest, Reference, Tag};
use entrepot_remote::ManifestHead;
use futures_util::future::{join, join_all};

use super::{
    attached,
    connections::SurveyConnections,
    failure,
    findings::{Survey, TagFinding},
    wants::{self, WantedTag, WantedTags},
};
use crate::{
    Place, Registries, Shape, SyncCache,
    endpoints::{EndpointError, RepositoryRef},
    rules::{Prune, RuleSet, RuleSource, SyncRule, TagFilter},
};

impl Survey {
    /// Queries everything `rules` need: one listing for each source, one `HEAD` for each tag on each side. Failures are
    /// recorded in the survey.
    pub async fn take(registries: &Arc<dyn Registries>, rules: &RuleSet) -> Self {
        take(registries, rules).await
    }
}

async fn take(registries: &Arc<dyn Registries>, rules: &RuleSet) -> Survey {
    let mut users: BTreeMap<&Place, Vec<(&SyncRule, &RuleSource)>> = BTreeMap::new();
    let mut pruned: BTreeSet<&Place> = BTreeSet::new();
    for rule in rules.rules() {
        for source in &rule.sources {
            users.entry(&source.place).or_default().push((rule, source));
            let reviewed = source.destinations.iter().filter(|to| to.terms.prune == Prune::Review);
            pruned.extend(reviewed.map(|to| &to.place));
        }
    }
    let surveyor =
        Surveyor { connections: SurveyConnections::new(registries.clone()), cache: registries.cache() };
    let sources = join_all(users.into_iter().map(|(place, users)| surveyor.source(place, users)));
    let extras = join_all(pruned.into_iter().map(|place| surveyor.extras(place)));
    let (sources, extras) = join(sources, extras).await;
    let mut survey = Survey::empty(SystemTime::now());
    // A source may be another rule's destination; both listings are the same.
    extras.into_iter().chain(sources).for_each(|part| survey.merge(part));
    survey
}

struct Surveyor {
    connections: SurveyConnections,
    cache: Arc<dyn SyncCache>,
}

impl Surveyor {
    async fn extras(&self, place: &Place) -> Survey {
        let mut survey = Survey::empty(SystemTime::now());
        let listing = match self.list(place).await {
            // A repository that does not exist yet has nothing to remove.
            Err(error) if error.is_not_found() => Ok(Vec::new()),
            other => other.map_err(|error| failure::listing(place, &error)),
        };
        survey.listings.insert(place.clone(), listing);
        survey
    }

    async fn source(&self, place: &Place, users: Vec<(&SyncRule, &RuleSource)>) -> Survey {
        let mut survey = Survey::empty(SystemTime::now());
        let listing = match self.list(place).await {
            Ok(listing) => {
                let about: HashSet<Digest> = listing.iter().filter_map(attached::subject).collect();
                survey.attached.insert(place.clone(), Arc::new(about));
                listing
            }
            Err(error) => match named(&users) {
                // Permission to pull may not include permission to list.
                Some(names) => names,
                None => {
                    survey.listings.insert(place.clone(), Err(failure::listing(place, &error)));
                    return survey;
                }
            },
        };
        let wanted: Vec<WantedTags<'_>> =
            users.iter().flat_map(|(rule, source)| wants::of_listing(rule, source, &listing)).collect();
        let first: Vec<&WantedTag<'_>> = wanted.iter().flat_map(|wanted| &wanted.wants).collect();
        self.look(&first, &mut survey).await;
        let digest = |tag: &Tag| survey.digest(place, tag);
        let following: Vec<WantedTag<'_>> =
            wanted.iter().flat_map(|wanted| wants::following(wanted, &listing, digest)).collect();
        if !following.is_empty() {
            self.look(&following.iter().collect::<Vec<_>>(), &mut survey).await;
        }
        survey.listings.insert(place.clone(), Ok(listing));
        survey
    }

    // All at once: the connections limit the load on each registry.
    async fn look(&self, wants: &[&WantedTag<'_>], survey: &mut Survey) {
        let mut asks: BTreeMap<&Place, BTreeSet<&Tag>> = BTreeMap::new();
        for want in wants {
            let (place, name) = (&want.destination.place, &want.name);
            if want.fault.is_some() {
                continue;
            }
            if want.destination.terms.is_immutable(name) && self.cache.verified(&place.with_tag(name)).await {
                survey.verified.insert((place.clone(), name.clone()));
            } else {
                asks.entry(&want.source.place).or_default().insert(&want.tag);
                asks.entry(place).or_default().insert(name);
            }
            if let Some(host) = place.host() {
                survey.usual.entry(host.clone()).or_insert_with(|| self.connections.usual(place));
            }
        }
        let sources: BTreeSet<&Place> = wants.iter().map(|want| &want.source.place).collect();
        let looks = asks.into_iter().map(|(place, tags)| {
            let at_source = sources.contains(place);
            self.tags(place, tags.into_iter().collect(), at_source)
        });
        survey.seen.extend(join_all(looks).await.into_iter().flatten());
        self.recall(wants, survey).await;
    }

    // The digests of tags at a place. If the first is missing, all may be; one query checks whether the repository
    // exists.
    async fn tags(&self, place: &Place, tags: Vec<&Tag>, at_source: bool) -> Vec<((Place, Tag), TagFinding)> {
        let look = |tag: &Tag| {
            let tag = tag.clone();
            async move {
                let seen =
                    if at_source { self.find(place, &tag).await } else { self.head(place, &tag).await };
                let seen = seen.unwrap_or_else(|error| failure::seen(place, &error, at_source));
                ((place.clone(), tag), seen)
            }
        };
        let (first, others) = match tags.as_slice() {
            [first, others @ ..] if !at_source && others.len() > 1 => (look(first).await, others),
            all => return join_all(all.iter().map(|tag| look(tag))).await,
        };
        let rest = if first.1 == TagFinding::Missing && self.is_new(place).await {
            others.iter().map(|tag| ((place.clone(), (*tag).clone()), TagFinding::Missing)).collect()
        } else {
            join_all(others.iter().map(|tag| look(tag))).await
        };
        std::iter::once(first).chain(rest).collect()
    }

    async fn is_new(&self, place: &Place) -> bool {
        let Ok((at, lines)) = self.connections.at(place) else { return false };
        // The semaphores are never closed.
        let _line = lines.acquire().await.ok();
        at.is_new().await
    }

    async fn recall(&self, wants: &[&WantedTag<'_>], survey: &mut Survey) {
        for want in wants {
            let shape = want.destination.terms.shape(survey.usual(&want.destination.place));
            let Some(digest) = survey.digest(&want.source.place, &want.tag) else { continue };
            if shape == Shape::default() || survey.record(&digest, &shape).is_some() {
                continue;
            }
            if let Some(converted) = self.cache.converted(&digest, &shape).await {
                survey.records.insert((digest, shape), converted);
            }
        }
    }

    async fn list(&self, place: &Place) -> Result<Vec<Tag>, EndpointError> {
        let (at, lines) = self.connections.at(place)?;
        // The semaphores are never closed.
        let _line = lines.acquire().await.ok();
        at.conn.patiently(|| at.conn.remote().all_tags(&at.repository)).await
    }

    // At a destination: what is not found there is written.
    async fn head(&self, place: &Place, tag: &Tag) -> Result<TagFinding, EndpointError> {
        let (at, lines) = self.connections.at(place)?;
        let reference = Reference::Tag(tag.clone());
        let _line = lines.acquire().await.ok();
        let head = at.conn.patiently(|| at.conn.remote().head_manifest(&at.repository, &reference)).await?;
        seen(&at, &reference, head).await
    }

    // At a source: what is not found there is not copied.
    async fn find(&self, place: &Place, tag: &Tag) -> Result<TagFinding, EndpointError> {
        let (at, lines) = self.connections.at(place)?;
        let reference = Reference::Tag(tag.clone());
        let _line = lines.acquire().await.ok();
        let found = at.conn.patiently(|| at.conn.remote().find_manifest(&at.repository, &reference)).await?;
        seen(&at, &reference, found.into_head()).await
    }
}

async fn seen(
    RepositoryRef { conn, repository }: &RepositoryRef,
    reference: &Reference,
    head: ManifestHead,
) -> Result<TagFinding, EndpointError> {
    let digest = match head.digest {
        Some(digest) => digest,
        // If the registry omits the digest, fetch the manifest.
        None => conn.pulling(|| conn.remote().manifest(repository, reference)).await?.digest,
    };
    Ok(TagFinding::At(digest))
}

// The tags listed by name, if all users list theirs by name.
fn named(users: &[(&SyncRule, &RuleSource)]) -> Option<Vec<Tag>> {
    let names = |filter: &TagFilter| filter.names().to_vec();
    let all: Vec<Vec<Tag>> = users.iter().map(|(rule, _)| names(&rule.tags)).collect();
    all.iter().all(|names| !names.is_empty()).then(|| {
        let unique: BTreeSet<Tag> = all.into_iter().flatten().collect();
        unique.into_iter().collect()
    })
}
