//! Layouts and archives, from and to.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use entrepot_oci::{Digest, Reference, referrers_tag};
use entrepot_sync::{CopyJob, JobOutcome, Place, contents};
use entrepot_testkit::{Action, Fault, Gate, Match, TestImage, TestRegistry};

use crate::support::{
    Lab, assert_there, blob_bytes, done, failed, job, place, run, sent, target, two_platforms,
};

fn tagged(source: Place, image: &TestImage, tag: &str, to: Place) -> CopyJob {
    let mut job = job(source, image, tag, vec![target(to, tag)]);
    job.digest = None;
    job
}

fn files(directory: &Path) -> Vec<String> {
    let mut found = Vec::new();
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path));
        } else {
            found.push(path.file_name().unwrap().to_string_lossy().into_owned());
        }
    }
    found.sort();
    found
}

#[tokio::test]
async fn an_image_goes_through_every_kind_of_place() {
    let (source, back) = (TestRegistry::start().await, TestRegistry::start().await);
    let (image, other) = (two_platforms(1, 100_000), TestImage::random(9, 2, 1000));
    source.put_image("a/b", "1", &image);
    source.put_image("a/b", "2", &other);
    let directory = tempfile::tempdir().unwrap();
    let (layout, archive) = (directory.path().join("layout"), directory.path().join("a.tar"));
    let steps = [
        (place(&source, "a/b"), Place::Layout(layout.clone())),
        (Place::Layout(layout.clone()), Place::OciArchive(archive.clone())),
        (Place::OciArchive(archive.clone()), place(&back, "c/d")),
    ];
    for (from, to) in steps {
        let jobs = vec![tagged(from.clone(), &image, "1", to.clone()), tagged(from, &other, "2", to)];
        let rows = run(Lab::default(), jobs).await;
        assert_eq!(done(&rows[0]).written, blob_bytes(&image));
        assert_eq!(done(&rows[1]).digest, *other.digest());
    }
    assert_there(&back, "c/d", "1", &image).await;
    assert_there(&back, "c/d", "2", &other).await;
    let count = image.blobs().len() + image.manifests().len() + other.blobs().len() + other.manifests().len();
    assert_eq!(files(&layout).len(), count + 2);
    assert_eq!(files(directory.path()).len(), count + 3);
}

#[tokio::test]
async fn a_layout_grows_and_keeps_what_it_has() {
    let source = TestRegistry::start().await;
    let (old, new) = (TestImage::random(1, 2, 1000), TestImage::random(2, 2, 1000));
    source.put_image("a/b", "1", &old);
    let directory = tempfile::tempdir().unwrap();
    let layout = Place::Layout(directory.path().to_owned());
    // What a writer left behind that was killed.
    fs::write(directory.path().join(".draft-7"), "half").unwrap();
    run(Lab::default(), vec![tagged(place(&source, "a/b"), &old, "1", layout.clone())]).await;
    source.put_image("a/b", "1", &new);
    source.put_image("a/b", "2", &old);
    source.clear_log();
    let jobs = vec![
        tagged(place(&source, "a/b"), &new, "1", layout.clone()),
        tagged(place(&source, "a/b"), &old, "2", layout.clone()),
    ];
    let rows = run(Lab::default(), jobs).await;
    assert_eq!((done(&rows[0]).written, done(&rows[1]).written), (blob_bytes(&new), 0));
    assert_eq!(source.log().blob_gets().len(), new.blobs().len());
    assert!(!files(directory.path()).iter().any(|name| name.starts_with(".draft")));
    let back = TestRegistry::start().await;
    let rows = run(Lab::default(), vec![tagged(layout.clone(), &new, "1", place(&back, "c/d"))]).await;
    assert_eq!(done(&rows[0]).digest, *new.digest());
    let rows = run(Lab::default(), vec![tagged(layout, &new, "3", place(&back, "c/d"))]).await;
    let what = format!("`oci:{}` has no image `3`", directory.path().display());
    assert_eq!(failed(&rows[0]), (what.as_str(), Some("it has 1, 2")));
}

#[tokio::test]
async fn a_layout_has_one_writer() {
    let source = TestRegistry::start().await;
    let image = TestImage::random(1, 1, 10);
    source.put_image("a/b", "1", &image);
    let directory = tempfile::tempdir().unwrap();
    let lock = fs::File::create(directory.path().join("oci-layout")).unwrap();
    lock.lock().unwrap();
    let to = Place::Layout(directory.path().to_owned());
    let rows = run(Lab::default(), vec![tagged(place(&source, "a/b"), &image, "1", to)]).await;
    let what = format!("`{}` is being written by another process", directory.path().display());
    assert_eq!(failed(&rows[0]), (what.as_str(), Some("wait until it is done")));
}

#[tokio::test]
async fn referrers_are_kept_in_a_layout_and_found_there() {
    let (source, back) = (TestRegistry::start().await, TestRegistry::start().await);
    let image = TestImage::random(1, 1, 10);
    let signature = TestImage::random(2, 1, 10).artifact("application/x-signature").refer_to(&image);
    source.put_image("a/b", "1", &image);
    source.put_untagged("a/b", &signature);
    let directory = tempfile::tempdir().unwrap();
    let layout = Place::Layout(directory.path().to_owned());
    for (from, to) in [(place(&source, "a/b"), layout.clone()), (layout, place(&back, "c/d"))] {
        let mut with = tagged(from, &image, "1", to);
        with.targets[0].referrers = true;
        done(&run(Lab::default(), vec![with]).await[0]);
    }
    assert_there(&back, "c/d", &signature.digest().to_string(), &signature).await;
    assert!(back.manifest("c/d", referrers_tag(image.digest()).as_str()).is_none());
}

#[tokio::test]
async fn an_archive_that_fails_leaves_the_old_one() {
    let source = TestRegistry::start().await;
    let image = TestImage::random(1, 1, 10);
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("a.tar");
    fs::write(&path, "old").unwrap();
    let to = Place::OciArchive(path.clone());
    let rows = run(Lab::default(), vec![tagged(place(&source, "a/b"), &image, "1", to)]).await;
    assert!(matches!(rows[0].outcome, JobOutcome::Failed(_)));
    assert_eq!(fs::read(&path).unwrap(), b"old");
    assert_eq!(files(directory.path()), ["a.tar"]);
}

#[tokio::test]
async fn an_archive_that_cannot_be_completed_fails_alone() {
    let (source, registry) = (TestRegistry::start().await, TestRegistry::start().await);
    let image = TestImage::random(1, 1, 1000);
    source.put_image("a/b", "1", &image);
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("a.tar");
    let gate = Gate::new();
    source.fault(Fault::on(Match::blobs()).always().then(Action::Gate(gate.clone())));
    let targets = vec![target(Place::OciArchive(path.clone()), "1"), target(place(&registry, "c/d"), "1")];
    let running = run(Lab::default(), vec![job(place(&source, "a/b"), &image, "1", targets)]);
    let in_its_way = async {
        gate.reached(1).await;
        fs::create_dir(&path).unwrap();
        gate.open();
    };
    let (rows, ()) = tokio::join!(running, in_its_way);
    let (what, _) = failed(&rows[0]);
    assert!(what.contains("a.tar"), "{what}");
    assert_eq!(done(&rows[1]).written, blob_bytes(&image));
}

/// What a file has, in an order of its own: images come as they are done.
async fn listed(file: &Place) -> Vec<String> {
    let mut listed: Vec<_> = contents(file).await.unwrap().iter().map(Reference::to_string).collect();
    listed.sort();
    listed
}

#[tokio::test]
async fn what_is_in_a_file_is_listed_by_tag_if_that_is_unique() {
    let source = TestRegistry::start().await;
    let (one, two) = (TestImage::random(1, 1, 10), TestImage::random(2, 1, 10));
    source.put_image("a/b", "1", &one);
    source.put_image("a/b", "2", &two);
    let directory = tempfile::tempdir().unwrap();
    let (layout, archive) = (directory.path().join("layout"), directory.path().join("a.tar"));
    for file in [Place::Layout(layout.clone()), Place::OciArchive(archive)] {
        let jobs = [(&one, "1"), (&two, "2")];
        let jobs = jobs.map(|(image, tag)| tagged(place(&source, "a/b"), image, tag, file.clone()));
        run(Lab::default(), jobs.to_vec()).await;
        assert_eq!(listed(&file).await, ["1", "2"]);
    }
    let index = fs::read_to_string(layout.join("index.json")).unwrap();
    fs::write(layout.join("index.json"), index.replace("\"2\"", "\"x.io/y:1\"")).unwrap();
    let mut digests = [one.digest().to_string(), two.digest().to_string()];
    digests.sort();
    assert_eq!(listed(&Place::Layout(layout)).await, digests);
    assert!(listed(&place(&source, "a/b")).await.is_empty());
    assert!(contents(&Place::OciArchive(directory.path().join("none.tar"))).await.is_err());
}

// What `docker save` writes: layers as tar files, a config, and who they are.
fn saved(directory: &Path, layers: &[&[u8]]) -> PathBuf {
    let (content, path) = (directory.join("content"), directory.join("saved.tar"));
    fs::create_dir_all(&content).unwrap();
    let diff_ids: Vec<String> = layers.iter().map(|layer| Digest::of(layer).to_string()).collect();
    let config = serde_json::json!({
        "os": "linux",
        "architecture": "amd64",
        "rootfs": { "type": "layers", "diff_ids": diff_ids },
    });
    fs::write(content.join("config.json"), config.to_string()).unwrap();
    let mut names = Vec::new();
    for (index, layer) in layers.iter().enumerate() {
        fs::create_dir_all(content.join(index.to_string())).unwrap();
        fs::write(content.join(format!("{index}/layer.tar")), layer).unwrap();
        names.push(format!("{index}/layer.tar"));
    }
    // The last layer is the first one again, as a link.
    std::os::unix::fs::symlink("0/layer.tar", content.join("again.tar")).unwrap();
    names.push("again.tar".to_owned());
    let manifest = serde_json::json!([{ "Config": "config.json", "RepoTags": ["a.example:5000/b:1", "b:2"], "Layers": names }]);
    fs::write(content.join("manifest.json"), manifest.to_string()).unwrap();
    let tar = Command::new("tar").arg("-cf").arg(&path).arg("-C").arg(&content).arg(".").status();
    assert!(tar.unwrap().success());
    path
}

#[tokio::test]
async fn what_docker_saved_becomes_an_image() {
    let back = TestRegistry::start().await;
    let directory = tempfile::tempdir().unwrap();
    let path = saved(directory.path(), &[b"the first layer", &[0x1f, 0x8b, 1, 2, 3]]);
    let image = TestImage::random(1, 1, 10);
    let from = Place::DockerArchive(path);
    let rows = run(Lab::default(), vec![tagged(from.clone(), &image, "2", place(&back, "c/d"))]).await;
    let digest = done(&rows[0]).digest;
    let bytes = back.manifest("c/d", "2").unwrap();
    assert_eq!(Digest::of(&bytes), digest);
    let manifest: serde_json::Value = serde_json::from_slice(&bytes).unwrap();
    let kinds: Vec<&str> =
        (0..3).map(|index| manifest["layers"][index]["mediaType"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["application/vnd.docker.image.rootfs.diff.tar.gzip"; 3]);
    // A plain layer is compressed; the same one twice is one blob.
    let layer =
        |index: usize| manifest["layers"][index]["digest"].as_str().unwrap().parse::<Digest>().unwrap();
    let first = back.blob("c/d", &layer(0)).unwrap();
    assert_eq!(std::io::read_to_string(flate2::read::GzDecoder::new(&first[..])).unwrap(), "the first layer");
    assert_eq!((layer(2), layer(1)), (layer(0), Digest::of(&[0x1f, 0x8b, 1, 2, 3])));
    assert_eq!(sent(&back.log()).len(), 3);
    // The same again, from an archive that is compressed as a whole: every byte is there.
    let Place::DockerArchive(path) = &from else { panic!("{from}") };
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    std::io::Write::write_all(&mut gzip, &fs::read(path).unwrap()).unwrap();
    let packed = directory.path().join("saved.tar.gz");
    fs::write(&packed, gzip.finish().unwrap()).unwrap();
    let packed = Place::DockerArchive(packed);
    let rows = run(Lab::default(), vec![tagged(packed, &image, "2", place(&back, "c/d"))]).await;
    assert_eq!(done(&rows[0]).digest, digest);
    assert_eq!(sent(&back.log()).len(), 3);
    // It can be read only.
    let rows = run(Lab::default(), vec![tagged(place(&back, "c/d"), &image, "2", from)]).await;
    assert_eq!(failed(&rows[0]), ("a docker-archive can only be read", Some("write to `oci-archive:FILE`")));
}

#[tokio::test]
async fn hostile_archives_are_refused() {
    let back = TestRegistry::start().await;
    let directory = tempfile::tempdir().unwrap();
    let image = TestImage::random(1, 1, 10);
    let secret = directory.path().join("secret");
    fs::write(&secret, "secret").unwrap();
    let content = directory.path().join("content");
    fs::create_dir(&content).unwrap();
    std::os::unix::fs::symlink(&secret, content.join("layer.tar")).unwrap();
    fs::write(content.join("config.json"), "{}").unwrap();
    fs::write(
        content.join("manifest.json"),
        r#"[{"Config":"config.json","RepoTags":["a:1"],"Layers":["layer.tar"]}]"#,
    )
    .unwrap();
    let path = directory.path().join("links.tar");
    let tar = Command::new("tar").arg("-cf").arg(&path).arg("-C").arg(&content).arg(".").status();
    assert!(tar.unwrap().success());
    for (bytes, said) in
        [(None, "names `layer.tar`, which is not in it"), (Some("nonsense"), "is not a tar archive")]
    {
        if let Some(bytes) = bytes {
            fs::write(&path, bytes).unwrap();
        }
        let from = Place::DockerArchive(path.clone());
        let rows = run(Lab::default(), vec![tagged(from, &image, "1", place(&back, "c/d"))]).await;
        assert!(failed(&rows[0]).0.contains(said), "{:?}", rows[0].outcome);
    }
    assert_eq!(sent(&back.log()).len(), 0);
}
