//! The images of a repository, in what the catalog tells of it. Pure.
//!
//! An image is a manifest that no other one lists and that is about none that is held, with all that it leads to. What has a
//! tag of its own stays when an index that lists it goes, so it is an image too: one that may not go before that index.

use std::{
    collections::{HashMap, HashSet},
    hash::BuildHasher as _,
    time::SystemTime,
};

use entrepot_catalog::{ManifestContent, RepositoryContent};
use entrepot_eviction::Retention;
use entrepot_oci::Digest;
use foldhash::quality::RandomState;

/// What may go of a repository.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum RepositoryPart {
    /// An image.
    Image(Digest),
    /// Blobs that belong to no image.
    Strays,
}

/// A part of a repository.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct EvictionCandidate {
    pub(super) part: RepositoryPart,
    /// The names and sizes of its blobs and manifests.
    pub(super) units: Vec<(u64, u64)>,
    pub(super) retention: Retention,
    pub(super) heat: f64,
    pub(super) last_used: SystemTime,
}

/// Turns digests into names: there are many of them, and a name is short.
pub(super) struct DigestNames(RandomState);

impl DigestNames {
    pub(super) fn new() -> Self {
        Self(RandomState::default())
    }

    fn of(&self, digest: &Digest) -> u64 {
        self.0.hash_one(digest)
    }
}

/// What a repository holds.
pub(super) struct RepositoryIndex<'a> {
    names: &'a DigestNames,
    manifests: HashMap<u64, ManifestContent, RandomState>,
    blobs: HashMap<u64, (u64, SystemTime), RandomState>,
    /// The blobs that each manifest names.
    named: HashMap<u64, Vec<u64>, RandomState>,
    /// The manifests that each manifest lists, and those about it.
    leads_to: HashMap<u64, Vec<u64>, RandomState>,
    /// Manifests that another one lists or that are about one.
    needed: HashSet<u64, RandomState>,
    tagged: HashSet<u64, RandomState>,
    pinned: HashSet<u64, RandomState>,
}

impl<'a> RepositoryIndex<'a> {
    pub(super) fn new(names: &'a DigestNames) -> Self {
        Self {
            names,
            manifests: HashMap::default(),
            blobs: HashMap::default(),
            named: HashMap::default(),
            leads_to: HashMap::default(),
            needed: HashSet::default(),
            tagged: HashSet::default(),
            pinned: HashSet::default(),
        }
    }

    /// Takes in what the catalog tells: manifests first.
    pub(super) fn add(&mut self, content: RepositoryContent) {
        match content {
            RepositoryContent::Manifest(manifest) => {
                let name = self.names.of(&manifest.digest);
                self.manifests.insert(name, manifest);
            }
            RepositoryContent::NamesBlob { parent, child } => {
                let (parent, child) = (self.names.of(&parent), self.names.of(&child));
                self.named.entry(parent).or_default().push(child);
            }
            RepositoryContent::Lists { parent, child } => {
                let (parent, child) = (self.names.of(&parent), self.names.of(&child));
                self.lead(parent, child);
            }
            RepositoryContent::Tagged(digest) => {
                self.tagged.insert(self.names.of(&digest));
            }
            RepositoryContent::Blob { digest, size, created } => {
                self.blobs.insert(self.names.of(&digest), (size, created));
            }
            RepositoryContent::Pinned(digest) => {
                self.pinned.insert(self.names.of(&digest));
            }
        }
    }

    fn lead(&mut self, from: u64, to: u64) {
        if self.manifests.contains_key(&to) {
            self.leads_to.entry(from).or_default().push(to);
            self.needed.insert(to);
        }
    }

    /// The images, and the blobs that belong to none; those of them that came since `young` stay.
    pub(super) fn parts(mut self, young: SystemTime, now: SystemTime) -> Vec<EvictionCandidate> {
        let about: Vec<_> = self
            .manifests
            .iter()
            .filter_map(|(name, manifest)| Some((self.names.of(&manifest.subject?), *name)))
            .collect();
        for (subject, name) in about {
            if self.manifests.contains_key(&subject) {
                self.lead(subject, name);
            }
        }
        let is_image = |name: &u64| !self.needed.contains(name) || self.tagged.contains(name);
        let mut parts: Vec<_> =
            self.manifests.keys().copied().filter(is_image).map(|name| self.image(name, now)).collect();
        parts.extend(self.strays(young));
        // In no order that chance decides: what is worth the same goes in the same order each time.
        parts.sort_by_key(|found| (found.last_used, found.part.digest()));
        parts
    }

    fn image(&self, root: u64, now: SystemTime) -> EvictionCandidate {
        let mut units = Vec::new();
        let (mut heat, mut is_pinned) = (0.0_f64, false);
        let mut last_used = SystemTime::UNIX_EPOCH;
        let mut seen = HashSet::from([root]);
        let mut open = vec![root];
        while let Some(name) = open.pop() {
            let Some(manifest) = self.manifests.get(&name) else { continue };
            units.push((name, manifest.size));
            let used = manifest.created.max(manifest.last_used.unwrap_or(manifest.created));
            heat = heat.max(manifest.heat.since_use(used, now));
            last_used = last_used.max(used);
            is_pinned |= self.pinned.contains(&name);
            let blobs = self.named.get(&name).into_iter().flatten();
            units.extend(blobs.filter_map(|blob| Some((*blob, self.blobs.get(blob)?.0))));
            let below = self.leads_to.get(&name).into_iter().flatten();
            // What has a tag stays, with what it leads to.
            open.extend(below.filter(|below| !self.tagged.contains(below) && seen.insert(**below)));
        }
        let stays = is_pinned || self.needed.contains(&root);
        let standing = if stays { Retention::Stays } else { Retention::MayGo };
        let part = self
            .manifests
            .get(&root)
            .map_or(RepositoryPart::Strays, |root| RepositoryPart::Image(root.digest));
        EvictionCandidate { part, units, retention: standing, heat, last_used }
    }

    /// Blobs that no manifest names: those that came since `young` may be about to be named.
    fn strays(&self, young: SystemTime) -> Vec<EvictionCandidate> {
        let named: HashSet<u64, RandomState> = self.named.values().flatten().copied().collect();
        let (mut old, mut new) = (Vec::new(), Vec::new());
        let mut oldest = SystemTime::UNIX_EPOCH;
        for (name, (size, created)) in self.blobs.iter().filter(|(name, _)| !named.contains(*name)) {
            if *created > young {
                new.push((*name, *size));
            } else {
                old.push((*name, *size));
                oldest = oldest.max(*created);
            }
        }
        let found = |units, standing, last_used| EvictionCandidate {
            part: RepositoryPart::Strays,
            units,
            retention: standing,
            heat: 0.0,
            last_used,
        };
        let all = [found(old, Retention::MayGo, oldest), found(new, Retention::Stays, young)];
        all.into_iter().filter(|found| !found.units.is_empty()).collect()
    }
}

impl RepositoryPart {
    /// The image's digest, if it is one.
    pub(crate) fn digest(self) -> Option<Digest> {
        match self {
            Self::Image(digest) => Some(digest),
            Self::Strays => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, UNIX_EPOCH};

    use entrepot_eviction::Heat;

    use super::*;

    fn at(seconds: u64) -> SystemTime {
        UNIX_EPOCH + Duration::from_secs(seconds)
    }

    fn digest(name: &str) -> Digest {
        Digest::of(name.as_bytes())
    }

    fn manifest(name: &str, subject: Option<&str>, used: u64, pulls: u64) -> RepositoryContent {
        RepositoryContent::Manifest(ManifestContent {
            digest: digest(name),
            size: 1,
            subject: subject.map(digest),
            created: at(10),
            last_used: Some(at(used)),
            heat: Heat::of_pulls(pulls, at(used)),
        })
    }

    fn lists(parent: &str, child: &str) -> RepositoryContent {
        RepositoryContent::Lists { parent: digest(parent), child: digest(child) }
    }

    fn has_blob(parent: &str, child: &str) -> RepositoryContent {
        RepositoryContent::NamesBlob { parent: digest(parent), child: digest(child) }
    }

    fn blob(name: &str, size: u64, created: u64) -> RepositoryContent {
        RepositoryContent::Blob { digest: digest(name), size, created: at(created) }
    }

    fn parts(contents: &[RepositoryContent]) -> Vec<EvictionCandidate> {
        let names = DigestNames::new();
        let mut collected = RepositoryIndex::new(&names);
        contents.iter().for_each(|content| collected.add(*content));
        collected.parts(at(1000), at(1000))
    }

    fn bytes(candidate: &EvictionCandidate) -> u64 {
        candidate.units.iter().map(|(_, size)| size).sum()
    }

    // Row 55
    #[test]
    fn an_image_is_all_that_only_it_leads_to_and_as_wanted_as_any_part_of_it() {
        let found = parts(&[
            manifest("index", None, 20, 1),
            manifest("child", None, 900, 5),
            manifest("signature", Some("index"), 30, 0),
            lists("index", "child"),
            lists("index", "not held"),
            has_blob("child", "layer"),
            has_blob("child", "layer that is not held"),
            has_blob("signature", "small"),
            RepositoryContent::Tagged(digest("index")),
            blob("layer", 100, 5),
            blob("small", 10, 5),
        ]);
        let [image] = &found[..] else { panic!("{found:?}") };
        assert_eq!((image.part, image.retention), (RepositoryPart::Image(digest("index")), Retention::MayGo));
        assert_eq!((bytes(image), image.last_used), (113, at(900)));
        assert!((image.heat - 5.0).abs() < 0.01);
    }

    #[test]
    fn what_has_a_tag_waits_for_its_index() {
        let contents = [
            manifest("index", None, 20, 1),
            manifest("child", None, 30, 1),
            lists("index", "child"),
            has_blob("child", "layer"),
            RepositoryContent::Tagged(digest("child")),
            blob("layer", 100, 5),
        ];
        let found = parts(&contents);
        let told: Vec<_> = found.iter().map(|found| (found.part, found.retention, bytes(found))).collect();
        let index = (RepositoryPart::Image(digest("index")), Retention::MayGo, 1);
        assert_eq!(told, [index, (RepositoryPart::Image(digest("child")), Retention::Stays, 101)]);
    }

    #[test]
    fn pins_speak_for_the_whole_image() {
        let contents = |used| {
            vec![manifest("index", None, 20, 1), manifest("child", None, used, 1), lists("index", "child")]
        };
        assert_eq!(parts(&contents(1000))[0].retention, Retention::MayGo);
        let mut pinned = contents(30);
        pinned.push(RepositoryContent::Pinned(digest("child")));
        assert_eq!(parts(&pinned)[0].retention, Retention::Stays);
        let mut other = contents(30);
        other.push(RepositoryContent::Pinned(digest("not held")));
        assert_eq!(parts(&other)[0].retention, Retention::MayGo);
    }

    #[test]
    fn blobs_of_no_image_go_when_they_are_old() {
        let found = parts(&[blob("old", 7, 10), blob("older", 5, 3), blob("new", 9, 1001)]);
        let told: Vec<_> = found.iter().map(|found| (found.part, found.retention, bytes(found))).collect();
        assert_eq!(
            told,
            [(RepositoryPart::Strays, Retention::MayGo, 12), (RepositoryPart::Strays, Retention::Stays, 9)]
        );
        assert_eq!(parts(&[]), []);
    }

    #[test]
    fn one_about_something_that_is_not_held_is_an_image() {
        let found = parts(&[manifest("signature", Some("not held"), 20, 1)]);
        assert_eq!(found[0].part, RepositoryPart::Image(digest("signature")));
        assert_eq!(found[0].retention, Retention::MayGo);
    }
}
