//! The contract.

use std::time::{Duration, SystemTime};

use bytes::Bytes;
use entrepot_blobs::{Error, HeldBlob, MEMORY_BYTES, StageId, StoreOutcome};
use entrepot_oci::{Algorithm, Digest};
use futures_util::future::join_all;

use crate::place::{Place, assert_held, bytes_of, content, staged_with, upload};

const SMALL: usize = 1000;
const LARGE: usize = 300_000;

pub async fn puts_and_gets(place: &Place) {
    let blobs = place.open().await;
    for len in [1, SMALL, MEMORY_BYTES as usize, MEMORY_BYTES as usize + 1, LARGE] {
        let bytes = content(len);
        let digest = Digest::of(&bytes);
        assert_eq!(blobs.put(&digest, bytes.clone()).await.unwrap(), StoreOutcome::New);
        assert_held(&blobs, &digest, &bytes).await;
        assert_eq!(blobs.put(&digest, bytes.clone()).await.unwrap(), StoreOutcome::AlreadyHeld);
        assert_held(&blobs, &digest, &bytes).await;
    }
}

pub async fn keeps_across_a_restart(place: &Place) {
    for bytes in [content(SMALL), content(LARGE)] {
        let digest = Digest::of(&bytes);
        place.open().await.put(&digest, bytes.clone()).await.unwrap();
        let blobs = place.open().await;
        let held = blobs.get(&digest).await.unwrap().unwrap();
        assert_eq!(matches!(held, HeldBlob::Memory(_)), bytes.len() == SMALL);
        assert_held(&blobs, &digest, &bytes).await;
        assert_eq!(blobs.put(&digest, bytes).await.unwrap(), StoreOutcome::AlreadyHeld);
    }
}

pub async fn refuses_a_wrong_digest(place: &Place) {
    let blobs = place.open().await;
    let expected = Digest::of(b"something else");
    let error = blobs.put(&expected, content(SMALL)).await.unwrap_err();
    let Error::WrongDigest { expected: named, actual } = error else { panic!("{error}") };
    assert_eq!((named, actual), (expected, Digest::of(&content(SMALL))));
    assert!(blobs.get(&expected).await.unwrap().is_none());
    assert!(blobs.get(&actual).await.unwrap().is_none());
}

pub async fn lists_all_in_pages(place: &Place) {
    let blobs = place.open().await;
    assert!(blobs.list(None, 10).await.unwrap().blobs.is_empty());
    let mut expected = Vec::new();
    for number in 0..20_u8 {
        let bytes = content(usize::from(number) + 1);
        let algorithm = if number % 3 == 0 { Algorithm::Sha512 } else { Algorithm::Sha256 };
        let digest = Digest::with(algorithm, &bytes);
        blobs.put(&digest, bytes.clone()).await.unwrap();
        expected.push((digest, bytes.len() as u64));
    }
    expected.sort_unstable();
    for limit in [1, 3, 7, 20, 1000] {
        let mut listed: Vec<(Digest, u64)> = Vec::new();
        loop {
            let last = listed.last().map(|(digest, _)| *digest);
            let page = blobs.list(last.as_ref(), limit).await.unwrap();
            assert!(
                page.blobs.iter().all(|blob| blob.modified.elapsed().is_ok_and(|age| age.as_secs() < 600))
            );
            listed.extend(page.blobs.iter().map(|blob| (blob.digest, blob.size)));
            if !page.more {
                break;
            }
            assert!(!page.blobs.is_empty());
        }
        assert_eq!(listed, expected, "{limit}");
    }
}

pub async fn looks_behind_the_cache(place: &Place) {
    let blobs = place.open().await;
    for len in [SMALL, LARGE] {
        let bytes = content(len);
        let digest = Digest::of(&bytes);
        assert_eq!(blobs.look(&digest).await.unwrap(), None);
        blobs.put(&digest, bytes.clone()).await.unwrap();
        assert_held(&blobs, &digest, &bytes).await;
        assert_eq!(blobs.look(&digest).await.unwrap(), Some(len as u64));
        // Somebody else removes it, which no cache of ours can know.
        assert!(place.open().await.remove(&digest).await.unwrap());
        assert_eq!(blobs.look(&digest).await.unwrap(), None);
        assert_eq!(blobs.size(&digest).await.unwrap(), None);
    }
}

pub async fn reads_up_to_a_limit(place: &Place) {
    let blobs = place.open().await;
    for len in [SMALL, LARGE] {
        let bytes = content(len);
        let digest = Digest::of(&bytes);
        assert_eq!(blobs.read(&digest, u64::MAX).await.unwrap(), None);
        blobs.put(&digest, bytes.clone()).await.unwrap();
        assert_eq!(blobs.read(&digest, len as u64).await.unwrap(), Some(bytes));
        let error = blobs.read(&digest, len as u64 - 1).await.unwrap_err();
        assert!(matches!(error, Error::TooLarge { size, .. } if size == len as u64), "{error}");
    }
}

pub async fn removes(place: &Place) {
    let blobs = place.open().await;
    for bytes in [content(SMALL), content(LARGE)] {
        let digest = Digest::of(&bytes);
        assert!(!blobs.remove(&digest).await.unwrap());
        blobs.put(&digest, bytes.clone()).await.unwrap();
        assert_held(&blobs, &digest, &bytes).await;
        assert!(blobs.remove(&digest).await.unwrap());
        assert!(blobs.get(&digest).await.unwrap().is_none());
        assert_eq!(blobs.size(&digest).await.unwrap(), None);
        assert!(!blobs.remove(&digest).await.unwrap());
        assert_eq!(blobs.put(&digest, bytes.clone()).await.unwrap(), StoreOutcome::New);
        assert_held(&blobs, &digest, &bytes).await;
    }
}

pub async fn remembers_no_miss(place: &Place) {
    let (ours, another) = (place.open().await, place.open().await);
    let bytes = content(SMALL);
    let digest = Digest::of(&bytes);
    assert!(ours.get(&digest).await.unwrap().is_none());
    assert_eq!(ours.size(&digest).await.unwrap(), None);
    another.put(&digest, bytes.clone()).await.unwrap();
    assert_held(&ours, &digest, &bytes).await;
}

pub async fn knows_sha512(place: &Place) {
    let blobs = place.open().await;
    let bytes = content(LARGE);
    let digest = Digest::with(Algorithm::Sha512, &bytes);
    let staged = blobs.stage(&StageId::Fill(digest)).await.unwrap();
    staged.write_at(0, &bytes).unwrap();
    assert_eq!(blobs.list_staged().await.unwrap()[0].0, StageId::Fill(digest));
    assert_eq!(blobs.commit(staged, &digest).await.unwrap(), StoreOutcome::New);
    assert_held(&blobs, &digest, &bytes).await;
    assert_eq!(blobs.size(&Digest::of(&bytes)).await.unwrap(), None);
}

pub async fn keeps_nothing_at_all(place: &Place) {
    let blobs = place.open().await;
    let digest = Digest::of(b"");
    let staged = staged_with(&blobs, b"").await;
    staged.reserve(0).unwrap();
    assert!(staged.is_empty().unwrap() && staged.map().unwrap().is_empty());
    assert_eq!(blobs.commit(staged, &digest).await.unwrap(), StoreOutcome::New);
    assert_held(&blobs, &digest, b"").await;
    assert_held(&place.open().await, &digest, b"").await;
    assert_eq!(blobs.put(&digest, Bytes::new()).await.unwrap(), StoreOutcome::AlreadyHeld);
}

pub async fn commits_what_was_staged(place: &Place) {
    let blobs = place.open().await;
    let bytes = content(LARGE);
    let digest = Digest::of(&bytes);
    let staged = staged_with(&blobs, &bytes).await;
    staged.set_note(b"{}").await.unwrap();
    let id = staged.id().clone();
    assert_eq!(blobs.commit(staged, &digest).await.unwrap(), StoreOutcome::New);
    assert_held(&blobs, &digest, &bytes).await;
    assert!(blobs.staged(&id).await.unwrap().is_none());
    assert_eq!(std::fs::read_dir(place.dir().join("staging")).unwrap().count(), 0);
}

pub async fn commits_the_same_again(place: &Place) {
    let blobs = place.open().await;
    let bytes = content(LARGE);
    let digest = Digest::of(&bytes);
    for expected in [StoreOutcome::New, StoreOutcome::AlreadyHeld, StoreOutcome::AlreadyHeld] {
        let staged = staged_with(&blobs, &bytes).await;
        assert_eq!(blobs.commit(staged, &digest).await.unwrap(), expected);
        assert!(blobs.list_staged().await.unwrap().is_empty());
        assert_held(&blobs, &digest, &bytes).await;
    }
}

pub async fn commits_many_parts(place: &Place) {
    let blobs = place.open().await;
    let bytes = content((20 << 20) + 7);
    let digest = Digest::of(&bytes);
    let staged = staged_with(&blobs, &bytes).await;
    assert_eq!(blobs.commit(staged, &digest).await.unwrap(), StoreOutcome::New);
    assert_held(&blobs, &digest, &bytes).await;
    assert_eq!(blobs.read(&digest, 32 << 20).await.unwrap(), Some(bytes));
}

pub async fn commits_one_digest_many_times_at_once(place: &Place) {
    let blobs = place.open().await;
    let bytes = content(LARGE);
    let digest = Digest::of(&bytes);
    let commits = (0..8).map(|_| async {
        let staged = staged_with(&blobs, &bytes).await;
        blobs.commit(staged, &digest).await.unwrap()
    });
    let stored = join_all(commits).await;
    let new = stored.iter().filter(|stored| **stored == StoreOutcome::New).count();
    // Two replicas on one bucket can both be first; on disk there is only one process.
    assert!(if place.is_disk() { new == 1 } else { new >= 1 }, "{stored:?}");
    assert!(blobs.list_staged().await.unwrap().is_empty());
    assert_held(&blobs, &digest, &bytes).await;
}

pub async fn gives_any_range(place: &Place) {
    let blobs = place.open().await;
    for bytes in [content(SMALL), content(LARGE)] {
        let digest = Digest::of(&bytes);
        blobs.put(&digest, bytes.clone()).await.unwrap();
        let len = bytes.len();
        for range in [0..1, 0..len, len - 1..len, 17..len / 2, 5..5, len..len] {
            let held = blobs.get(&digest).await.unwrap().unwrap();
            assert!(bytes_of(held, range.clone()).await == bytes.slice(range.clone()), "{range:?}");
        }
    }
}

pub async fn stages_across_a_restart(place: &Place) {
    let bytes = content(LARGE);
    let (head, tail) = bytes.split_at(LARGE / 3);
    let id = StageId::Fill(Digest::of(&bytes));
    let blobs = place.open().await;
    assert!(blobs.staged(&id).await.unwrap().is_none());
    let staged = blobs.stage(&id).await.unwrap();
    staged.write_at(0, head).unwrap();
    staged.set_note(br#"{"written": 100000}"#).await.unwrap();
    drop((staged, blobs));

    let blobs = place.open().await;
    let staged = blobs.staged(&id).await.unwrap().unwrap();
    assert_eq!((staged.id(), staged.len().unwrap()), (&id, head.len() as u64));
    assert_eq!(staged.note().await.unwrap().unwrap(), br#"{"written": 100000}"#);
    staged.write_at(head.len() as u64, tail).unwrap();
    blobs.commit(staged, &Digest::of(&bytes)).await.unwrap();
    assert_held(&blobs, &Digest::of(&bytes), &bytes).await;
}

pub async fn keeps_notes(place: &Place) {
    let blobs = place.open().await;
    let staged = blobs.stage(&upload()).await.unwrap();
    assert_eq!(staged.note().await.unwrap(), None);
    for note in [&b"one"[..], b"", b"a longer one"] {
        staged.set_note(note).await.unwrap();
        assert_eq!(staged.note().await.unwrap().unwrap(), note);
    }
    let notes: Vec<String> = (0..20).map(|index| format!("note {index}")).collect();
    join_all(notes.iter().map(|note| staged.set_note(note.as_bytes())))
        .await
        .into_iter()
        .for_each(Result::unwrap);
    let note = String::from_utf8(staged.note().await.unwrap().unwrap()).unwrap();
    assert!(notes.contains(&note), "{note}");
}

pub async fn lists_what_is_staged(place: &Place) {
    let blobs = place.open().await;
    assert!(blobs.list_staged().await.unwrap().is_empty());
    let ids = [upload(), StageId::Fill(Digest::of(b"x")), upload()];
    for id in &ids {
        blobs.stage(id).await.unwrap().set_note(b"{}").await.unwrap();
    }
    let listed = blobs.list_staged().await.unwrap();
    assert_eq!(listed.len(), ids.len());
    for (id, modified) in listed {
        assert!(ids.contains(&id), "{id}");
        assert!(modified > SystemTime::UNIX_EPOCH + Duration::from_secs(1));
    }
}

pub async fn replaces_what_is_staged(place: &Place) {
    let blobs = place.open().await;
    let old = staged_with(&blobs, b"old").await;
    old.set_note(b"old").await.unwrap();
    let (id, mapping) = (old.id().clone(), old.map().unwrap());

    let new = blobs.stage(&id).await.unwrap();
    assert_eq!((new.len().unwrap(), new.note().await.unwrap()), (0, None));
    assert_eq!(mapping.bytes().as_ref(), b"old");
    assert!(matches!(old.write_at(0, b"late"), Err(Error::Closed { .. })));
    assert!(matches!(old.set_note(b"late").await, Err(Error::Closed { .. })));
    assert!(matches!(blobs.commit(old, &Digest::of(b"old")).await, Err(Error::Closed { .. })));

    new.write_at(0, b"new").unwrap();
    let same = blobs.staged(&id).await.unwrap().unwrap();
    assert_eq!(same.map().unwrap().bytes().as_ref(), b"new");
}

pub async fn discards_what_is_staged(place: &Place) {
    let blobs = place.open().await;
    blobs.discard(&upload()).await.unwrap();
    let staged = staged_with(&blobs, b"x").await;
    staged.set_note(b"{}").await.unwrap();
    blobs.discard(staged.id()).await.unwrap();
    assert!(blobs.staged(staged.id()).await.unwrap().is_none());
    assert!(matches!(staged.reserve(10), Err(Error::Closed { .. })));
    assert_eq!(std::fs::read_dir(place.dir().join("staging")).unwrap().count(), 0);
}

pub async fn shows_a_file_while_it_grows(place: &Place) {
    let blobs = place.open().await;
    let bytes = content(LARGE);
    let staged = blobs.stage(&StageId::Fill(Digest::of(&bytes))).await.unwrap();
    staged.reserve(LARGE as u64).unwrap();
    assert_eq!(staged.len().unwrap(), LARGE as u64);
    let mapping = staged.map().unwrap();
    let early = mapping.bytes().slice(..);
    for (index, part) in bytes.chunks(70_000).enumerate() {
        let at = index * 70_000;
        staged.write_at(at as u64, part).unwrap();
        assert!(mapping.bytes()[at..at + part.len()] == *part);
        let mut buffer = vec![0; part.len()];
        assert_eq!(staged.read_at(at as u64, &mut buffer).unwrap(), part.len());
        assert!(buffer == part);
    }
    blobs.commit(staged, &Digest::of(&bytes)).await.unwrap();
    mapping.will_need(0..u64::MAX);
    drop(mapping);
    // A reader can finish even after the blob is gone.
    assert!(early == bytes);
    blobs.remove(&Digest::of(&bytes)).await.unwrap();
    assert!(early == bytes);
}

pub async fn takes_no_changes_after_a_commit(place: &Place) {
    let blobs = place.open().await;
    let bytes = content(LARGE);
    let digest = Digest::of(&bytes);
    let staged = staged_with(&blobs, &bytes).await;
    blobs.commit(staged.clone(), &digest).await.unwrap();
    assert!(matches!(staged.write_at(0, b"late"), Err(Error::Closed { .. })));
    assert!(matches!(staged.truncate(0), Err(Error::Closed { .. })));
    assert!(matches!(staged.reserve(1 << 20), Err(Error::Closed { .. })));
    assert!(matches!(staged.set_note(b"late").await, Err(Error::Closed { .. })));
    assert!(matches!(blobs.commit(staged, &digest).await, Err(Error::Closed { .. })));
    assert_held(&blobs, &digest, &bytes).await;
}

pub async fn never_takes_mapped_bytes_away(place: &Place) {
    let blobs = place.open().await;
    let staged = staged_with(&blobs, b"0123456789").await;
    staged.truncate(8).unwrap();
    let mapping = staged.map().unwrap();
    let again = blobs.staged(staged.id()).await.unwrap().unwrap();
    assert!(matches!(again.truncate(4), Err(Error::Mapped { .. })));
    again.truncate(12).unwrap();
    again.reserve(4).unwrap();
    assert_eq!(again.len().unwrap(), 12);
    assert_eq!(mapping.bytes().as_ref(), b"01234567");
}

pub async fn sweeps_up_after_a_crash(place: &Place) {
    let staged = staged_with(&place.open().await, b"x").await;
    staged.set_note(b"{}").await.unwrap();
    let staging = place.dir().join("staging");
    for leftover in ["put-1", "upload-x.json.tmp", "upload-x.json"] {
        std::fs::write(staging.join(leftover), b"x").unwrap();
    }
    let blobs = place.open().await;
    assert_eq!(std::fs::read_dir(&staging).unwrap().count(), 2);
    assert!(blobs.staged(staged.id()).await.unwrap().unwrap().note().await.unwrap().is_some());
}

pub async fn is_within_reach(place: &Place) {
    let blobs = place.open().await;
    blobs.check().await.unwrap();
    assert!(blobs.free_space().unwrap() > 0);
}
