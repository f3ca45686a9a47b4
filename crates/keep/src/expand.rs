//! The images that a list means now: registries list tags, and the catalog what is held.

use std::collections::BTreeMap;

use entrepot_catalog::{Origin, RepoKey};
use entrepot_mirror::{Error as MirrorError, Mirror, ResolvedRepository};
use entrepot_oci::{Name, Page, Reference, RepositoryPattern, Tag};

use crate::list::{Item, KeepList};

/// The most tags of a repository that are looked through.
const MOST_TAGS: usize = 50_000;

/// The images of a list, by their names.
#[derive(Debug, Default)]
pub(crate) struct Images {
    /// Each once.
    pub(crate) wanted: BTreeMap<String, (RepoKey, Reference)>,
    /// What could not be listed, and why.
    pub(crate) faults: Vec<(String, MirrorError)>,
}

/// The images that a list means now.
pub(crate) async fn expand(mirror: &Mirror, list: &KeepList) -> Images {
    let mut images = Images::default();
    for item in &list.items {
        let found = match item {
            Item::Image { host, repository, reference } => {
                let origin = Origin::Upstream(host.clone());
                images.add(RepoKey { origin, repository: repository.clone() }, reference.clone());
                Ok(())
            }
            Item::Tags { host, repository, filter } => {
                let origin = Origin::Upstream(host.clone());
                let key = RepoKey { origin, repository: repository.clone() };
                let tags = all_tags(mirror, &key).await;
                tags.map(|tags| {
                    filter.select(&tags).into_iter().for_each(|tag| images.add(key.clone(), tag.into()))
                })
            }
            Item::Held { pattern, tag } => held(mirror, pattern, tag.as_ref(), &mut images).await,
        };
        if let Err(error) = found {
            images.faults.push((item.to_string(), error));
        }
    }
    images
}

impl Images {
    fn add(&mut self, key: RepoKey, reference: Reference) {
        let between = if matches!(reference, Reference::Tag(_)) { ':' } else { '@' };
        self.wanted.insert(format!("{key}{between}{reference}"), (key, reference));
    }
}

async fn all_tags(mirror: &Mirror, key: &RepoKey) -> Result<Vec<Tag>, MirrorError> {
    let target = ResolvedRepository { key: key.clone(), by_namespace: false };
    let (mut tags, mut page) = (Vec::new(), Page::default());
    loop {
        let listed = mirror.tags(&target, &page).await?;
        let last = listed.tags.last().map(ToString::to_string);
        tags.extend(listed.tags);
        match last.filter(|_| listed.more && tags.len() < MOST_TAGS) {
            Some(last) => page = after(&last),
            None => return Ok(tags),
        }
    }
}

// Of what was pushed here nothing need be fetched.
async fn held(
    mirror: &Mirror,
    pattern: &RepositoryPattern,
    only: Option<&Tag>,
    images: &mut Images,
) -> Result<(), MirrorError> {
    let prefix = pattern.as_str().split('*').next().unwrap_or_default();
    let mut page = Page::default();
    loop {
        let listed = mirror.repositories(Some(prefix), &page).await?;
        let last = listed.repositories.last().map(|repository| repository.name.clone());
        for repository in listed.repositories.iter().filter(|repository| pattern.matches(&repository.name)) {
            let Ok(name) = repository.name.parse::<Name>() else { continue };
            let key = mirror.held_as(&name)?;
            if key.origin != Origin::Hosted {
                held_tags(mirror, &key, only, images).await?;
            }
        }
        match last.filter(|_| listed.more) {
            Some(last) => page = after(&last),
            None => return Ok(()),
        }
    }
}

async fn held_tags(
    mirror: &Mirror,
    key: &RepoKey,
    only: Option<&Tag>,
    images: &mut Images,
) -> Result<(), MirrorError> {
    let mut page = Page::default();
    loop {
        let listed = mirror.images(key, &page).await?;
        let tags =
            listed.images.iter().flat_map(|image| &image.tags).filter_map(|tag| tag.parse::<Tag>().ok());
        for tag in tags.filter(|tag| only.is_none_or(|only| only == tag)) {
            images.add(key.clone(), tag.into());
        }
        match listed.images.last().filter(|_| listed.more) {
            Some(last) => page = after(&last.digest.to_string()),
            None => return Ok(()),
        }
    }
}

/// The page after what a listing had, which is a mark of one.
pub(crate) fn after(last: &str) -> Page {
    Page::parse(None, Some(last)).unwrap_or_default()
}
