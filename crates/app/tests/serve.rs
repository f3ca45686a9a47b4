//! The whole binary: served, pulled from, looked into, stopped.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on ends")]

mod support;

use std::{
    fs::{self, Permissions},
    os::unix::{fs::PermissionsExt, process::ExitStatusExt},
    time::{Duration, SystemTime},
};

use entrepot_oci::Digest;
use entrepot_testkit::{
    Action, Fault, Gate, Match, TestImage, TestRegistry, client,
    s3::{BUCKET, KEYS, S3Fault, S3Server},
    until_answer,
};
use hyper::Method;
use support::{Lab, Ran, Serving};

/// A server whose docker.io is `upstream`.
fn lab_of(upstream: &TestRegistry) -> Lab {
    Lab::with(&format!(
        "mirror: {{domain: m.test}}\naccess: {{anonymous: [pull, push, see]}}\nregistries: {{docker.io: {{endpoints: [\"{}\"]}}}}\n",
        upstream.url()
    ))
}

async fn run(lab: &Lab, arguments: &[&str]) -> Ran {
    tokio::task::block_in_place(|| lab.run(arguments))
}

async fn stop(serving: Serving) -> String {
    tokio::task::block_in_place(|| serving.stop())
}

#[tokio::test(flavor = "multi_thread")]
async fn all_name_forms_reach_one_image() {
    let upstream = TestRegistry::start().await;
    let image = TestImage::random(1, 2, 50_000);
    upstream.put_image("library/nginx", "1.27", &image);
    let lab = lab_of(&upstream);
    let serving = lab.serve(&[]);
    let pulled = client::pull(&serving.url, "docker.io/library/nginx", "1.27").await;
    assert_eq!(&pulled.digest, image.digest());
    assert_eq!(client::pull(&serving.url, "nginx", "1.27").await.digest, pulled.digest);
    let manifest = format!("{}/v2/library/nginx/manifests/1.27", serving.url);
    let by_ns = client::get(&format!("{manifest}?ns=docker.io")).await;
    let by_host = client::get_with(&manifest, &[("host", "docker.m.test")]).await;
    for answer in [by_ns, by_host] {
        assert_eq!((answer.status.as_u16(), &answer.body), (200, image.bytes()));
    }
    let elsewhere = client::get(&format!("{manifest}?ns=elsewhere.test")).await;
    assert_eq!(elsewhere.status.as_u16(), 404);
    assert_eq!(upstream.log().blob_gets().len(), image.blobs().len());
    assert_eq!(stop(serving).await, "");
}

// A03: the names that a listener on loopback answers to, and A04: a domain says that others come.
#[tokio::test(flavor = "multi_thread")]
async fn it_answers_to_the_names_that_it_was_given() {
    let lab = Lab::with(
        "mirror: {domain: m.test}\nnames: [mirror.lan]\nsync: [{name: r, from: a.test/x, to: [b.test/x]}]\n",
    );
    let serving = lab.serve(&[]);
    let ping = format!("{}/v2/", serving.url);
    for host in ["m.test", "docker.m.test:5000", "Mirror.LAN", "localhost", serving.authority()] {
        assert_eq!(client::get_with(&ping, &[("host", host)]).await.status, 200, "{host}");
    }
    for host in ["evil.example", "x.m.test", "m.test.evil.example", "x.mirror.lan"] {
        assert_eq!(client::get_with(&ping, &[("host", host)]).await.status, 421, "{host}");
    }
    let asked =
        client::request(Method::POST, &format!("{}/api/v1/sync/rules/r/run", serving.url), &[], "").await;
    assert_eq!(asked.status, 403, "{}", asked.text());
    let begun = run(&lab, &["sync", "run", "r"]).await;
    assert!(begun.stdout.starts_with("r: started run "), "{}", begun.stderr);
    stop(serving).await;
}

// A19: a directory that was there, open to everybody, and a mask for new files that closes nothing.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_in_the_data_directory_is_for_its_owner() {
    let upstream = TestRegistry::start().await;
    upstream.put_image("library/nginx", "1.27", &TestImage::random(1, 2, 50_000));
    let lab = lab_of(&upstream);
    let data = lab.path().join("data");
    let mode = |name: &str| std::fs::metadata(data.join(name)).unwrap().permissions().mode() & 0o777;
    std::fs::create_dir(&data).unwrap();
    std::fs::write(data.join("entrepot.db"), "").unwrap();
    for (name, open) in [("", 0o755), ("entrepot.db", 0o644)] {
        std::fs::set_permissions(data.join(name), Permissions::from_mode(open)).unwrap();
    }
    let serving = lab.serve_under("umask 0; exec \"$0\" \"$@\"");
    client::pull(&serving.url, "nginx", "1.27").await;
    let upload =
        client::request(Method::POST, &format!("{}/v2/local/a/blobs/uploads/", serving.url), &[], "").await;
    assert_eq!(upload.status, 202);
    assert_eq!(mode(""), 0o700);
    for name in ["entrepot.db", "entrepot.db-wal", "entrepot.db-shm", "entrepot.lock", "control.sock"] {
        assert_eq!(mode(name), 0o600, "{name}");
    }
    for entry in std::fs::read_dir(data.join("staging")).unwrap() {
        assert_eq!(entry.unwrap().metadata().unwrap().permissions().mode() & 0o777, 0o600);
    }
    stop(serving).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_cache_is_seen_with_and_without_a_server() {
    let upstream = TestRegistry::start().await;
    let (first, second) = (TestImage::random(1, 2, 5_000), TestImage::random(2, 1, 7_000));
    upstream.put_image("library/nginx", "1.27", &first);
    upstream.put_image("library/nginx", "1.28", &second);
    upstream.put_image("grafana/loki", "3", &first);
    let lab = lab_of(&upstream);
    let serving = lab.serve(&[]);
    for (name, tag) in [("nginx", "1.27"), ("nginx", "1.28"), ("grafana/loki", "3")] {
        client::pull(&serving.url, name, tag).await;
    }
    // What was pulled is recorded right after the answer.
    let are_recorded = async || {
        let (nginx, loki) =
            (run(&lab, &["cache", "ls", "nginx"]).await, run(&lab, &["cache", "ls", "grafana/loki"]).await);
        nginx.stdout.contains("1.27") && nginx.stdout.contains("1.28") && loki.code == 0
    };
    until_answer("the pulls to be recorded", async || are_recorded().await.then_some(())).await;

    let while_served = look(&lab).await;
    let planned = run(&lab, &["cache", "rm", "nginx:1.28", "--dry-run"]).await;
    assert_eq!(planned.stdout, format!("would remove {} 1.28\n", second.digest()));
    let removed = run(&lab, &["cache", "rm", "nginx:1.28"]).await;
    assert_eq!(removed.code, 0, "{}", removed.stderr);
    assert!(removed.stdout.starts_with("removed 1 manifest and 2 blobs, "), "{}", removed.stdout);
    let again = run(&lab, &["cache", "rm", "nginx:1.28"]).await;
    let told = "error: manifest `1.28` is not known in `docker.io/library/nginx`
hint: see what is held: `entrepot cache ls`
";
    assert_eq!((again.code, again.stderr.as_str()), (1, told));
    client::pull(&serving.url, "nginx", "1.28").await;
    stop(serving).await;

    let alone = look(&lab).await;
    for (with, without) in while_served.iter().zip(&alone) {
        assert_eq!(names(with), names(without));
    }
    let refused = run(&lab, &["cache", "rm", "nginx"]).await;
    let told = "error: `nginx` is a whole repository of 2 images
hint: say `--yes` to remove it, or name one image: `NAME:TAG` or `NAME@DIGEST`
";
    assert_eq!((refused.code, refused.stderr.as_str()), (2, told));
    assert_eq!(run(&lab, &["cache", "rm", "nginx", "--yes"]).await.code, 0);
    assert_eq!(run(&lab, &["cache", "rm", "docker.io/grafana/loki", "--yes"]).await.code, 0);
    assert_eq!(run(&lab, &["cache", "ls"]).await.stdout, "nothing is held\n");
    let unknown = run(&lab, &["cache", "ls", "nginx"]).await;
    let told = "error: repository `docker.io/library/nginx` is not known
hint: see what is held: `entrepot cache ls`
";
    assert_eq!((unknown.code, unknown.stderr.as_str()), (1, told));
    assert_eq!(
        run(&lab, &["cache", "stat"]).await.stdout,
        "0 repositories\n0 tags\n0 manifests\n0 blobs\n0 B\n"
    );
}

// V02 and V03
#[tokio::test(flavor = "multi_thread")]
async fn the_cache_is_verified_with_and_without_a_server() {
    let upstream = TestRegistry::start().await;
    let image = TestImage::random(1, 1, 200_000);
    upstream.put_image("library/nginx", "1.27", &image);
    let lab = lab_of(&upstream);
    let mut serving = Some(lab.serve(&[]));
    client::pull(&serving.as_ref().unwrap().url, "nginx", "1.27").await;
    let lost = image.blobs()[1].0;
    let file = |digest: &Digest| {
        let hex = digest.hex();
        lab.path().join("data/blobs/sha256").join(&hex[..2]).join(hex)
    };
    let whole = "3 stored blobs and 3 records compared, 0 findings\n";
    let verify = async || run(&lab, &["cache", "verify"]).await;
    until_answer("the pull to be recorded", async || (verify().await.stdout == whole).then_some(())).await;

    for is_served in [true, false] {
        let stray = file(&Digest::of(b"stray"));
        fs::create_dir_all(stray.parent().unwrap()).unwrap();
        fs::write(&stray, "stray").unwrap();
        // Without a server, what is new might be another server's.
        let long_ago = SystemTime::now() - Duration::from_secs(7200);
        fs::File::open(&stray).unwrap().set_modified(long_ago).unwrap();
        fs::remove_file(file(&lost)).unwrap();
        if !is_served {
            stop(serving.take().unwrap()).await;
        }
        let ran = verify().await;
        assert_eq!((ran.code, ran.stdout.lines().count()), (1, 4), "{}", ran.stdout);
        let last = "3 stored blobs and 3 records compared, 2 findings";
        assert_eq!(ran.stdout.lines().last(), Some(last));
        let told = "error: bytes and records disagree: 2 findings\n\
                    hint: repair what can be repaired: `entrepot cache verify --repair`\n";
        assert_eq!(ran.stderr, told);
        let ran = run(&lab, &["cache", "verify", "--output", "json", "--repair"]).await;
        assert_eq!((ran.code, ran.stderr.as_str()), (0, ""));
        let found: serde_json::Value = serde_json::from_str(&ran.stdout).unwrap();
        let mut faults: Vec<_> = found["findings"].as_array().unwrap().iter().collect();
        faults.sort_unstable_by_key(|finding| finding["fault"].to_string());
        assert_eq!(faults.len(), 2);
        assert_eq!(
            (&faults[0]["fault"], &faults[0]["digest"]),
            (&"missing-bytes".into(), &lost.to_string().into())
        );
        assert_eq!(faults[0]["repositories"][0], "docker.io/library/nginx");
        assert_eq!((&faults[1]["fault"], &faults[1]["size"]), (&"missing-record".into(), &5.into()));
        assert!(!stray.exists());
        assert_eq!(verify().await.stdout, "2 stored blobs and 2 records compared, 0 findings\n");
        if let Some(serving) = &serving {
            client::pull(&serving.url, "nginx", "1.27").await;
            until_answer("the blob to be kept again", async || {
                (verify().await.stdout == whole).then_some(())
            })
            .await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_stays_and_what_goes_is_told_with_and_without_a_server() {
    let upstream = TestRegistry::start().await;
    let image = TestImage::random(1, 1, 200_000);
    upstream.put_image("library/nginx", "1.27", &image);
    let lab = lab_of(&upstream);
    let mut serving = Some(lab.serve(&[]));
    client::pull(&serving.as_ref().unwrap().url, "nginx", "1.27").await;
    let held = async || run(&lab, &["cache", "ls", "nginx"]).await.stdout.contains("1.27").then_some(());
    until_answer("the pull to be recorded", held).await;

    for is_served in [true, false] {
        if !is_served {
            stop(serving.take().unwrap()).await;
        }
        let pinned = run(&lab, &["cache", "pin", "nginx:1.27", "--reason", "the demo", "--for", "7d"]).await;
        assert_eq!((pinned.code, pinned.stderr.as_str()), (0, ""));
        let line = pinned.stdout.lines().nth(1).unwrap();
        let wanted = format!("docker.io/library/nginx@{}", image.digest());
        assert!(
            line.starts_with(&wanted) && line.ends_with("the demo") && line.contains("in 7 days"),
            "{line}"
        );
        let listed =
            run(&lab, &["cache", "pins", "nginx:1.27", "--source", "hand", "--output", "json"]).await;
        let pins: serde_json::Value = serde_json::from_str(&listed.stdout).unwrap();
        assert_eq!(
            (&pins["pins"][0]["held_by"], &pins["pins"][0]["source"]),
            (&"owner".into(), &"hand".into())
        );
        assert_eq!(run(&lab, &["cache", "unpin"]).await.code, 2);
        assert_eq!(run(&lab, &["cache", "unpin", "nginx"]).await.stdout, "1 pin ended\n");
        assert_eq!(run(&lab, &["cache", "pins"]).await.stdout, "nothing is pinned\n");
        assert_eq!(run(&lab, &["cache", "pin", "nginx", "--reason", "x"]).await.code, 2);

        let plan = run(&lab, &["cache", "gc", "--dry-run", "--free", "1GiB"]).await;
        assert!(plan.stdout.starts_with("nothing has to go: "), "{}", plan.stdout);
        let evicted = run(&lab, &["cache", "gc", "--free", "1GiB"]).await;
        assert_eq!((evicted.code, evicted.stderr.as_str()), (0, ""), "what is young stays");
        assert!(evicted.stdout.starts_with("0 images evicted, 0 B freed\n"), "{}", evicted.stdout);
        let unknown = run(&lab, &["cache", "gc", "--plan", &image.digest().to_string()]).await;
        assert_eq!(unknown.code, 1);
        assert!(unknown.stderr.contains("hint: look at what would go now"), "{}", unknown.stderr);
        assert_eq!(run(&lab, &["cache", "gc", "--cancel"]).await.stdout, "nothing is under way\n");
        let nothing = "nothing that was evicted in the last seven days was pulled again\n";
        assert_eq!(run(&lab, &["cache", "savings"]).await.stdout, nothing);
        let scrubbed = run(&lab, &["cache", "scrub", "--rate", "10GiB/s"]).await;
        assert_eq!((scrubbed.code, scrubbed.stderr.as_str()), (0, ""));
        assert!(scrubbed.stdout.starts_with("3 digests hashed, "), "{}", scrubbed.stdout);
    }
}

async fn look(lab: &Lab) -> Vec<serde_json::Value> {
    let text = run(lab, &["cache", "ls"]).await.stdout;
    let lines: Vec<&str> = text.lines().collect();
    assert!(lines[0].starts_with("NAME "), "{text}");
    assert!(
        lines[1].starts_with("docker.io/grafana/loki ") && lines[2].starts_with("docker.io/library/nginx "),
        "{text}"
    );
    let mut seen: Vec<serde_json::Value> = Vec::new();
    for arguments in [
        &["cache", "ls"][..],
        &["cache", "ls", "nginx"],
        &["cache", "stat"],
        &["cache", "ls", "--prefix", "docker.io/graf"],
    ] {
        let arguments: Vec<&str> = arguments.iter().copied().chain(["--output", "json"]).collect();
        let ran = run(lab, &arguments).await;
        assert_eq!((ran.code, ran.stderr.as_str()), (0, ""), "{arguments:?}");
        seen.push(serde_json::from_str(&ran.stdout).unwrap());
    }
    let tags: Vec<_> =
        seen[1]["images"].as_array().unwrap().iter().map(|image| image["tags"].to_string()).collect();
    assert!(tags.contains(&"[\"1.27\"]".to_owned()) && tags.contains(&"[\"1.28\"]".to_owned()), "{tags:?}");
    assert_eq!((&seen[2]["repositories"], &seen[2]["tags"]), (&2.into(), &3.into()));
    assert_eq!(seen[3]["repositories"].as_array().unwrap().len(), 1);
    seen
}

// What must be the same whoever answers; pulls and times go on.
fn names(value: &serde_json::Value) -> Vec<String> {
    let list = value.as_object().unwrap().values().find_map(|value| value.as_array());
    list.into_iter()
        .flatten()
        .map(|item| format!("{}{}{}", item["name"], item["digest"], item["bytes"]))
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_data_directory_has_one_server() {
    let lab = Lab::new();
    let serving = lab.serve(&[]);
    let second = run(&lab, &["-q", "serve", "--listen", "127.0.0.1:0"]).await;
    let told = "error: the data directory `./data` is in use by another process
hint: stop the other one, or give this one a directory of its own: `--data DIR`
";
    assert_eq!((second.code, second.stderr.as_str()), (1, told));
    let third = lab.serve(&["--data", "elsewhere"]);
    stop(serving).await;
    stop(third).await;
    let again = lab.serve(&[]);
    stop(again).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sigterm_lets_a_running_pull_finish() {
    let upstream = TestRegistry::start().await;
    let image = TestImage::random(3, 1, 3_000_000);
    upstream.put_image("library/big", "1", &image);
    let gate = Gate::new();
    let layer = image.blobs().iter().max_by_key(|(_, bytes)| bytes.len()).unwrap();
    upstream.fault(
        Fault::on(Match::blobs().get().digest(&layer.0))
            .always()
            .then(Action::GateAfter(100_000, gate.clone())),
    );
    let lab = lab_of(&upstream);
    let mut serving = lab.serve(&[]);
    client::get(&format!("{}/v2/big/manifests/1", serving.url)).await;
    let url = format!("{}/v2/big/blobs/{}", serving.url, layer.0);
    let pull = tokio::spawn(async move { client::get(&url).await });
    gate.reached(1).await;
    serving.signal(rustix::process::Signal::TERM);
    gate.open();
    let answer = pull.await.unwrap();
    assert_eq!((answer.truncated, answer.body.len()), (false, layer.1.len()));
    assert!(tokio::task::block_in_place(|| serving.wait()).success());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_signal_ends_it_at_once() {
    let upstream = TestRegistry::start().await;
    upstream.put_image("library/big", "1", &TestImage::random(3, 1, 1_000));
    let gate = Gate::new();
    upstream.fault(Fault::on(Match::any()).always().then(Action::Gate(gate.clone())));
    let lab = lab_of(&upstream);
    let mut serving = lab.serve(&[]);
    let url = format!("{}/v2/big/manifests/1", serving.url);
    let pull = tokio::spawn(async move { client::try_request(Method::GET, &url, &[], "").await.is_err() });
    gate.reached(1).await;
    serving.signal(rustix::process::Signal::INT);
    let ready = format!("{}/readyz", serving.url);
    let is_draining = async || {
        let answer = client::try_request(Method::GET, &ready, &[], "").await;
        (!answer.is_ok_and(|answer| answer.status.is_success())).then_some(())
    };
    until_answer("the server to drain", is_draining).await;
    serving.signal(rustix::process::Signal::INT);
    let status = tokio::task::block_in_place(|| serving.wait());
    assert_eq!((status.code(), status.signal()), (Some(130), None));
    pull.await.unwrap();
}

/// A server that keeps its blobs in a bucket.
fn lab_on(server: &S3Server, bucket: &str, upstream: &TestRegistry) -> Lab {
    let [access, secret] = KEYS;
    Lab::with(&format!(
        "registries: {{docker.io: {{endpoints: [\"{}\"]}}}}\nblobs:\n  s3: {{bucket: {bucket}, endpoint: \"{}\", \
         access_key: {access}, secret_key: {secret}}}\n",
        upstream.url(),
        server.endpoint(),
    ))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bucket_that_is_none_ends_the_start() {
    let (server, upstream) = (S3Server::start().await, TestRegistry::start().await);
    let ran = run(&lab_on(&server, "nobodys", &upstream), &["-q", "serve", "--listen", "127.0.0.1:0"]).await;
    assert_ne!(ran.code, 0);
    assert!(
        ran.stderr.contains("the blob store cannot be used") && ran.stderr.contains("`blobs.s3`"),
        "{}",
        ran.stderr
    );
    assert!(!ran.stderr.contains(KEYS[1]), "{}", ran.stderr);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bucket_that_does_not_answer_stops_no_pull() {
    let (server, upstream) = (S3Server::start().await, TestRegistry::start().await);
    let image = TestImage::random(1, 1, 100_000);
    upstream.put_image("library/a", "1", &image);
    server.misbehave(|_| Some(S3Fault::Close));
    let lab = lab_on(&server, BUCKET, &upstream);
    let serving = tokio::task::block_in_place(|| lab.serve(&[]));
    let ready = format!("{}/readyz", serving.url);
    let answer = client::try_request(Method::GET, &ready, &[], "").await.unwrap();
    assert_eq!((answer.status.as_u16(), &answer.headers["retry-after"]), (503, &"5".parse().unwrap()));
    let pulled = client::pull(&serving.url, "docker.io/library/a", "1").await;
    assert_eq!(&pulled.digest, image.digest());
    server.behave();
    let is_ready = async || {
        let answer = client::try_request(Method::GET, &ready, &[], "").await;
        answer.is_ok_and(|answer| answer.status.is_success()).then_some(())
    };
    until_answer("the store to be back", is_ready).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_repository_with_blobs_alone_can_be_removed() {
    let upstream = TestRegistry::start().await;
    let image = TestImage::random(1, 1, 50_000);
    upstream.put_image("library/a", "1", &image);
    let lab = lab_of(&upstream);
    let serving = lab.serve(&[]);
    let (digest, bytes) = &image.blobs()[1];
    let blob = format!("{}/v2/docker.io/library/a/blobs/{digest}", serving.url);
    let answer = client::try_request(Method::GET, &blob, &[], "").await.unwrap();
    assert_eq!(answer.body.len(), bytes.len());
    stop(serving).await;
    let planned = run(&lab, &["cache", "rm", "docker.io/library/a", "--dry-run"]).await;
    assert_eq!((planned.code, planned.stdout.as_str()), (0, "would remove blobs that belong to no image\n"));
    let removed = run(&lab, &["cache", "rm", "docker.io/library/a", "--yes"]).await;
    assert!(
        removed.stdout.starts_with("removed 0 manifests and 1 blob"),
        "{}{}",
        removed.stdout,
        removed.stderr
    );
    assert_ne!(run(&lab, &["cache", "rm", "docker.io/library/a", "--dry-run"]).await.code, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn it_greets_in_the_language_of_its_user() {
    let lab = Lab::new();
    let mut command = lab.command(&["-q", "serve", "--listen", "127.0.0.1:0"]);
    command.env("LANG", "zh_CN.UTF-8").stdout(std::process::Stdio::piped());
    let mut child = command.spawn().unwrap();
    let mut lines = std::io::BufRead::lines(std::io::BufReader::new(child.stdout.take().unwrap()));
    let greeting: Vec<String> = (0..5).map(|_| lines.next().unwrap().unwrap()).collect();
    assert!(greeting[0].starts_with("entrepot 正在监听 http://127.0.0.1:"), "{greeting:?}");
    assert!(greeting[2].starts_with("  拉取：docker pull 127.0.0.1:"), "{greeting:?}");
    child.kill().unwrap();
    child.wait().unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn sighup_stops_nothing() {
    let serving = Lab::new().serve(&[]);
    serving.signal(rustix::process::Signal::HUP);
    for _ in 0..3 {
        assert_eq!(client::get(&format!("{}/healthz", serving.url)).await.status.as_u16(), 200);
    }
    stop(serving).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_directory_that_somebody_else_works_in_is_told() {
    let lab = Lab::new();
    std::fs::create_dir(lab.path().join("data")).unwrap();
    let lock = std::fs::File::create(lab.path().join("data/entrepot.lock")).unwrap();
    lock.lock().unwrap();
    let ran = run(&lab, &["cache", "stat"]).await;
    let told = "error: the data directory `./data` is in use, and its server cannot be asked: nobody answers there: \
                No such file or directory (os error 2)\nhint: if it is a server, it may be starting or stopping: try again\n";
    assert_eq!((ran.code, ran.stderr.as_str()), (1, told));
}
