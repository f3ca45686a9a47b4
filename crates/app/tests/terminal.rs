//! Text of strangers on a terminal: nothing that comes out is obeyed or hidden, but what is our own.
//!
//! The binary runs on a pty, since some libraries and we ourselves write other things where nobody reads.

#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on ends")]

mod support;
#[path = "support/tar.rs"]
mod tar;

use std::{fs, io::Write as _, net::TcpStream, path::Path};

use entrepot_oci::{Digest, MediaType, is_hidden};
use entrepot_testkit::{Action, Fault, Match, TestRegistry};
use serde_json::json;
use support::{
    Lab,
    pty::{Pty, without_our_own},
};

/// A title, a colour that we do not have, a C1 control, turned and hidden text, and another line in two ways.
const EVIL: &str =
    "PWNED\u{1b}]0;PWNED\u{7}\u{1b}[35;45m\u{9b}31m\u{7f}\u{202e}\u{2066}\u{200b}\rFORGED\nFORGED";
/// The same in YAML, within double quotes.
const YAML: &str = r"PWNED\e]0;PWNED\a\e[35;45m\x9b31m\x7f\u202e\u2066\u200b\rFORGED\nFORGED";

/// What is said of a command's output, whatever the command is.
fn check(case: &str, shown: &str) {
    let text = without_our_own(shown);
    let hidden: Vec<char> = text.chars().filter(|c| is_hidden(*c) && !matches!(c, '\n' | '\t')).collect();
    assert!(hidden.is_empty(), "{case}: {hidden:?} in {shown:?}");
    assert!(!shown.contains("\rFORGED"), "{case}: a line was written over: {shown:?}");
}

/// And where its lines are ours.
fn check_lines(case: &str, shown: &str) {
    check(case, shown);
    assert!(!shown.contains("\nFORGED"), "{case}: a line was made: {shown:?}");
    assert!(shown.contains("PWNED"), "{case}: nothing of it was shown: {shown:?}");
}

async fn shown(lab: &Lab, arguments: &[&str]) -> String {
    let mut command = lab.command(arguments);
    command.env("HOME", lab.path());
    tokio::task::spawn_blocking(|| Pty::run(command).shown()).await.unwrap()
}

fn manifest(json: &serde_json::Value) -> Vec<u8> {
    json.to_string().into_bytes()
}

/// A registry that says what a terminal should not hear.
async fn hostile() -> TestRegistry {
    let registry = TestRegistry::start().await;
    let put = |tag: &str, bytes: Vec<u8>| {
        registry.put_manifest("a/b", Some(tag), &MediaType::OCI_MANIFEST, bytes);
    };
    let key = json!(EVIL).to_string();
    put("dup", format!("{{\"schemaVersion\":2,{key}:1,{key}:2,\"config\":{{}},\"layers\":[]}}").into());
    let empty = registry.put_blob("a/b", "{}");
    let config = json!({
        "architecture": EVIL, "os": EVIL, "created": EVIL, "config": {"Labels": {EVIL: EVIL}},
        "rootfs": {"type": "layers", "diff_ids": []},
    });
    let config = config.to_string();
    let (size, digest) = (config.len(), registry.put_blob("a/b", config));
    let json_type = "application/vnd.oci.image.config.v1+json";
    put(
        "type",
        manifest(&json!({"schemaVersion": 2, "mediaType": EVIL,
        "config": {"mediaType": "a/b", "digest": empty.to_string(), "size": 2}, "layers": []})),
    );
    put(
        "digest",
        manifest(&json!({"schemaVersion": 2,
        "config": {"mediaType": "a/b", "digest": EVIL, "size": 2}, "layers": []})),
    );
    put(
        "notes",
        manifest(&json!({"schemaVersion": 2, "artifactType": EVIL, "annotations": {EVIL: EVIL},
        "config": {"mediaType": json_type, "digest": digest.to_string(), "size": size},
        "layers": [{"mediaType": EVIL, "digest": empty.to_string(), "size": 2}]})),
    );
    let errors = json!({"errors": [{"code": EVIL, "message": EVIL}]}).to_string();
    let says = |on: Match, status, body: String| {
        let typed = [("Content-Type", "application/json")];
        registry.fault(Fault::on(on).always().then(Action::status_with(status, &typed, body)));
    };
    says(Match::manifests().tag("refused"), 403, errors.clone());
    says(Match::manifests().tag("plain"), 403, EVIL.to_owned());
    says(Match::tags(), 200, json!({"name": "a/b", "tags": ["ok", EVIL]}).to_string());
    let referrer = json!({"mediaType": "a/b", "artifactType": EVIL, "digest": empty.to_string(), "size": 2});
    says(
        Match::referrers(),
        200,
        json!({"schemaVersion": 2, "manifests": [referrer],
        "mediaType": "application/vnd.oci.image.index.v1+json"})
        .to_string(),
    );
    registry
}

#[tokio::test(flavor = "multi_thread")]
async fn what_registries_say_is_text() {
    let registry = hostile().await;
    let (lab, name) = (Lab::new(), format!("{}/a/b", registry.host()));
    for tag in ["dup", "type", "digest", "notes", "refused", "plain"] {
        let image = format!("{name}:{tag}");
        for arguments in [
            vec!["inspect", &image],
            vec!["inspect", &image, "--raw"],
            vec!["inspect", &image, "--output", "json"],
            vec!["digest", &image],
            vec!["copy", &image, "oci:layout:x"],
            vec!["copy", &image, "oci:layout:x", "--output", "json"],
        ] {
            let seen = shown(&lab, &arguments).await;
            check(&arguments.join(" "), &seen);
            assert!(arguments.contains(&"--raw") || !seen.contains("\nFORGED"), "{arguments:?}: {seen:?}");
        }
    }
    check_lines("inspect notes", &shown(&lab, &["inspect", &format!("{name}:notes")]).await);
    check_lines("inspect dup", &shown(&lab, &["inspect", &format!("{name}:dup")]).await);
    check("tags", &shown(&lab, &["tags", &name]).await);
    check_lines("login", &shown(&lab, &["login", &format!("{name}/{EVIL}")]).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_run_says_is_text() {
    let (registry, lab) = (hostile().await, Lab::new());
    registry.clear_faults();
    let errors = json!({"errors": [{"code": EVIL, "message": EVIL}]}).to_string();
    registry.fault(Fault::on(Match::manifests().tag("notes")).always().then(Action::status_with(
        403,
        &[],
        errors,
    )));
    lab.write(
        "rules.yaml",
        &format!(
            "sync:\n  - {{name: q, from: '{}/a/b', tags: [dup, digest, type, notes], to: ['{}/c/d']}}\n",
            registry.host(),
            registry.host()
        ),
    );
    for arguments in [
        vec!["sync", "rules.yaml", "--dry-run"],
        vec!["sync", "rules.yaml", "--log", "sync.log"],
        vec!["-q", "sync", "rules.yaml"],
        vec!["-v", "sync", "rules.yaml"],
        vec!["sync", "rules.yaml", "--output", "json"],
        vec!["check", "rules.yaml"],
    ] {
        check(&arguments.join(" "), &shown(&lab, &arguments).await);
    }
    let log = fs::read_to_string(lab.path().join("sync.log")).unwrap();
    assert!(log.contains("ERROR") && !log.chars().any(|c| c != '\n' && is_hidden(c)), "{log:?}");
    assert!(log.lines().all(|line| line.starts_with("20")), "{log}");
}

fn tar(lab: &Lab, name: &str, files: &[(&str, Vec<u8>)]) {
    let files: Vec<(&str, &[u8])> = files.iter().map(|(name, content)| (*name, content.as_slice())).collect();
    fs::write(lab.path().join(name), tar::archive(&files)).unwrap();
}

fn archives(lab: &Lab) {
    let docker = |config: &str, layer: &str| {
        json!([{"Config": config, "RepoTags": ["a/b:1"], "Layers": [layer]}]).to_string().into_bytes()
    };
    tar(lab, "config.tar", &[("manifest.json", docker(EVIL, "l"))]);
    tar(lab, "layer.tar", &[("manifest.json", docker("c", EVIL)), ("c", b"{}".to_vec())]);
    let key = json!(EVIL).to_string();
    tar(lab, "key.tar", &[("manifest.json", format!("[{{\"Config\":5,{key}:1}}]").into())]);
    tar(
        lab,
        "index.tar",
        &[("index.json", format!("{{\"schemaVersion\":2,\"manifests\":[],{key}:1,{key}:2}}").into())],
    );
    let bundle = |to: &str| {
        json!({"version": 1, "to": to, "naming": "flatten", "map": [], "ignore": "",
        "sources": [{"name": EVIL, "file": format!("relay/{EVIL}"), "mode": 420, "kind": "compose"}],
        "variables": [], "environment": {}})
        .to_string()
        .into_bytes()
    };
    let no_images = || ("index.json", json!({"schemaVersion": 2, "manifests": []}).to_string().into_bytes());
    tar(lab, "bundle.tar", &[("relay.json", bundle("x.test/a")), no_images()]);
    tar(lab, "to.tar", &[("relay.json", bundle(EVIL)), no_images()]);
    let image = json!({"schemaVersion": 2, "config": {"mediaType": "a/b", "digest": format!("sha256:{}", "0".repeat(64)), "size": 2}, "layers": []})
        .to_string().into_bytes();
    let digest = Digest::of(&image).to_string();
    let index = json!({"schemaVersion": 2, "manifests": [{"mediaType": "application/vnd.oci.image.manifest.v1+json",
        "digest": digest, "size": image.len(), "annotations": {"org.opencontainers.image.ref.name": EVIL}}]});
    let blob = format!("blobs/sha256/{}", digest.trim_start_matches("sha256:"));
    let layout = b"{\"imageLayoutVersion\":\"1.0.0\"}".to_vec();
    tar(
        lab,
        "name.tar",
        &[("index.json", index.to_string().into_bytes()), ("oci-layout", layout), (&blob, image)],
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_archives_say_is_text() {
    let lab = Lab::new();
    archives(&lab);
    let to = "127.0.0.1:1/x";
    for arguments in [
        vec!["load", "config.tar", "--to", to],
        vec!["copy", "docker-archive:config.tar", "127.0.0.1:1/x/y:1", "--dry-run"],
        vec!["copy", "docker-archive:layer.tar", "127.0.0.1:1/x/y:1", "--dry-run"],
        vec!["copy", "docker-archive:key.tar", "127.0.0.1:1/x/y:1", "--dry-run"],
        vec!["copy", "oci-archive:index.tar:1", "127.0.0.1:1/x/y:1", "--dry-run"],
        vec!["load", "bundle.tar", "--to", to],
        vec!["load", "bundle.tar", "--to", to, "--dry-run"],
        vec!["load", "to.tar"],
        vec!["copy", "oci-archive:name.tar:zz", "127.0.0.1:1/x/y:1"],
        vec!["copy", "oci-archive:name.tar", "127.0.0.1:1/x/y", "--all-tags", "--dry-run"],
        vec!["load", "name.tar", "--to", to],
    ] {
        let seen = shown(&lab, &arguments).await;
        check(&arguments.join(" "), &seen);
        assert!(!seen.contains("\nFORGED"), "{arguments:?}: {seen:?}");
    }
}

fn documents(lab: &Lab) {
    lab.write("c.yaml", &format!("services:\n  \"{YAML}\":\n    image: nginx:1.27\n  b:\n    image: \"bad {YAML}\"\n  c: {{image: \"${{X:-{YAML}}}\"}}\n"));
    lab.write("good.yaml", &format!("services:\n  \"{YAML}\": {{image: nginx:1.27}}\n"));
    lab.write("raw.yaml", "a: *\u{1b}]0;PWNED\u{7}\u{202e}\n");
    lab.write(&format!("{EVIL}.yaml"), "services: {a: {image: 'nginx:1'}}\n");
    lab.write("Dockerfile", "FROM \u{1b}]0;PWNED\u{7}\u{202e}\n");
    lab.write(".env", "A_IMAGE=\u{1b}]0;PWNED\u{7}\u{202e}\n");
    lab.write("list.txt", "docker.io/a/b\u{1b}]0;PWNED\u{7}\u{202e}\n");
    lab.write("values.yaml", &format!("image: {{repository: \"{YAML}\"}}\n"));
    lab.write("config.yaml", &format!("\"{YAML}\": 1\nlisten: \"{YAML}\"\n"));
    lab.write("hosted.yaml", &format!("listen: 127.0.0.1:1\ndata: \"{YAML}\"\n"));
    lab.write("rules.yaml", &format!("sync:\n  - {{name: \"{YAML}\", from: \"{YAML}\", to: [x.test/y], tags: {{match: \"({YAML}\"}}}}\n"));
    lab.write("import.json", &json!({format!("quay.io/a/b{EVIL}"): "x"}).to_string());
    lab.write("guide.yaml", &format!("sync:\n  - {{name: n, title: \"{YAML}\", notes: \"{YAML}\", from: docker.io/a/b, to: [x.test/y]}}\n"));
    lab.write(
        "migrate.yaml",
        "migrate:\n  from: docker.io/a\n  to: x.test/b\n  repositories: [c]\n  documents: ['*.yaml']\n",
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_documents_and_their_names_say_is_text() {
    let lab = Lab::new();
    documents(&lab);
    let name = format!("{EVIL}.yaml");
    let to = ["--to", "r.test/x"];
    for file in [
        "c.yaml",
        "good.yaml",
        "raw.yaml",
        &name,
        "Dockerfile",
        ".env",
        "list.txt",
        "values.yaml",
        "none\u{1b}]0;PWNED\u{7}",
    ] {
        for before in [
            vec!["images"],
            vec!["images", "--output", "json"],
            vec!["rewrite", to[0], to[1]],
            vec!["rewrite", to[0], to[1], "--diff"],
            vec!["rewrite", to[0], to[1], "--output", "json"],
            vec!["relay", to[0], to[1], "--dry-run"],
            vec!["relay", to[0], to[1], "--dry-run", "--output", "json"],
            vec!["relay", to[0], to[1], "--scripts", "scripts"],
        ] {
            let arguments: Vec<&str> = before.iter().copied().chain(["--", file]).collect();
            check(&format!("{arguments:?}"), &shown(&lab, &arguments).await);
        }
    }
    for arguments in [
        vec!["images", "c.yaml"],
        vec!["images", &name, "c.yaml"],
        vec!["images", "none\u{1b}]0;PWNED\u{7}\nFORGED"],
        vec!["rewrite", "--to", "r.test/x", "--diff", "--output", "json", &name],
        vec!["rewrite", "--to", "r.test/x", "--in-place", &name],
        vec!["relay", "--to", "r.test/x", "--dry-run", "good.yaml"],
        vec!["relay", "--to", "127.0.0.1:1/x", "good.yaml"],
        vec!["config", "check", "config.yaml"],
        vec!["config", "check", &name],
        vec!["config", "show", "--config", "hosted.yaml"],
        vec!["cache", "list", "--config", "config.yaml"],
        vec!["serve", "--config", "config.yaml"],
        vec!["sync", "rules.yaml", "--dry-run"],
        vec!["sync", "import", "import.json"],
        vec!["sync", "import", "list.txt", "--to", "x.test/y"],
        vec!["list", "fmt", "list.txt"],
        vec!["guide", "guide.yaml"],
        vec!["migrate", "rewrite", "migrate.yaml"],
        vec!["migrate", "plan", "migrate.yaml"],
        // What the command line itself says.
        vec!["images", "--none", &name],
        vec![&name],
        vec!["inspect", &name],
        vec!["rewrite", "--naming", &name, "c.yaml"],
    ] {
        let seen = shown(&lab, &arguments).await;
        check(&format!("{arguments:?}"), &seen);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_server_says_is_text() {
    let (registry, lab) = (TestRegistry::start().await, Lab::new());
    let run = json!({"id": "0195d5a0-7a1b-7000-8000-000000000000", "rule": EVIL, "cause": "hand", "part": EVIL,
        "started": "2026-11-30T08:00:00Z", "ended": null, "outcome": "failed", "problem": EVIL, "written": 1, "read": 1,
        "copies": {"total": 1, "in_sync": 0, "copied": 1, "equal": 0, "kept": 0, "failed": 0, "postponed": 0, "cancelled": 0}});
    let typed = [("Content-Type", "application/json")];
    let says = |path: &str, status, body: serde_json::Value| {
        let action = Action::status_with(status, &typed, body.to_string());
        registry.fault(Fault::on(Match::any().path(path)).always().then(action));
    };
    says("/sync/runs", 200, json!({"runs": [run], "more": false}));
    says("/rules/", 403, json!({"title": EVIL, "status": 403, "detail": EVIL, "hint": EVIL}));
    let url = registry.url();
    for arguments in [vec!["sync", "runs", "--server", &url], vec!["sync", "run", "x", "--server", &url]] {
        let seen = shown(&lab, &arguments).await;
        check_lines(&arguments.join(" "), &seen);
    }
}

/// A server whose log is read on a terminal, and one request for it.
fn logged(format: &str, dir: &Path) -> String {
    let lab = Lab::with(&format!("log: {{format: {format}, level: debug}}\n"));
    let data = dir.join(format);
    let command = lab.command(&["serve", "--listen", "127.0.0.1:0", "--data", data.to_str().unwrap()]);
    let mut pty = Pty::run(command);
    let greeting = pty.until("registry-mirrors");
    let address =
        greeting.split("listens on http://").nth(1).unwrap().lines().next().unwrap().trim().to_owned();
    let mut client = TcpStream::connect(&address).unwrap();
    let request = b"GET /v2/a\xe2\x80\xae%1b%5d0;PWNED/tags/list?n=%1b HTTP/1.1\r\nHost: 127.0.0.1\r\nUser-Agent: PWNED\xe2\x80\xae\xc2\x9b31m\xe2\x80\x8b\r\nConnection: close\r\n\r\n";
    client.write_all(request).unwrap();
    let seen = pty.until("PWNED");
    rustix::process::kill_process(
        rustix::process::Pid::from_child(&pty.child),
        rustix::process::Signal::TERM,
    )
    .unwrap();
    greeting + &seen + &pty.shown()
}

#[test]
fn the_log_is_text() {
    let dir = tempfile::tempdir().unwrap();
    for format in ["text", "json"] {
        check_lines(format, &logged(format, dir.path()));
    }
}

// What programs read is as it was written, where it is no terminal.
#[tokio::test(flavor = "multi_thread")]
async fn documents_for_programs_are_kept_to_the_byte() {
    let (registry, lab) = (hostile().await, Lab::new());
    documents(&lab);
    let raw = |arguments: &[&str]| {
        let mut command = lab.command(arguments);
        command.env("HOME", lab.path());
        command.output().unwrap().stdout
    };
    let rewritten = raw(&["rewrite", "--to", "r.test/x", "Dockerfile"]);
    assert_eq!(rewritten, fs::read(lab.path().join("Dockerfile")).unwrap());
    let image = format!("{}/a/b:notes", registry.host());
    let (inspected, json) = tokio::task::block_in_place(|| {
        (raw(&["inspect", "--raw", &image]), raw(&["inspect", &image, "--output", "json"]))
    });
    assert_eq!(inspected, registry.manifest("a/b", "notes").unwrap());
    let seen: serde_json::Value = serde_json::from_slice(&json).unwrap();
    assert_eq!(seen["annotations"][EVIL], EVIL);
    // On a terminal the value is the same.
    let shown = shown(&lab, &["inspect", &image, "--output", "json"]).await;
    assert_eq!(serde_json::from_str::<serde_json::Value>(&shown).unwrap(), seen);
}
