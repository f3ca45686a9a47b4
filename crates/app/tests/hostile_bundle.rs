//! `entrepot load` and bundles that strangers made: nothing is written where it could do harm, and nothing runs.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on ends")]

#[path = "support/stage.rs"]
mod stage;
mod support;
#[path = "support/tar.rs"]
mod tar;

use std::{
    fs,
    os::unix::fs::{PermissionsExt as _, symlink},
    path::Path,
    process::Command,
};

use entrepot_testkit::TestImage;
use serde_json::{Value, json};
use stage::Stage;

const COMPOSE: &str = "services:\n  a:\n    image: nginx:1\n";

/// A bundle of one image, with these files: name, text and mode; those of variables belong to the first of the others.
fn bundle(sources: &[(&str, &str, u32)], variables: &[(&str, &str, u32)]) -> Vec<u8> {
    let image = TestImage::random(1, 1, 100);
    let mut files: Vec<(String, Vec<u8>)> = Vec::new();
    let mut pack = |(name, text, mode): &(&str, &str, u32), used: Vec<usize>| {
        let file = format!("relay/{}", files.len());
        files.push((file.clone(), text.as_bytes().to_vec()));
        json!({ "name": name, "file": file, "mode": mode, "kind": "compose", "variables": used })
    };
    let used = |number: usize| if number == 0 { (0..variables.len()).collect() } else { Vec::new() };
    let sources: Vec<Value> =
        sources.iter().enumerate().map(|(number, source)| pack(source, used(number))).collect();
    let variables: Vec<Value> = variables.iter().map(|file| pack(file, Vec::new())).collect();
    let manifest = json!({
        "version": 1, "to": "private.test/x", "naming": "flatten", "map": [], "ignore": "",
        "sources": sources, "variables": variables, "environment": {},
    });
    let index = json!({
        "schemaVersion": 2,
        "manifests": [{
            "mediaType": "application/vnd.oci.image.manifest.v1+json",
            "digest": image.digest().to_string(),
            "size": image.bytes().len(),
            "annotations": { "org.opencontainers.image.ref.name": "docker.io/library/nginx:1" },
        }],
    });
    files.push(("relay.json".to_owned(), manifest.to_string().into_bytes()));
    files.push(("oci-layout".to_owned(), br#"{"imageLayoutVersion":"1.0.0"}"#.to_vec()));
    files.push(("index.json".to_owned(), index.to_string().into_bytes()));
    files.push((format!("blobs/sha256/{}", image.digest().hex()), image.bytes().to_vec()));
    files.extend(
        image
            .blobs()
            .iter()
            .map(|(digest, bytes)| (format!("blobs/sha256/{}", digest.hex()), bytes.to_vec())),
    );
    let files: Vec<(&str, &[u8])> =
        files.iter().map(|(name, bytes)| (name.as_str(), bytes.as_slice())).collect();
    tar::archive(&files)
}

/// All files below a directory, links included, with what may be done with them.
fn below(directory: &Path) -> Vec<(String, u32)> {
    let mut found = Vec::new();
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        let metadata = fs::symlink_metadata(&path).unwrap();
        if metadata.is_dir() {
            found.extend(below(&path));
        } else {
            found.push((path.to_string_lossy().into_owned(), metadata.permissions().mode() & 0o7777));
        }
    }
    found.sort();
    found
}

fn there(stage: &Stage, name: &str) -> std::path::PathBuf {
    let there = stage.lab.path().join(name);
    fs::create_dir(&there).unwrap();
    there
}

// A02
#[tokio::test(flavor = "multi_thread")]
async fn a_bundle_with_names_that_do_harm_is_refused_whole() {
    let stage = Stage::new().await;
    let there = there(&stage, "work");
    fs::create_dir_all(there.join(".git/hooks")).unwrap();
    for (name, why) in [
        (".git/hooks/pre-commit", "is that of a hidden file"),
        (".ssh/authorized_keys", "is that of a hidden file"),
        (".bash_aliases", "is that of a hidden file"),
        (".envrc", "is that of a hidden file"),
        ("/etc/cron.d/x", "leads out of the directory"),
        ("../../esc", "leads out of the directory"),
        ("-oProxyCommand=touch PWNED", "has a part that begins with `-`"),
        ("a\nb\u{1b}]0;PWNED\u{7}", "has characters that cannot be seen, or spaces at an end"),
        ("C:\\x", "has `\\` or `:` in it"),
    ] {
        let evil = bundle(&[("compose.yaml", COMPOSE, 0o644)], &[(name, "#!/bin/sh\ntouch PWNED\n", 0o4777)]);
        fs::write(stage.lab.path().join("b.tar"), evil).unwrap();
        let ran = stage.run_in(&there, &["load", "../b.tar", "--overwrite", "--out", "."]).await;
        let told = format!(
            "error: ../b.tar is refused: the name {name:?} {why}\nhint: nothing was copied or written; if you know who made it, \
             have it made again from files with plain names\n"
        );
        assert_eq!((ran.code, ran.stderr.as_str(), ran.stdout.as_str()), (1, told.as_str(), ""));
    }
    assert_eq!(below(&there), []);
    assert_eq!(stage.private.log().len(), 0, "nothing was copied");
}

// A02
#[tokio::test(flavor = "multi_thread")]
async fn the_files_of_a_bundle_are_in_a_directory_of_their_own_and_cannot_be_run() {
    let stage = Stage::new().await;
    let there = there(&stage, "work");
    fs::write(there.join("Makefile"), "mine").unwrap();
    let sources = [
        ("compose.yaml", COMPOSE, 0o4777),
        ("Makefile", COMPOSE, 0o755),
        ("own/private.yaml", COMPOSE, 0o700),
    ];
    let variables = [("secrets/.env", "A=b\n", 0o777)];
    fs::write(stage.lab.path().join("b.tar"), bundle(&sources, &variables)).unwrap();
    let ran = stage.run_in(&there, &["load", "../b.tar"]).await;
    assert_eq!(ran.code, 0, "{}{}", ran.stdout, ran.stderr);
    let at = |name: &str| there.join(name).to_string_lossy().into_owned();
    let mine = fs::symlink_metadata(there.join("Makefile")).unwrap().permissions().mode() & 0o7777;
    assert_eq!(
        below(&there),
        [
            (at("Makefile"), mine),
            (at("b/Makefile-mirror"), 0o644),
            (at("b/compose-mirror.yaml"), 0o644),
            (at("b/own/private-mirror.yaml"), 0o600),
            (at("b/secrets/.env"), 0o600),
        ]
    );
}

// A02
#[tokio::test(flavor = "multi_thread")]
async fn links_in_the_directory_of_a_bundle_are_not_followed() {
    let stage = Stage::new().await;
    let (there, outside) = (there(&stage, "work"), there(&stage, "outside"));
    fs::write(outside.join("victim"), "mine").unwrap();
    symlink("../outside", there.join("link")).unwrap();
    symlink("../outside/victim", there.join("compose-mirror.yaml")).unwrap();
    symlink("../outside/new", there.join(".env")).unwrap();
    let load = async |sources: &[(&str, &str, u32)], variables: &[(&str, &str, u32)]| {
        fs::write(stage.lab.path().join("b.tar"), bundle(sources, variables)).unwrap();
        stage.run_in(&there, &["load", "../b.tar", "--out", ".", "--overwrite"]).await
    };
    for (sources, variables) in [
        ([("link/compose.yaml", COMPOSE, 0o644)], [(".env.a", "A=b\n", 0o600)]),
        ([("other.yaml", COMPOSE, 0o644)], [("link/new.env", "A=b\n", 0o600)]),
    ] {
        let ran = load(&sources, &variables).await;
        let told = ": `link` is a link, and links are not followed here\n";
        assert!(ran.code == 1 && ran.stderr.ends_with(told), "{}", ran.stderr);
    }
    // A link of the name of a file gives way, or stays where the file would; nothing is written behind it.
    let ran = load(&[("compose.yaml", COMPOSE, 0o644)], &[(".env", "A=b\n", 0o600)]).await;
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    assert!(ran.stdout.contains("./.env: was there, and stays as it is\n"), "{}", ran.stdout);
    assert!(fs::symlink_metadata(there.join("compose-mirror.yaml")).unwrap().is_file());
    assert_eq!(fs::read_to_string(outside.join("victim")).unwrap(), "mine");
    assert_eq!(below(&outside).len(), 1);
}

// A02
#[tokio::test(flavor = "multi_thread")]
async fn commands_that_are_told_are_commands_whatever_files_are_called() {
    let stage = Stage::new().await;
    let there = there(&stage, "work");
    let names = ["it's $(touch PWNED) `touch PWNED`; touch PWNED.yaml", "~root&touch PWNED.yaml"];
    let sources = names.map(|name| (name, COMPOSE, 0o644));
    let service = "services:\n  \"own\\ntouch PWNED #\": {build: .}\n  a: {image: nginx:1}\n";
    let sources = [sources[0], sources[1], ("build.yaml", service, 0o644)];
    fs::write(stage.lab.path().join("b.tar"), bundle(&sources, &[])).unwrap();
    let ran = stage.run_in(&there, &["load", "../b.tar"]).await;
    assert_eq!(ran.code, 0, "{}{}", ran.stdout, ran.stderr);
    let (_, steps) = ran.stdout.split_once("what is left to do:\n").unwrap();
    let stubs =
        "docker() { :; }\nkubectl() { :; }\nscp() { [ \"$1\" = -- ] && ls -- \"$2\" \"$3\" \"$4\"; }\n";
    let output =
        Command::new("sh").args(["-euc", &format!("{stubs}{steps}")]).current_dir(&there).output().unwrap();
    assert!(output.status.success(), "{}{steps}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(below(&there).len(), 3, "{:?}", below(&there));
    assert_eq!(below(&there).iter().filter(|(name, _)| name.ends_with("PWNED")).count(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bundle_that_is_made_takes_nothing_with_it_that_was_planted() {
    let stage = Stage::new().await;
    stage.put("library/nginx", "1", 1);
    stage.lab.write("compose.yaml", COMPOSE);
    let victim = stage.lab.write("victim", "mine");
    for planted in ["stack.tar", "stack.tar.part"] {
        symlink("victim", stage.lab.path().join(planted)).unwrap();
    }
    let ran = stage.run(&["relay", "--to", "private.test/x", "--bundle", "stack.tar"]).await;
    assert_eq!(ran.code, 0, "{}{}", ran.stdout, ran.stderr);
    assert_eq!(fs::read_to_string(victim).unwrap(), "mine");
    assert!(fs::symlink_metadata(stage.lab.path().join("stack.tar")).unwrap().is_file());
    // What cannot be loaded is not packed.
    stage.lab.write(".gitlab-ci.yml", "a:\n  image: nginx:1\n");
    let arguments = ["relay", ".gitlab-ci.yml", "--to", "private.test/x", "--bundle", "other.tar"];
    let ran = stage.run(&arguments).await;
    let told = "error: this stack cannot be in a bundle: the name \".gitlab-ci.yml\" is that of a hidden file\nhint: give the file \
                another name: `load` writes plain names below one directory, and hidden ones of variables alone\n";
    assert_eq!((ran.code, ran.stderr.as_str()), (1, told));
    assert!(!stage.files().contains(&"other.tar".to_owned()));
}
