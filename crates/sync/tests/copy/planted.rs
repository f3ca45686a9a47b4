//! Layouts and archives that strangers left: links, pipes and sizes.

use std::{
    fs::{self, File},
    os::unix::fs::{PermissionsExt as _, symlink},
    path::Path,
    process::Command,
};

use entrepot_sync::{ArchiveFiles, CopyJob, Place, packed};
use entrepot_testkit::{TestImage, TestRegistry};
use tempfile::TempDir;

use crate::support::{Lab, done, failed, job, place, run, target};

fn tagged(source: Place, image: &TestImage, to: Place) -> CopyJob {
    let mut job = job(source, image, "1", vec![target(to, "1")]);
    job.digest = None;
    job
}

/// A layout with one image in it, and a registry that has the image.
async fn layout() -> (TempDir, TestRegistry, TestImage) {
    let (source, directory) = (TestRegistry::start().await, tempfile::tempdir().unwrap());
    let image = TestImage::random(1, 2, 1000);
    source.put_image("a/b", "1", &image);
    let to = Place::Layout(directory.path().join("layout"));
    done(&run(Lab::default(), vec![tagged(place(&source, "a/b"), &image, to)]).await[0]);
    (directory, source, image)
}

/// Puts a link in the place of a file or directory, which is elsewhere then.
fn behind_a_link(directory: &Path, name: &str) {
    let (at, elsewhere) = (directory.join("layout").join(name), directory.join("elsewhere"));
    fs::rename(&at, &elsewhere).unwrap();
    symlink(elsewhere, at).unwrap();
}

#[tokio::test]
async fn links_in_a_layout_are_not_followed() {
    for name in ["index.json", "blobs", "blobs/sha256"] {
        let (directory, _, image) = layout().await;
        behind_a_link(directory.path(), name);
        let back = TestRegistry::start().await;
        let from = Place::Layout(directory.path().join("layout"));
        let rows = run(Lab::default(), vec![tagged(from, &image, place(&back, "c/d"))]).await;
        let link =
            format!("`{}` is a link, and links are not followed here", name.rsplit('/').next().unwrap());
        assert!(failed(&rows[0]).0.contains(&link), "{name}: {:?}", rows[0].outcome);
    }
    let (directory, _, image) = layout().await;
    let (layer, _) = &image.blobs()[1];
    behind_a_link(directory.path(), &format!("blobs/sha256/{}", layer.hex()));
    let back = TestRegistry::start().await;
    let from = Place::Layout(directory.path().join("layout"));
    let rows = run(Lab::default(), vec![tagged(from, &image, place(&back, "c/d"))]).await;
    assert!(failed(&rows[0]).0.contains("is a link"), "{:?}", rows[0].outcome);
}

#[tokio::test]
async fn nothing_is_written_behind_a_link() {
    for name in ["oci-layout", "index.json", "blobs", "blobs/sha256"] {
        let (directory, source, _) = layout().await;
        behind_a_link(directory.path(), name);
        let elsewhere = directory.path().join("elsewhere");
        let before = fs::read(&elsewhere).ok();
        let new = TestImage::random(2, 2, 1000);
        source.put_image("a/b", "1", &new);
        let to = Place::Layout(directory.path().join("layout"));
        let rows = run(Lab::default(), vec![tagged(place(&source, "a/b"), &new, to)]).await;
        assert!(failed(&rows[0]).0.contains("is a link"), "{name}: {:?}", rows[0].outcome);
        assert_eq!(fs::read(&elsewhere).ok(), before, "{name}");
        let (layer, _) = &new.blobs()[1];
        assert!(
            !elsewhere.join(layer.hex()).exists() && !elsewhere.join("sha256").join(layer.hex()).exists()
        );
    }
}

#[tokio::test]
async fn a_link_of_the_name_of_a_blob_gives_way() {
    let (source, directory) = (TestRegistry::start().await, tempfile::tempdir().unwrap());
    let image = TestImage::random(1, 2, 1000);
    source.put_image("a/b", "1", &image);
    let (layer, bytes) = &image.blobs()[1];
    let name = format!("blobs/sha256/{}", layer.hex());
    let victim = directory.path().join("victim");
    fs::write(&victim, "mine").unwrap();
    fs::create_dir_all(directory.path().join("layout/blobs/sha256")).unwrap();
    symlink(&victim, directory.path().join("layout").join(&name)).unwrap();
    let to = Place::Layout(directory.path().join("layout"));
    done(&run(Lab::default(), vec![tagged(place(&source, "a/b"), &image, to)]).await[0]);
    assert_eq!(fs::read(&victim).unwrap(), b"mine");
    assert_eq!(fs::read(directory.path().join("layout").join(&name)).unwrap(), bytes[..]);
}

#[tokio::test]
async fn what_is_no_file_is_not_read_and_what_is_large_not_whole() {
    let image = TestImage::random(1, 1, 10);
    let back = TestRegistry::start().await;
    let directory = tempfile::tempdir().unwrap();
    let at = |name: &str| directory.path().join(name);
    fs::create_dir(at("large")).unwrap();
    // A file of 2.5 GB that takes no space.
    File::create(at("large/index.json")).unwrap().set_len(2_500_000_000).unwrap();
    fs::create_dir(at("pipe")).unwrap();
    for pipe in ["pipe/index.json", "pipe.tar"] {
        assert!(Command::new("mkfifo").arg(at(pipe)).status().unwrap().success());
    }
    fs::create_dir(at("device")).unwrap();
    symlink("/dev/zero", at("device/index.json")).unwrap();
    for (from, why) in [
        (Place::Layout(at("large")), "holds a document of more than 4194304 bytes"),
        (Place::Layout(at("pipe")), "it is not a regular file"),
        (Place::Layout(at("device")), "`index.json` is a link, and links are not followed here"),
        (Place::OciArchive(at("pipe.tar")), "it is not a regular file"),
        (Place::DockerArchive(at("pipe.tar")), "it is not a regular file"),
        (Place::OciArchive("/dev/zero".into()), "it is not a regular file"),
    ] {
        let rows = run(Lab::default(), vec![tagged(from.clone(), &image, place(&back, "c/d"))]).await;
        assert!(failed(&rows[0]).0.ends_with(why), "{from}: {:?}", rows[0].outcome);
        assert!(packed(&from).await.unwrap_err().what.ends_with(why), "{from}");
    }
    assert_eq!(back.log().len(), 0);
}

#[tokio::test]
async fn an_archive_is_not_drafted_where_somebody_expects_it() {
    let source = TestRegistry::start().await;
    let image = TestImage::random(1, 1, 10);
    source.put_image("a/b", "1", &image);
    let directory = tempfile::tempdir().unwrap();
    let at = |name: &str| directory.path().join(name);
    fs::write(at("victim"), "mine").unwrap();
    for planted in ["a.tar".to_owned(), format!("a.tar.draft-{}", std::process::id())] {
        symlink("victim", at(&planted)).unwrap();
    }
    let to = Place::OciArchive(at("a.tar"));
    done(&run(Lab::default(), vec![tagged(place(&source, "a/b"), &image, to)]).await[0]);
    assert_eq!(fs::read(at("victim")).unwrap(), b"mine");
    let archive = fs::symlink_metadata(at("a.tar")).unwrap();
    assert!(archive.is_file() && archive.permissions().mode() & 0o600 == 0o600);
    assert_eq!(fs::read_dir(&directory).unwrap().count(), 3, "no draft is left");
}

// A tar archive of one sparse file after the other (POSIX.1-1988, ustar).
fn sparse(path: &Path, files: impl Iterator<Item = (String, u64)>) {
    use std::os::unix::fs::FileExt as _;
    let (file, mut at) = (File::create(path).unwrap(), 0);
    for (name, size) in files {
        let mut header = [0_u8; 512];
        header[..name.len()].copy_from_slice(name.as_bytes());
        header[124..135].copy_from_slice(format!("{size:011o}").as_bytes());
        header[148..156].copy_from_slice(b"        ");
        header[156] = b'0';
        let sum: u32 = header.iter().map(|byte| u32::from(*byte)).sum();
        header[148..155].copy_from_slice(format!("{sum:06o}\0").as_bytes());
        file.write_all_at(&header, at).unwrap();
        at += 512 + size.next_multiple_of(512);
    }
    file.set_len(at + 1024).unwrap();
}

#[tokio::test]
async fn what_an_archive_may_have_in_it_is_bounded() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("a.tar");
    let huge = ["index.json", "manifest.json", "relay.json"].map(|name| (name.to_owned(), 2_500_000_000));
    sparse(&path, huge.into_iter());
    for (place, name) in [
        (Place::OciArchive(path.clone()), "index.json"),
        (Place::DockerArchive(path.clone()), "manifest.json"),
    ] {
        let what = packed(&place).await.unwrap_err().what;
        assert!(what.ends_with(&format!("has a `{name}` of more than 4194304 bytes")), "{what}");
    }
    let beside = ArchiveFiles::of(&path).await.unwrap();
    assert!(beside.has("relay.json") && !beside.has("relay.yaml"));
    let what = beside.file("relay.json", 100).await.unwrap_err().what;
    assert!(what.ends_with("has a `relay.json` of more than 100 bytes"), "{what}");
    sparse(&path, (0..100_001).map(|number| (format!("f/{number}"), 0)));
    let what = ArchiveFiles::of(&path).await.unwrap_err().what;
    assert!(what.ends_with("lists more than 100000 files, or names of more than 16777216 bytes"), "{what}");
}
