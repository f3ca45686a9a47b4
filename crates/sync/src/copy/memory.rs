//! Tracks which content is known to be where, so that nothing is requested or sent twice.
//!
//! A delivery claims content before it brings it to a place; other deliveries to that place wait. Those that want a
//! blob in another repository of the same registry wait too, since they can mount it afterwards.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use entrepot_oci::{Digest, Repository};
use tokio::sync::watch;

use crate::Place;

/// A place: a repository of a registry, or a file.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct ContentPlace {
    domain: Arc<str>,
    repository: Option<Repository>,
}

impl ContentPlace {
    pub(crate) fn of(place: &Place) -> Self {
        match place {
            Place::Registry { host, repository } => {
                Self { domain: host.as_str().into(), repository: Some(repository.clone()) }
            }
            file => Self { domain: file.to_string().into(), repository: None },
        }
    }

    /// The repository to mount from, if `to` can mount from here.
    pub(crate) fn mountable(&self, to: &Self) -> Option<&Repository> {
        self.repository.as_ref().filter(|_| self.domain == to.domain && self.repository != to.repository)
    }
}

/// The kind of content.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum ContentKind {
    Blob,
    Manifest,
}

/// A blob or manifest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct ContentId {
    pub(crate) kind: ContentKind,
    pub(crate) digest: Digest,
}

/// A place that needs content.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ContentTaker<'a> {
    pub(crate) spot: &'a ContentPlace,
    /// True if it may be mounted from another repository of the same registry.
    pub(crate) mounts: bool,
}

type Key = (Arc<str>, ContentId);

/// The state of one blob or manifest at one registry.
#[derive(Default)]
struct Shelf {
    holders: Vec<Option<Repository>>,
    busy: Vec<(Option<Repository>, watch::Receiver<()>)>,
}

type Shelves = HashMap<Key, Shelf>;

/// The content known to be at each place during a run.
#[derive(Default)]
pub(crate) struct Memory(Mutex<Shelves>);

/// The result of a claim.
pub(crate) enum Claim {
    /// Nothing to do: it is there.
    Held,
    /// Wait until this changes, then claim again.
    Busy(watch::Receiver<()>),
    /// Bring it, by mounting from the repository if one is given.
    Mine(Duty, Option<Repository>),
}

/// The duty to bring content. If dropped before it is done, a waiting task takes over.
pub(crate) struct Duty {
    memory: Arc<Memory>,
    spot: ContentPlace,
    content: ContentId,
    _told: watch::Sender<()>,
}

impl Memory {
    /// Claims content for a place.
    pub(crate) fn claim(self: &Arc<Self>, content: ContentId, taker: ContentTaker<'_>) -> Claim {
        self.claim_on(&mut self.lock(), content, taker)
    }

    /// Claims content for several places atomically. If two jobs claimed place by place, each could be first at some,
    /// and both would read the blob from the source.
    pub(crate) fn claim_all<'a>(
        self: &Arc<Self>,
        content: ContentId,
        takers: impl IntoIterator<Item = ContentTaker<'a>>,
    ) -> Vec<Claim> {
        let mut shelves = self.lock();
        takers.into_iter().map(|taker| self.claim_on(&mut shelves, content, taker)).collect()
    }

    fn claim_on(
        self: &Arc<Self>,
        shelves: &mut Shelves,
        content: ContentId,
        ContentTaker { spot, mounts }: ContentTaker<'_>,
    ) -> Claim {
        let shelf = shelves.entry((Arc::clone(&spot.domain), content)).or_default();
        if shelf.holders.contains(&spot.repository) {
            return Claim::Held;
        }
        let from = shelf.holders.iter().flatten().next().filter(|_| mounts).cloned();
        let mut others = shelf.busy.iter();
        let busy = match &from {
            None if mounts => others.next(),
            _ => others.find(|(repository, _)| *repository == spot.repository),
        };
        if let Some((_, change)) = busy {
            return Claim::Busy(change.clone());
        }
        let (told, change) = watch::channel(());
        shelf.busy.push((spot.repository.clone(), change));
        let duty = Duty { memory: Arc::clone(self), spot: spot.clone(), content, _told: told };
        Claim::Mine(duty, from)
    }

    /// True if a place is known to have the content.
    pub(crate) fn holds(&self, spot: &ContentPlace, kind: ContentKind, digest: &Digest) -> bool {
        let shelves = self.lock();
        let shelf = shelves.get(&(Arc::clone(&spot.domain), ContentId { kind, digest: *digest }));
        shelf.is_some_and(|shelf| shelf.holders.contains(&spot.repository))
    }

    /// Records that a place has the content.
    pub(crate) fn learn(&self, spot: &ContentPlace, kind: ContentKind, digest: &Digest) {
        let mut shelves = self.lock();
        let shelf =
            shelves.entry((Arc::clone(&spot.domain), ContentId { kind, digest: *digest })).or_default();
        if !shelf.holders.contains(&spot.repository) {
            shelf.holders.push(spot.repository.clone());
        }
    }

    /// Records that a place does not have the content after all.
    pub(crate) fn forget(&self, spot: &ContentPlace, kind: ContentKind, digest: &Digest) {
        let mut shelves = self.lock();
        if let Some(shelf) = shelves.get_mut(&(Arc::clone(&spot.domain), ContentId { kind, digest: *digest }))
        {
            shelf.holders.retain(|holder| *holder != spot.repository);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Shelves> {
        // A panic cannot leave the state inconsistent.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Duty {
    /// Records that the content is there.
    pub(crate) fn done(self) {
        self.memory.learn(&self.spot, self.content.kind, &self.content.digest);
    }
}

impl Drop for Duty {
    fn drop(&mut self) {
        let mut shelves = self.memory.lock();
        if let Some(shelf) = shelves.get_mut(&(Arc::clone(&self.spot.domain), self.content)) {
            shelf.busy.retain(|(repository, _)| *repository != self.spot.repository);
        }
    }
}

/// Waits until another task's claim ends.
pub(crate) async fn changed(mut change: watch::Receiver<()>) {
    // The sender never sends; it is dropped.
    drop(change.changed().await);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spot(repository: &str) -> ContentPlace {
        let (host, repository) = ("a.example".parse().unwrap(), repository.parse().unwrap());
        ContentPlace::of(&Place::Registry { host, repository })
    }

    fn blob() -> ContentId {
        ContentId { kind: ContentKind::Blob, digest: Digest::of(b"x") }
    }

    fn claim(memory: &Arc<Memory>, spot: &ContentPlace, mounts: bool) -> Claim {
        memory.claim(blob(), ContentTaker { spot, mounts })
    }

    #[tokio::test]
    async fn one_brings_it_and_others_wait_and_mount() {
        let memory = Arc::new(Memory::default());
        let (one, two) = (spot("a/one"), spot("a/two"));
        let Claim::Mine(duty, None) = claim(&memory, &one, true) else { panic!("nobody has it") };
        let Claim::Busy(same) = claim(&memory, &one, true) else { panic!("it is on its way there") };
        let Claim::Busy(other) = claim(&memory, &two, true) else {
            panic!("it is on its way to the registry")
        };
        // A registry that does not mount is no reason to wait.
        let Claim::Mine(apart, None) = claim(&memory, &two, false) else { panic!("it would not help") };
        drop(apart);
        duty.done();
        changed(same).await;
        changed(other).await;
        assert!(matches!(claim(&memory, &one, true), Claim::Held));
        let Claim::Mine(_duty, Some(from)) = claim(&memory, &two, true) else { panic!("it can be mounted") };
        assert_eq!(from.as_str(), "a/one");
    }

    #[tokio::test]
    async fn a_duty_that_is_dropped_falls_to_the_next() {
        let memory = Arc::new(Memory::default());
        let Claim::Mine(duty, _) = claim(&memory, &spot("a/one"), true) else { panic!("nobody has it") };
        let Claim::Busy(change) = claim(&memory, &spot("a/one"), true) else { panic!("it is on its way") };
        drop(duty);
        changed(change).await;
        assert!(matches!(claim(&memory, &spot("a/one"), true), Claim::Mine(_, None)));
    }

    // Place by place, each of the two would come first at one of them, and both would read the blob.
    #[test]
    fn two_that_claim_the_same_places_at_once_do_not_share_them() {
        let (one, other) = (spot("a/one"), ContentPlace { domain: "b.example".into(), ..spot("a/one") });
        for _ in 0..2000 {
            let memory = Arc::new(Memory::default());
            let start = std::sync::Barrier::new(2);
            let claimed = |spots: [&ContentPlace; 2]| {
                start.wait();
                memory.claim_all(blob(), spots.map(|spot| ContentTaker { spot, mounts: true }))
            };
            let (mine, theirs) = std::thread::scope(|scope| {
                let theirs = scope.spawn(|| claimed([&other, &one]));
                (claimed([&one, &other]), theirs.join().unwrap())
            });
            let is_mine = |claims: &[Claim]| claims.iter().any(|claim| matches!(claim, Claim::Mine(..)));
            assert!(is_mine(&mine) != is_mine(&theirs), "the places are shared");
        }
    }

    #[tokio::test]
    async fn a_claim_of_several_places_is_whole() {
        let memory = Arc::new(Memory::default());
        let other = ContentPlace { domain: "b.example".into(), ..spot("a/one") };
        let one = spot("a/one");
        let all = || memory.claim_all(blob(), [&one, &other].map(|spot| ContentTaker { spot, mounts: true }));
        let first = all();
        assert!(first.iter().all(|claim| matches!(claim, Claim::Mine(_, None))));
        assert!(all().iter().all(|claim| matches!(claim, Claim::Busy(_))));
        drop(first);
        assert!(all().iter().all(|claim| matches!(claim, Claim::Mine(_, None))));
    }

    #[test]
    fn what_is_forgotten_is_brought_again() {
        let memory = Arc::new(Memory::default());
        let (one, digest) = (spot("a/one"), Digest::of(b"x"));
        memory.learn(&one, ContentKind::Blob, &digest);
        assert!(
            memory.holds(&one, ContentKind::Blob, &digest)
                && !memory.holds(&one, ContentKind::Manifest, &digest)
        );
        memory.forget(&one, ContentKind::Blob, &digest);
        assert!(matches!(claim(&memory, &one, true), Claim::Mine(..)));
    }
}
