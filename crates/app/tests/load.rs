//! `entrepot relay --bundle` and `entrepot load`: a stack to a machine without a network.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on ends")]

#[path = "support/stage.rs"]
mod stage;
mod support;
#[path = "support/tar.rs"]
mod tar;

use std::{collections::BTreeSet, fs, os::unix::fs::PermissionsExt as _, path::PathBuf, process::Command};

use entrepot_testkit::{TestImage, TestRegistry};
use hyper::Method;
use serde_json::{Value, json};
use stage::Stage;
use support::Lab;
use tar::archive;

const COMPOSE: &str = "\
services:
  web: {image: \"nginx:1.27\"} # the door
  db: {image: \"${DB_IMAGE:-postgres:15}\"}
  api: {image: \"ghcr.io/team/api:${TAG}\"}
  own: {build: .}
";
const ENV: &str = "DB_IMAGE=mysql:8\nPASSWORD=canary\n";

/// A stack of three images, two of which share a layer.
async fn packed() -> (Stage, [TestImage; 3], PathBuf) {
    let stage = Stage::new().await;
    let shared = vec![7_u8; 5_000];
    let images = [1_u8, 2].map(|own| TestImage::layers([shared.clone().into(), vec![own; 3_000].into()]));
    let several = TestImage::index(
        ["linux/amd64", "linux/arm64"]
            .into_iter()
            .zip(5..)
            .map(|(text, seed)| TestImage::random(seed, 1, 2_000).with_platform(text)),
    );
    let [nginx, mysql] = images;
    stage.origin.put_image("library/nginx", "1.27", &nginx);
    stage.origin.put_image("library/mysql", "8", &mysql);
    stage.origin.put_image("team/api", "3", &several);
    let file = stage.lab.write("docker-compose.yaml", COMPOSE);
    fs::set_permissions(file, fs::Permissions::from_mode(0o644)).unwrap();
    let env = stage.lab.write(".env", ENV);
    fs::set_permissions(env, fs::Permissions::from_mode(0o600)).unwrap();
    let arguments = ["relay", "--to", "old.test/ns", "--bundle", "stack.tar"];
    let ran = stage.run_with(&arguments, &[("TAG", "3")]).await;
    assert_eq!(ran.code, 0, "{}{}", ran.stdout, ran.stderr);
    assert!(ran.stdout.contains("\nstack.tar: 3 images and "), "{}", ran.stdout);
    let steps = "\nwhat is left to do:\n  scp -- ./stack.tar SERVER:DIR/\n  entrepot load ./stack.tar --to old.test/ns\n";
    assert!(ran.stdout.ends_with(steps), "{}", ran.stdout);
    assert!(!ran.stdout.contains("canary") && !ran.stderr.contains("canary"));
    let path = stage.lab.path().join("stack.tar");
    (stage, [nginx, mysql, several], path)
}

/// Names and contents of a tar's files, as another program reads them.
fn listed(path: &PathBuf) -> Vec<(String, Vec<u8>)> {
    let run = |arguments: &[&str]| {
        let output = Command::new("tar").args(arguments).arg("-f").arg(path).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        output.stdout
    };
    let names = String::from_utf8(run(&["-t"])).unwrap();
    let content = |name: &str| {
        let output = Command::new("tar").arg("-xOf").arg(path).arg(name).output().unwrap();
        assert!(output.status.success());
        output.stdout
    };
    names.lines().map(|name| (name.to_owned(), content(name))).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bundle_is_a_layout_with_whole_names_and_the_files() {
    let (stage, images, path) = packed().await;
    let files = listed(&path);
    let get = |name: &str| {
        files.iter().find(|(known, _)| known == name).map(|(_, bytes)| bytes.as_slice()).unwrap()
    };
    let blobs: Vec<&str> = files.iter().filter_map(|(name, _)| name.strip_prefix("blobs/sha256/")).collect();
    let distinct: BTreeSet<&str> = blobs.iter().copied().collect();
    assert_eq!(blobs.len(), distinct.len(), "each blob is in it once");
    let index: Value = serde_json::from_slice(get("index.json")).unwrap();
    let entries = index["manifests"].as_array().unwrap();
    let names: Vec<(&str, String)> = entries
        .iter()
        .map(|entry| {
            let name = entry["annotations"]["org.opencontainers.image.ref.name"].as_str().unwrap();
            assert_eq!(entry["annotations"]["io.containerd.image.name"], name);
            (name, entry["digest"].as_str().unwrap().to_owned())
        })
        .collect();
    let mut expected = [
        ("docker.io/library/nginx:1.27", images[0].digest().to_string()),
        ("docker.io/library/mysql:8", images[1].digest().to_string()),
        ("ghcr.io/team/api:3", images[2].digest().to_string()),
    ];
    let mut names = names;
    names.sort();
    expected.sort();
    assert_eq!(names, expected);
    let mirror = String::from_utf8(get("docker-compose-mirror.yaml").to_vec()).unwrap();
    assert!(
        mirror.contains("old.test/ns/nginx:1.27") && mirror.contains("old.test/ns/team-api:${TAG}"),
        "{mirror}"
    );
    assert_eq!(get(".env-mirror"), ENV.replace("mysql", "old.test/ns/mysql").as_bytes());
    // As open as the least open of its files.
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(stage.files(), [".env", "docker-compose.yaml", "entrepot.yaml", "stack.tar"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bundle_goes_to_whatever_registry_is_there() {
    let (stage, [nginx, mysql, api], path) = packed().await;
    let there = stage.lab.path().join("there");
    fs::create_dir(&there).unwrap();
    let bundle = path.to_str().unwrap();
    let plan = stage.run_in(&there, &["load", bundle, "--to", "private.test/new", "--dry-run"]).await;
    assert_eq!(plan.code, 0, "{}", plan.stderr);
    assert!(plan.stdout.ends_with("\n3 images to private.test/new, 1 built here\n"), "{}", plan.stdout);
    stage.origin.clear_log();
    let ran = stage.run_in(&there, &["load", bundle, "--to", "private.test/new"]).await;
    assert_eq!(ran.code, 0, "{}{}", ran.stdout, ran.stderr);
    assert_eq!(stage.origin.log().len(), 0);
    for (name, tag, image) in
        [("new/nginx", "1.27", &nginx), ("new/mysql", "8", &mysql), ("new/team-api", "3", &api)]
    {
        assert!(stage.is_there(name, tag, image), "{name}");
    }
    let read = |name: &str| fs::read_to_string(there.join("stack").join(name)).unwrap();
    let expected = COMPOSE
        .replace("nginx", "private.test/new/nginx")
        .replace("ghcr.io/team/api", "private.test/new/team-api");
    assert_eq!(read("docker-compose-mirror.yaml"), expected);
    assert_eq!(read(".env-mirror"), ENV.replace("mysql", "private.test/new/mysql"));
    let mode =
        |name: &str| fs::metadata(there.join("stack").join(name)).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode("docker-compose-mirror.yaml"), mode(".env-mirror")), (0o644, 0o600));
    assert!(ran.stdout.contains("3 of 3 have the digest of their source\n"), "{}", ran.stdout);
    assert!(!ran.stdout.contains("canary") && !ran.stderr.contains("canary"));

    for told in [
        "\nstack/docker-compose-mirror.yaml: 2 images renamed\n",
        "  scp -- ./stack/docker-compose-mirror.yaml ./stack/.env-mirror SERVER:DIR/\n",
        "  docker compose --env-file ./.env-mirror -f ./docker-compose-mirror.yaml up -d\n",
    ] {
        assert!(ran.stdout.contains(told), "{told}: {}", ran.stdout);
    }

    // A second time there is nothing to send, and the directory is there.
    let arguments = ["load", bundle, "--to", "private.test/new", "--output", "json"];
    let again = stage.run_in(&there, &arguments).await;
    let told = "error: there are files in stack\nhint: `--out DIR` names a new directory; `--overwrite` writes into this one, in \
                the place of files of the same names\n";
    assert_eq!((again.code, again.stderr.as_str()), (2, told));
    let failed: Value = serde_json::from_str(&again.stdout).unwrap();
    assert_eq!(failed["error"], "there are files in stack");
    stage.private.clear_log();
    let again = stage.run_in(&there, &[&arguments[..], &["--overwrite"]].concat()).await;
    let report: Value = serde_json::from_str(&again.stdout).unwrap();
    assert_eq!((&report["up_to_date"], &report["copied"]), (&3.into(), &0.into()), "{report}");
    assert_eq!(stage.private.log().count(Method::PUT, "") + stage.private.log().count(Method::POST, ""), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_damaged_is_not_passed_on() {
    let (stage, [nginx, ..], path) = packed().await;
    let mut bytes = fs::read(&path).unwrap();
    let (_, layer) = nginx.blobs().iter().find(|(_, bytes)| bytes.len() == 3_000).unwrap();
    let at = bytes.windows(layer.len()).position(|window| window == &layer[..]).unwrap();
    bytes[at] ^= 1;
    fs::write(&path, bytes).unwrap();
    let before = stage.files();
    let ran = stage.run(&["load", "stack.tar", "--to", "private.test/new"]).await;
    assert_eq!(ran.code, 1);
    assert!(ran.stdout.contains("private.test/new/nginx:1.27: "), "{}", ran.stdout);
    assert!(ran.stdout.ends_with("no file was written: it would name what is not there\n"), "{}", ran.stdout);
    assert!(stage.private.manifest("new/nginx", "1.27").is_none());
    assert!(stage.private.manifest("new/mysql", "8").is_some(), "the others are there");
    assert_eq!(stage.files(), before);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_image_that_cannot_be_had_makes_no_bundle() {
    let stage = Stage::new().await;
    stage.lab.write("compose.yaml", COMPOSE);
    stage.lab.write("stack.tar", "what was there");
    let ran =
        stage.run_with(&["relay", "--to", "old.test/ns", "--bundle", "stack.tar"], &[("TAG", "3")]).await;
    assert_eq!(ran.code, 1, "{}", ran.stdout);
    assert_eq!(stage.files(), ["compose.yaml", "entrepot.yaml", "stack.tar"]);
    assert_eq!(stage.read("stack.tar").unwrap(), "what was there");
}

#[tokio::test(flavor = "multi_thread")]
async fn archives_of_others_are_loaded_by_their_names() {
    let private = TestRegistry::start().await;
    let lab = Lab::with(&format!("registries:\n  private.test: {{endpoints: [\"{}\"]}}\n", private.url()));
    let docker = docker_archive(&[("nginx:latest", "one"), ("ghcr.io/team/redis:latest", "two")]);
    fs::write(lab.path().join("saved.tar"), docker).unwrap();
    let mut command = lab.command(&["load", "saved.tar", "--to", "private.test/ns"]);
    command.env("HOME", lab.path());
    let ran = tokio::task::block_in_place(|| support::ran(command));
    assert_eq!(ran.code, 0, "{}{}", ran.stdout, ran.stderr);
    for name in ["ns/nginx", "ns/team-redis"] {
        assert!(private.manifest(name, "latest").is_some(), "{name}");
    }
    assert_ne!(private.manifest("ns/nginx", "latest"), private.manifest("ns/team-redis", "latest"));
    let mut files: Vec<_> =
        fs::read_dir(lab.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    files.retain(|name| name != ".cache");
    assert_eq!(files.len(), 2, "no file of a stack is written");
}

#[test]
fn what_cannot_be_loaded_is_told() {
    let lab = Lab::new();
    fs::write(lab.path().join("plain.tar"), archive(&[("hello", b"world")])).unwrap();
    fs::write(lab.path().join("x.tgz"), [0x1f, 0x8b, 8, 0]).unwrap();
    fs::write(lab.path().join("text"), "hello").unwrap();
    fs::write(lab.path().join("saved.tar"), docker_archive(&[("nginx:latest", "one")])).unwrap();
    let newer = archive(&[("relay.json", br#"{"version":2,"to":"","naming":"","map":[],"ignore":"","sources":[],"variables":[],"environment":{}}"#)]);
    fs::write(lab.path().join("newer.tar"), newer).unwrap();
    let nameless = r#"{"schemaVersion":2,"manifests":[{"mediaType":"application/vnd.oci.image.manifest.v1+json","size":1,"digest":"sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855","annotations":{"org.opencontainers.image.ref.name":"1.27"}}]}"#;
    fs::write(lab.path().join("nameless.tar"), archive(&[("index.json", nameless.as_bytes())])).unwrap();
    for (file, code, told) in [
        (
            "plain.tar",
            1,
            "error: plain.tar holds no images\nhint: `entrepot relay --bundle` makes what can be loaded; archives of `docker \
             save` and `podman save` can be, too\n",
        ),
        (
            "x.tgz",
            1,
            "error: `x.tgz` is compressed with gzip and cannot be unpacked: unexpected end of file\n",
        ),
        ("none.tar", 2, "error: cannot read none.tar: No such file or directory (os error 2)\n"),
        (
            "newer.tar",
            1,
            "error: newer.tar is a bundle of version 2\nhint: this program reads version 1: use the one that made it\n",
        ),
        (
            "nameless.tar",
            1,
            "error: 1 of 1 images in nameless.tar have no whole name\nhint: copy them one by one: `entrepot copy \
             oci-archive:nameless.tar:TAG private.test/ns/NAME`\n",
        ),
    ] {
        let ran = lab.run(&["load", file, "--to", "private.test/ns"]);
        assert_eq!((ran.code, ran.stderr.as_str(), ran.stdout.as_str()), (code, told, ""), "{file}");
    }
    let ran = lab.run(&["load", "text", "--to", "private.test/ns"]);
    assert_eq!(ran.code, 1);
    assert!(ran.stderr.contains("`text` is not a tar archive: "), "{}", ran.stderr);
    let ran = lab.run(&["load", "saved.tar"]);
    let told =
        "error: saved.tar does not say where its images are to go\nhint: say it: `--to HOST/NAMESPACE`\n";
    assert_eq!((ran.code, ran.stderr.as_str()), (2, told));
}

/// What `docker save` writes, of images with one layer each.
fn docker_archive(images: &[(&str, &str)]) -> Vec<u8> {
    let mut files: Vec<(String, Vec<u8>)> = Vec::new();
    let mut manifest = Vec::new();
    for (name, layer) in images {
        let config = json!({ "architecture": "amd64", "os": "linux", "rootfs": { "type": "layers", "diff_ids": [] }, "x": layer });
        files.push((format!("{layer}.json"), config.to_string().into_bytes()));
        files.push((format!("{layer}/layer.tar"), archive(&[("file", layer.as_bytes())])));
        manifest.push(json!({ "Config": format!("{layer}.json"), "RepoTags": [name], "Layers": [format!("{layer}/layer.tar")] }));
    }
    files.push(("manifest.json".to_owned(), Value::from(manifest).to_string().into_bytes()));
    let files: Vec<(&str, &[u8])> =
        files.iter().map(|(name, bytes)| (name.as_str(), bytes.as_slice())).collect();
    archive(&files)
}
