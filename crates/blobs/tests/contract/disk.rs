//! Cases for blobs on disk only.

use std::{fs, os::unix::fs::PermissionsExt as _, path::PathBuf};

use entrepot_blobs::{Blobs, Error, HeldBlob, StoreOutcome};
use entrepot_oci::Digest;
use rustix::fs::{statfs, statvfs};

use crate::place::{Place, assert_held, content, staged_with, upload};

const TMPFS_MAGIC: u64 = 0x0102_1994;

fn path(place: &Place, digest: &Digest) -> PathBuf {
    let hex = digest.hex();
    place.dir().join("blobs").join(digest.algorithm().name()).join(&hex[..2]).join(hex)
}

#[tokio::test]
async fn a_blob_is_a_file_for_this_user_only() {
    let place = Place::disk();
    let blobs = place.open().await;
    let digest = Digest::of(b"x");
    blobs.put(&digest, "x".into()).await.unwrap();
    assert_eq!(fs::read(path(&place, &digest)).unwrap(), b"x");
    assert_eq!(fs::metadata(path(&place, &digest)).unwrap().permissions().mode() & 0o777, 0o600);
    for dir in ["blobs", "staging"] {
        let mode = fs::metadata(place.dir().join(dir)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o700, "{dir}");
    }
}

// A19: also a file written by an older version.
#[tokio::test]
async fn a_note_is_a_file_for_this_user_only() {
    let place = Place::disk();
    let blobs = place.open().await;
    let staged = staged_with(&blobs, b"x").await;
    staged.set_note(b"{}").await.unwrap();
    let note = place.dir().join("staging").join(format!("{}.json", staged.id()));
    let mode = || fs::metadata(&note).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(), 0o600);
    fs::set_permissions(&note, fs::Permissions::from_mode(0o666)).unwrap();
    place.open().await;
    assert_eq!(mode(), 0o600);
}

#[tokio::test]
async fn what_was_asked_for_lately_needs_no_file() {
    let place = Place::disk();
    let blobs = place.open().await;
    for bytes in [content(1000), content(300_000)] {
        let digest = Digest::of(&bytes);
        blobs.put(&digest, bytes.clone()).await.unwrap();
        assert_held(&blobs, &digest, &bytes).await;
        fs::rename(path(&place, &digest), place.dir().join("away")).unwrap();
        assert_held(&blobs, &digest, &bytes).await;
    }
}

#[tokio::test]
async fn a_damaged_small_blob_is_set_aside() {
    let place = Place::disk();
    let bytes = content(1000);
    let digest = Digest::of(&bytes);
    place.open().await.put(&digest, bytes.clone()).await.unwrap();
    fs::write(path(&place, &digest), content(999)).unwrap();

    let blobs = place.open().await;
    assert!(blobs.get(&digest).await.unwrap().is_none());
    let aside = place.dir().join("damaged").join(format!("sha256-{}", digest.hex()));
    assert_eq!(fs::read(aside).unwrap(), content(999));
    assert!(blobs.read(&digest, 1 << 20).await.unwrap().is_none());
    assert_eq!(blobs.size(&digest).await.unwrap(), None);
    assert_eq!(blobs.put(&digest, bytes.clone()).await.unwrap(), StoreOutcome::New);
    assert_held(&blobs, &digest, &bytes).await;
}

#[tokio::test]
async fn a_large_blob_is_looked_at_after_it_could_not_be_read() {
    let place = Place::disk();
    let blobs = place.open().await;
    let bytes = content(300_000);
    let digest = Digest::of(&bytes);
    blobs.put(&digest, bytes.clone()).await.unwrap();
    let mapping = async || match blobs.get(&digest).await.unwrap() {
        Some(HeldBlob::Mapped(mapping)) => Some(mapping),
        _ => None,
    };
    // A blob that can be read again stays.
    mapping().await.unwrap().suspect();
    assert_held(&blobs, &digest, &bytes).await;
    let held = mapping().await.unwrap();
    held.ready(10..400_000).unwrap();
    // A truncated file, as after a disk failure.
    fs::OpenOptions::new().write(true).open(path(&place, &digest)).unwrap().set_len(200_000).unwrap();
    assert!(matches!(held.ready(0..300_000), Err(Error::Io { what: "read", .. })));
    assert!(mapping().await.is_none());
    assert!(place.dir().join("damaged").join(format!("sha256-{}", digest.hex())).exists());
    assert_eq!(blobs.put(&digest, bytes.clone()).await.unwrap(), StoreOutcome::New);
    assert_held(&blobs, &digest, &bytes).await;
}

#[tokio::test]
async fn a_blob_cut_short_is_replaced_by_a_commit() {
    let place = Place::disk();
    let blobs = place.open().await;
    let bytes = content(300_000);
    let digest = Digest::of(&bytes);
    blobs.put(&digest, bytes.clone()).await.unwrap();
    fs::remove_file(path(&place, &digest)).unwrap();
    fs::write(path(&place, &digest), &bytes[..100_000]).unwrap();
    assert!(matches!(blobs.get(&digest).await.unwrap(), Some(HeldBlob::Mapped(_))));

    let staged = staged_with(&blobs, &bytes).await;
    assert_eq!(blobs.commit(staged, &digest).await.unwrap(), StoreOutcome::New);
    assert_held(&blobs, &digest, &bytes).await;
}

#[tokio::test]
async fn a_commit_that_cannot_publish_can_be_tried_again() {
    let place = Place::disk();
    let blobs = place.open().await;
    let bytes = content(300_000);
    let digest = Digest::of(&bytes);
    let in_the_way = place.dir().join("blobs").join("sha256");
    fs::write(&in_the_way, b"").unwrap();
    let staged = staged_with(&blobs, &bytes).await;
    assert!(matches!(blobs.commit(staged.clone(), &digest).await, Err(Error::Io { .. })));
    fs::remove_file(&in_the_way).unwrap();
    assert_eq!(blobs.commit(staged, &digest).await.unwrap(), StoreOutcome::New);
    assert_held(&blobs, &digest, &bytes).await;
}

#[tokio::test]
async fn a_full_disk_is_told_before_the_first_byte() {
    let shm = std::path::Path::new("/dev/shm");
    // Only where reserving too much fails at once, without filling the disk first.
    if !statfs(shm).is_ok_and(|stat| stat.f_type as u64 == TMPFS_MAGIC) {
        eprintln!("skipped: there is no tmpfs at /dev/shm to fill");
        return;
    }
    let stat = statvfs(shm).unwrap();
    let all = stat.f_blocks * stat.f_frsize;
    let dir = tempfile::tempdir_in(shm).unwrap();
    let blobs = Blobs::open(dir.path(), None).await.unwrap();
    let staged = blobs.stage(&upload()).await.unwrap();
    assert!(matches!(staged.reserve(all + (1 << 20)), Err(Error::Full)));
    staged.reserve(1 << 16).unwrap();
    assert!(blobs.free_space().unwrap() <= all);
}

#[tokio::test]
async fn a_device_that_is_full_says_so_on_write() {
    let place = Place::disk();
    let blobs = place.open().await;
    let id = upload();
    std::os::unix::fs::symlink("/dev/full", place.dir().join("staging").join(id.to_string())).unwrap();
    let staged = blobs.staged(&id).await.unwrap().unwrap();
    assert!(matches!(staged.write_at(0, b"x"), Err(Error::Full)));
}

#[tokio::test]
async fn a_file_that_cannot_be_synced_is_given_up() {
    let place = Place::disk();
    let blobs = place.open().await;
    let (id, digest) = (upload(), Digest::of(b""));
    // A device cannot be synced.
    std::os::unix::fs::symlink("/dev/full", place.dir().join("staging").join(id.to_string())).unwrap();
    let staged = blobs.staged(&id).await.unwrap().unwrap();
    let error = blobs.commit(staged.clone(), &digest).await.unwrap_err();
    assert!(matches!(error, Error::Io { what: "sync", .. }), "{error:?}");
    assert!(matches!(blobs.commit(staged, &digest).await, Err(Error::Closed { .. })));
    assert!(blobs.staged(&id).await.unwrap().is_none());
    assert!(blobs.get(&digest).await.unwrap().is_none());
}
