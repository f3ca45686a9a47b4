//! Documents and archives that are deep, long or wide beyond all reason, in front of the whole binary: it says what is wrong
//! with them, and neither its stack nor the memory of the machine ends.

#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on ends")]

mod support;
#[path = "support/tar.rs"]
mod tar;

use std::{fs, process::Command};

use serde_json::json;
use support::{Lab, Ran, ran};

/// The most memory that a command may have for its data, in KiB: what it takes for nothing, and 300 MiB.
const LIMIT: u32 = 1 << 20;

fn deep() -> String {
    "[".repeat(300_000) + &"]".repeat(300_000)
}

fn deep_object() -> String {
    "{\"a\":".repeat(300_000) + "1" + &"}".repeat(300_000)
}

/// Runs a command that has so much memory and no more: it ends by itself.
fn run(lab: &Lab, arguments: &[&str]) -> Ran {
    let own = lab.command(arguments);
    let mut command = Command::new("sh");
    command
        .args(["-c", &format!("ulimit -d {LIMIT}; exec \"$0\" \"$@\"")])
        .arg(own.get_program())
        .args(arguments);
    command.current_dir(lab.path()).env_clear().env("HOME", lab.path());
    let ran = ran(command);
    // Not killed, not aborted, not panicked.
    assert!(
        matches!(ran.code, 0..=2) && !ran.stderr.contains("panicked"),
        "{arguments:?}: {} {}",
        ran.code,
        ran.stderr
    );
    ran
}

/// A command that is to fail, with these words in what it says.
fn fails(lab: &Lab, arguments: &[&str], words: &str) {
    let ran = run(lab, arguments);
    assert!(ran.code != 0, "{arguments:?}: {}", ran.stdout);
    let said = ran.stdout + &ran.stderr;
    assert!(said.contains(words), "{arguments:?}: {}", &said[..said.len().min(500)]);
}

#[test]
fn the_memory_of_a_command_is_bounded_here() {
    let lab = Lab::new();
    assert_eq!(run(&lab, &["--version"]).code, 0);
    let mut command = Command::new("sh");
    command.args(["-c", "ulimit -d 262144; exec head -c 1000000000 /dev/zero | tail"]);
    assert_ne!(ran(command).code, 0, "the limit does nothing");
}

#[test]
fn archives_and_layouts_may_be_deep() {
    let lab = Lab::new();
    for (file, document) in [
        ("index.tar", ("index.json", deep_object())),
        ("saved.tar", ("manifest.json", deep())),
        ("bundle.tar", ("relay.json", deep_object())),
    ] {
        fs::write(lab.path().join(file), tar::archive(&[(document.0, document.1.as_bytes())])).unwrap();
    }
    fs::create_dir(lab.path().join("layout")).unwrap();
    lab.write("layout/index.json", &deep_object());
    fails(&lab, &["copy", "oci-archive:index.tar:x", "oci:out:x"], "is not the index of an image layout: ");
    fails(&lab, &["copy", "docker-archive:saved.tar:x", "oci:out:x"], "is not a docker-archive: ");
    fails(&lab, &["load", "bundle.tar"], "`relay.json` in it cannot be read: ");
    fails(&lab, &["copy", "oci:layout:x", "oci:out:x"], "is not the index of an image layout: ");
}

#[test]
fn archives_may_name_what_they_have_a_million_times() {
    let lab = Lab::new();
    let archive = |count: usize| {
        let image = |number| json!({ "Config": "c", "RepoTags": [format!("a/b:{number}")], "Layers": vec!["l"; 1000] });
        let manifest = serde_json::to_vec(&(0..count).map(image).collect::<Vec<_>>()).unwrap();
        let files = [("manifest.json", manifest.as_slice()), ("c", b"{}"), ("l", b"x")];
        fs::write(lab.path().join("a.tar"), tar::archive(&files)).unwrap();
    };
    let copy = ["copy", "docker-archive:a.tar:1", "oci:out:x"];
    archive(1100);
    fails(&lab, &copy, "has a `manifest.json` of more than 4194304 bytes");
    archive(1000);
    fails(&lab, &copy, "is not a docker-archive: it has too many images or layers");
    archive(100);
    assert_eq!(run(&lab, &copy).code, 0);
}

#[test]
fn an_index_may_be_full_of_nothing() {
    let lab = Lab::new();
    // Four million brackets and commas that each become a value.
    let nothing = format!("{{\"schemaVersion\":2,\"manifests\":[],\"x\":[{}[]]}}", "[],".repeat(1_390_000));
    fs::create_dir(lab.path().join("layout")).unwrap();
    lab.write("layout/index.json", &nothing);
    fails(&lab, &["copy", "oci:layout:x", "oci:out:x"], "");
}

#[test]
fn documents_of_other_tools_may_be_deep() {
    let lab = Lab::new();
    lab.write("image-sync.json", &deep_object());
    lab.write("images.json", &deep());
    lab.write("skopeo.yaml", &format!("docker.io:\n  images: {}", "[".repeat(5000)));
    lab.write("list.txt", &"a".repeat(3_000_000));
    for file in ["image-sync.json", "images.json", "skopeo.yaml", "list.txt"] {
        fails(&lab, &["sync", "import", file], "error: ");
    }
}

#[test]
fn logins_may_be_deep() {
    let lab = Lab::new();
    fs::create_dir(lab.path().join(".docker")).unwrap();
    lab.write(".docker/config.json", &deep_object());
    fails(&lab, &["digest", "127.0.0.1:1/a/b:t"], "are not used: this is not such a file");
}

#[test]
fn patterns_may_be_deep() {
    let lab = Lab::new();
    let deep = "{a,".repeat(20_000) + "b" + &"}".repeat(20_000);
    let migration = format!(
        "migrate:\n  from: docker.io/a\n  to: ghcr.io/b\n  repositories: [x]\n  documents: [\"{deep}\"]\n"
    );
    lab.write("migrate.yaml", &migration);
    fails(
        &lab,
        &["migrate", "rewrite", "migrate.yaml"],
        "a pattern of `documents` is too long or nested too deeply",
    );
    for tags in ["include", "exclude", "immutable"] {
        let rules = format!(
            "sync:\n  - {{name: a, from: docker.io/a/b, to: [x.test/y], tags: {{{tags}: \"{deep}\"}}}}\n"
        );
        lab.write("rules.yaml", &rules);
        fails(&lab, &["sync", "rules.yaml", "--dry-run"], "");
    }
    lab.write("ignore", &format!("a\n{deep}\n"));
    lab.write("compose.yaml", &format!("services: {{a: {{image: 'q.io/{}:1'}}}}\n", "a".repeat(200)));
    let stars: Vec<String> = (0..50).map(|number| "*".repeat(2000) + &"a".repeat(number)).collect();
    lab.write("stars", &stars.join("\n"));
    lab.write("letters", &("*a".repeat(200) + "b\n"));
    let relay = ["relay", "compose.yaml", "--to", "r.test/x", "--dry-run", "--ignore"];
    fails(
        &lab,
        &[&relay[..], &["ignore"]].concat(),
        "ignore: line 2: `…` is not a pattern: it is too long or nested too deeply",
    );
    fails(&lab, &[&relay[..], &["stars"]].concat(), "is not a pattern");
    assert_eq!(run(&lab, &[&relay[..], &["letters"]].concat()).code, 0);
}
