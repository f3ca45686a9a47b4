//! `entrepot copy`, from the command line to the other end.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on ends")]

mod support;
#[path = "support/tar.rs"]
mod tar;

use entrepot_testkit::{TestImage, TestRegistry, client};
use hyper::Method;
use support::{Lab, Ran};

async fn run(lab: &Lab, arguments: &[&str]) -> Ran {
    let mut command = lab.command(arguments);
    command.env("HOME", lab.path());
    tokio::task::block_in_place(|| support::ran(command))
}

fn host(registry: &TestRegistry) -> String {
    registry.host().to_string()
}

fn two_platforms(seed: u64) -> TestImage {
    let platforms = ["linux/amd64", "linux/arm64"].into_iter().zip(seed..);
    TestImage::index(platforms.map(|(text, seed)| TestImage::random(seed, 2, 5_000).with_platform(text)))
}

#[tokio::test(flavor = "multi_thread")]
async fn one_image_goes_to_several_places_and_is_read_once() {
    let (source, one, other) =
        (TestRegistry::start().await, TestRegistry::start().await, TestRegistry::start().await);
    let image = two_platforms(1);
    source.put_image("team/app", "1", &image);
    let lab = Lab::new();
    let from = format!("{}/team/app:1", host(&source));
    let (first, second) = (format!("{}/a/b", host(&one)), format!("{}/c/d:new", host(&other)));
    let dry = run(&lab, &["copy", &from, &first, &second, "--dry-run"]).await;
    assert_eq!((dry.code, dry.stderr.as_str()), (0, ""));
    let lines = dry.stdout.lines().filter(|line| line.starts_with(&from) && line.ends_with("  copy"));
    assert_eq!(lines.count(), 2, "{}", dry.stdout);
    assert_eq!(one.log().count(Method::POST, "") + one.log().count(Method::PUT, ""), 0);

    source.clear_log();
    let ran = run(&lab, &["copy", &from, &first, &second]).await;
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    assert!(ran.stdout.contains("\n2 copied; "), "{}", ran.stdout);
    assert_eq!(ran.stderr.lines().filter(|line| line.starts_with("copied: ")).count(), 2, "{}", ran.stderr);
    assert_eq!(source.log().blob_gets().len(), image.blobs().len());
    for (registry, name, tag) in [(&one, "a/b", "1"), (&other, "c/d", "new")] {
        assert_eq!(client::pull(&registry.url(), name, tag).await.digest, *image.digest());
    }
    let again = run(&lab, &["-q", "copy", &from, &first, &second, "--output", "json"]).await;
    let json: serde_json::Value = serde_json::from_str(&again.stdout).unwrap();
    assert_eq!((&json["up_to_date"], &json["copied"], again.stderr.as_str()), (&2.into(), &0.into(), ""));
    assert_eq!(json["images"][0]["state"], "up-to-date");
    // Nothing that refers to it is looked for: one HEAD for each that has it.
    [&source, &one, &other].iter().for_each(|registry| registry.clear_log());
    let again = run(&lab, &["copy", &from, &first, &second, "--no-referrers"]).await;
    assert!(again.stdout.ends_with("\n2 up to date; 0 B written\n"), "{}", again.stdout);
    for registry in [&source, &one, &other] {
        assert_eq!((registry.log().len(), registry.log().count(Method::HEAD, "")), (1, 1));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn all_tags_go_through_files_and_back() {
    let (source, back) = (TestRegistry::start().await, TestRegistry::start().await);
    let images = [TestImage::random(1, 1, 1000), two_platforms(5)];
    for (image, tag) in images.iter().zip(["1", "2"]) {
        source.put_image("team/app", tag, image);
    }
    let lab = Lab::new();
    let (from, to) = (format!("{}/team/app", host(&source)), format!("{}/x/y", host(&back)));
    for arguments in [[&from, "oci:layout"], ["oci:layout", "oci-archive:a.tar"], ["oci-archive:a.tar", &to]]
    {
        let ran = run(&lab, &["copy", arguments[0], arguments[1], "--all-tags"]).await;
        assert_eq!(ran.code, 0, "{}{}", ran.stdout, ran.stderr);
    }
    for (image, tag) in images.iter().zip(["1", "2"]) {
        assert_eq!(client::pull(&back.url(), "x/y", tag).await.digest, *image.digest());
    }
    let ran = run(&lab, &["copy", "oci:layout", &to]).await;
    let told = "error: there are 2 images in `oci:layout`\nhint: say which, as in `oci:layout:1`, or `--all-tags`; there are 1, 2\n";
    assert_eq!((ran.code, ran.stderr.as_str()), (2, told));
    let ran = run(&lab, &["copy", "oci:layout:1", &to, "--all-tags"]).await;
    assert_eq!(ran.code, 2, "{}", ran.stderr);
    let ran = run(&lab, &["copy", &from, "docker-archive:x.tar"]).await;
    let told = "error: `docker-archive:x.tar` cannot be written\nhint: archives of `docker save` are only read: write `oci-archive:FILE`, which Docker loads too\n";
    assert_eq!((ran.code, ran.stderr.as_str()), (2, told));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_platform_alone_is_copied() {
    let (source, target) = (TestRegistry::start().await, TestRegistry::start().await);
    let image = two_platforms(1);
    source.put_image("team/app", "1", &image);
    let lab = Lab::new();
    let (from, to) = (format!("{}/team/app:1", host(&source)), format!("{}/a/b", host(&target)));
    let ran = run(&lab, &["copy", &from, &to, "--platform", "linux/arm64"]).await;
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    let there = target.manifest("a/b", "1").unwrap();
    let arm = image.children()[1].digest().to_string();
    let text = String::from_utf8_lossy(&there).into_owned();
    assert!(text.contains(&arm) && !text.contains(&image.children()[0].digest().to_string()), "{text}");
    // It is known by record the next time.
    let dry = run(&lab, &["copy", &from, &to, "--platform", "linux/arm64", "--dry-run"]).await;
    assert!(dry.stdout.contains("leave it: up to date"), "{}", dry.stdout);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_fails_is_told_and_the_rest_is_done() {
    let (source, good, bad) =
        (TestRegistry::start().await, TestRegistry::start().await, TestRegistry::start().await);
    let image = TestImage::random(1, 1, 1000);
    source.put_image("team/app", "1", &image);
    bad.require_basic("somebody", "canary");
    let lab = Lab::new();
    let from = format!("{}/team/app:1", host(&source));
    let (first, second) = (format!("{}/a/b", host(&bad)), format!("{}/a/b", host(&good)));
    let ran = run(&lab, &["copy", &from, &first, &second]).await;
    assert_eq!(ran.code, 1);
    assert!(ran.stderr.ends_with("error: 1 image could not be copied\n"), "{}", ran.stderr);
    assert!(
        ran.stdout.contains(&format!("\n{first}:1: ")) && ran.stdout.contains("\nhint: "),
        "{}",
        ran.stdout
    );
    assert!(ran.stdout.contains("\n1 copied, 1 failed; "), "{}", ran.stdout);
    // Once is enough, and who is not logged in is told how.
    assert!(!ran.stderr.contains("failed: "), "{}", ran.stderr);
    assert!(ran.stdout.contains(&format!("hint: log in: `entrepot login {}`", host(&bad))), "{}", ran.stdout);
    assert_eq!(client::pull(&good.url(), "a/b", "1").await.digest, *image.digest());

    source.delete_tag("team/app", "1");
    let ran = run(&lab, &["copy", &from, &second]).await;
    assert_eq!(ran.code, 1);
    assert!(ran.stdout.contains("1 failed; 0 B written"), "{}", ran.stdout);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_digest_is_read_and_the_tag_beside_it_is_written() {
    let (source, target) = (TestRegistry::start().await, TestRegistry::start().await);
    let (old, new) = (TestImage::random(1, 1, 1000), TestImage::random(2, 1, 1000));
    source.put_image("team/app", "1", &old);
    source.put_image("team/app", "1", &new);
    let lab = Lab::new();
    let (from, to) =
        (format!("{}/team/app:1@{}", host(&source), old.digest()), format!("{}/a/b", host(&target)));
    for there in [to.clone(), "oci:layout".to_owned(), format!("{to}:2@{}", old.digest())] {
        let ran = run(&lab, &["copy", &from, &there]).await;
        assert_eq!(ran.code, 0, "{}{}", ran.stdout, ran.stderr);
    }
    for tag in ["1", "2"] {
        assert_eq!(client::pull(&target.url(), "a/b", tag).await.digest, *old.digest());
    }
    let back = run(&lab, &["copy", "oci:layout:1", &format!("{to}:back")]).await;
    assert_eq!((back.code, client::pull(&target.url(), "a/b", "back").await.digest), (0, *old.digest()));
    let refused = run(&lab, &["copy", &from, &format!("{to}:wrong@{}", new.digest())]).await;
    assert_eq!(refused.code, 1);
    assert!(refused.stdout.contains("nothing was written"), "{}", refused.stdout);
    assert!(target.manifest("a/b", "wrong").is_none());
}

// What `docker save` writes, of images of one layer each.
fn saved(images: &[(&str, &str)]) -> Vec<u8> {
    let mut manifest = Vec::new();
    let mut files = Vec::new();
    for (name, layer) in images {
        let config = serde_json::json!({ "architecture": "amd64", "os": "linux", "x": layer });
        files.push((format!("{layer}.json"), config.to_string().into_bytes()));
        files.push((format!("{layer}/layer.tar"), tar::archive(&[("file", layer.as_bytes())])));
        let layers = [format!("{layer}/layer.tar")];
        manifest.push(
            serde_json::json!({ "Config": format!("{layer}.json"), "RepoTags": [name], "Layers": layers }),
        );
    }
    files.push(("manifest.json".to_owned(), serde_json::Value::from(manifest).to_string().into_bytes()));
    let files: Vec<(&str, &[u8])> = files.iter().map(|(name, bytes)| (name.as_str(), &bytes[..])).collect();
    tar::archive(&files)
}

#[tokio::test(flavor = "multi_thread")]
async fn of_several_images_with_one_tag_a_whole_name_says_which() {
    let target = TestRegistry::start().await;
    let lab = Lab::new();
    let saved = saved(&[("nginx:latest", "one"), ("redis:latest", "two"), ("redis:7", "two")]);
    std::fs::write(lab.path().join("saved.tar"), saved).unwrap();
    let to = format!("{}/a/b:1", host(&target));
    let ran = run(&lab, &["copy", "docker-archive:saved.tar:latest", &to]).await;
    let told = "several images in `docker-archive:saved.tar` have that tag: nginx:latest, redis:latest";
    assert!(ran.code == 1 && ran.stdout.contains(told), "{}", ran.stdout);
    for (source, code) in
        [("7", 0), ("redis:latest", 0), ("docker.io/library/nginx:latest", 0), ("nginx:9", 1)]
    {
        let ran = run(&lab, &["copy", &format!("docker-archive:saved.tar:{source}"), &to]).await;
        assert_eq!(ran.code, code, "{source}: {}{}", ran.stdout, ran.stderr);
        if code == 1 {
            assert!(
                ran.stderr.contains("hint: it has nginx:latest, redis:latest, redis:7"),
                "{}",
                ran.stderr
            );
        }
    }
    let ran = run(&lab, &["copy", "docker-archive:saved.tar", "oci:layout", "--all-tags"]).await;
    assert!(ran.stderr.contains("have the same tag: nginx:latest, redis:latest"), "{}", ran.stderr);
    let ran = run(&lab, &["copy", "docker-archive:saved.tar", &to]).await;
    assert!(ran.stderr.contains("as in `docker-archive:saved.tar:nginx:latest`"), "{}", ran.stderr);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_index_of_which_a_part_is_gone_is_shown_with_what_is_missing() {
    let source = TestRegistry::start().await;
    let image = two_platforms(1);
    source.put_image("team/app", "kept", &image.children()[0]);
    source.put_manifest("team/app", Some("1"), image.media_type(), image.bytes().clone());
    let lab = Lab::new();
    let name = format!("{}/team/app:1", host(&source));
    let ran = run(&lab, &["inspect", &name]).await;
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    let missing = ran.stdout.lines().find(|line| line.starts_with("linux/arm64")).unwrap();
    assert!(missing.ends_with("missing"), "{}", ran.stdout);
    let json = run(&lab, &["inspect", &name, "--output", "json"]).await;
    let json: serde_json::Value = serde_json::from_str(&json.stdout).unwrap();
    assert_eq!(
        (&json["platforms"][0]["missing"], &json["platforms"][1]["missing"]),
        (&serde_json::Value::Null, &true.into())
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn failures_are_json_too_and_tags_are_in_order() {
    let source = TestRegistry::start().await;
    for tag in ["v10", "v9", "latest"] {
        source.put_image("team/app", tag, &TestImage::random(1, 1, 100));
    }
    let lab = Lab::new();
    let name = format!("{}/team/app", host(&source));
    assert_eq!(run(&lab, &["tags", &name]).await.stdout, "latest\nv9\nv10\n");
    for command in ["digest", "inspect"] {
        let ran = run(&lab, &[command, &format!("{name}:gone"), "--output", "json"]).await;
        let json: serde_json::Value = serde_json::from_str(&ran.stdout).unwrap();
        assert_eq!(ran.code, 1);
        assert!(json["error"].as_str().unwrap().contains("is not there"), "{json}");
        assert!(json["hint"].is_string() && ran.stderr.starts_with("error: "), "{}", ran.stderr);
    }
    // A report that tells the failure is the one document.
    let ran = run(&lab, &["copy", &format!("{name}:gone"), "oci:x", "--output", "json"]).await;
    let json: serde_json::Value = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!((ran.code, &json["failed"]), (1, &1.into()));
}
