//! What goes wrong on the way, and how little it costs.

use std::{sync::Arc, time::Duration};

use entrepot_oci::{Digest, MediaType, Reference};
use entrepot_sync::{CopyAction, CopyEvent, CopyJob, JobOutcome, JobTarget, RunLimits, look, perform};
use entrepot_testkit::{
    Action, Bearer, BytePosition as Byte, Capabilities, Fault, Gate, Match, RateLimit, Request, ResourceKind,
    TestImage, TestRegistry, schema1, signed_schema1,
};
use http::Method;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::support::{
    Lab, assert_there, blob_bytes, done, failed, job, place, puts, run, sent, target, to, two_platforms,
    uploads,
};

async fn pair() -> (TestRegistry, TestRegistry) {
    (TestRegistry::start().await, TestRegistry::start().await)
}

#[tokio::test]
async fn a_target_that_is_down_costs_only_its_rows() {
    let (source, good) = pair().await;
    let bad = TestRegistry::start().await;
    bad.stop().await;
    let images: Vec<_> = (0..40).map(|seed| TestImage::random(seed, 2, 1000)).collect();
    let jobs: Vec<CopyJob> = images
        .iter()
        .enumerate()
        .map(|(index, image)| {
            source.put_image("a/b", &index.to_string(), image);
            let tag = index.to_string();
            let targets = [&bad, &good].map(|registry| target(place(registry, "c/d"), &tag));
            job(place(&source, "a/b"), image, &tag, targets.to_vec())
        })
        .collect();
    let rows = run(Lab::default(), jobs).await;
    for (pair, image) in rows.chunks(2).zip(&images) {
        let refused = format!("`{}` cannot be reached: the connection is refused (", bad.host());
        let (what, hint) = failed(&pair[0]);
        assert!(what.starts_with(&refused), "{what}");
        assert!(hint.unwrap().starts_with("look at the address and port under `endpoints`"), "{hint:?}");
        assert_eq!(done(&pair[1]).digest, *image.digest());
    }
    assert_eq!(source.log().blob_gets().bytes_sent(), images.iter().map(blob_bytes).sum::<u64>());
}

// U29: the token dies while the upload is under way.
#[tokio::test]
async fn a_refusal_in_the_middle_of_an_upload_is_none_unless_it_repeats() {
    for (method, chunk) in [(Method::PUT, None), (Method::PATCH, Some(2 << 20))] {
        for times in [1, 20] {
            let (source, registry) = pair().await;
            registry.require_bearer(Bearer::new());
            let image = TestImage::random(1, 1, 5 << 20);
            source.put_image("a/b", "1", &image);
            registry.fault(Fault::on(uploads(method.clone())).times(times).then(Action::status(401)));
            let lab = Lab::default().with(&registry.host(), |registry| registry.chunk = chunk);
            let rows = run(lab, vec![to(&source, &image, &[&registry])]).await;
            match times {
                1 => assert_eq!(done(&rows[0]).digest, *image.digest()),
                _ => assert!(failed(&rows[0]).0.starts_with("cannot push to"), "{:?}", failed(&rows[0])),
            }
        }
    }
}

#[tokio::test]
async fn a_slow_target_is_left_behind_and_arrives_later() {
    let (source, fast) = pair().await;
    let slow = TestRegistry::start().await;
    let image = TestImage::random(1, 1, 24 << 20);
    source.put_image("a/b", "1", &image);
    let gate = Gate::new();
    let layer = image.blobs()[1].0;
    // It does not even say where to send it.
    slow.fault(Fault::on(uploads(Method::POST)).always().then(Action::Gate(gate.clone())));
    let (events, mut told) = mpsc::unbounded_channel();
    let jobs = vec![to(&source, &image, &[&slow, &fast])];
    let registries = Arc::new(Lab::default());
    let running =
        tokio::spawn(perform(registries, jobs, RunLimits::default(), CancellationToken::new(), events));
    let settled = async {
        loop {
            if let CopyEvent::Settled { target, .. } = told.recv().await.unwrap() {
                return target;
            }
        }
    };
    assert_eq!(settled.await, 1);
    gate.open();
    let rows = running.await.unwrap();
    rows.iter().for_each(|row| assert_eq!(done(row).digest, *image.digest()));
    // The second read goes on where the first one left it.
    let reads = source.log().blob_gets().of(&layer);
    assert_eq!(reads.len(), 2);
    assert!(reads[1].range.is_some());
    assert_there(&slow, "c/d", "1", &image).await;
}

#[tokio::test]
async fn wrong_bytes_are_never_finished() {
    let (source, target_registry) = pair().await;
    let image = TestImage::random(1, 1, 1 << 20);
    source.put_image("a/b", "1", &image);
    let layer = image.blobs()[1].0;
    for byte in [Byte::Start, Byte::End] {
        source.clear_faults();
        source.fault(Fault::on(Match::blobs().digest(&layer)).always().then(Action::WrongBytes(byte)));
        let rows = run(Lab::default(), vec![to(&source, &image, &[&target_registry])]).await;
        let what = format!("`{}` sent bytes with the wrong digest", place(&source, "a/b"));
        assert_eq!(failed(&rows[0]), (what.as_str(), None));
    }
    let log = target_registry.log();
    let puts_of =
        |request: &Request| request.method == Method::PUT && request.query.contains(&layer.to_string());
    let finished = log.matching(|request| puts_of(request) && request.status != 0);
    assert_eq!((finished.len(), puts(&log)), (0, 0));
    assert!(target_registry.blob("c/d", &layer).is_none());
}

#[tokio::test]
async fn a_broken_read_goes_on_where_it_broke() {
    let (source, target_registry) = pair().await;
    let image = TestImage::random(1, 1, 1 << 20);
    source.put_image("a/b", "1", &image);
    let layer = image.blobs()[1].0;
    let cut = Fault::on(Match::blobs().digest(&layer)).times(3).then(Action::CutAfter(300_000));
    source.fault(cut);
    let rows = run(Lab::default(), vec![to(&source, &image, &[&target_registry])]).await;
    done(&rows[0]);
    assert_eq!(source.log().blob_gets().bytes_sent(), blob_bytes(&image));
    assert_eq!(sent(&target_registry.log()).len(), 2);
    // A source without ranges sends everything again, and what came twice is left out.
    source.capabilities(|capabilities| capabilities.ranges = false);
    source.fault(Fault::on(Match::blobs().digest(&layer)).then(Action::CutAfter(300_000)));
    let other = TestRegistry::start().await;
    done(&run(Lab::default(), vec![to(&source, &image, &[&other])]).await[0]);
    assert_there(&other, "c/d", "1", &image).await;
}

#[tokio::test]
async fn what_a_registry_lost_is_sent_again() {
    let (source, target_registry) = pair().await;
    let image = two_platforms(1, 1000);
    source.put_image("a/b", "1", &image);
    // The images are there, the index is not, and a layer was collected behind our back.
    image.children().iter().for_each(|child| target_registry.put_untagged("c/d", child));
    let lost = image.children()[0].blobs()[2].0;
    target_registry.delete_blob("c/d", &lost);
    let unknown = r#"{"errors":[{"code":"MANIFEST_BLOB_UNKNOWN","message":"blob unknown"}]}"#;
    target_registry.fault(Fault::on(Match::manifests().method(Method::PUT)).then(Action::status_with(
        404,
        &[],
        unknown,
    )));
    let rows = run(Lab::default(), vec![to(&source, &image, &[&target_registry])]).await;
    done(&rows[0]);
    assert_eq!(sent(&target_registry.log()).len(), 1);
    assert_there(&target_registry, "c/d", "1", &image).await;
}

#[tokio::test]
async fn killed_anywhere_the_next_run_goes_on() {
    for after in [1, 4, 9, 14, 19, 26, 33] {
        let (source, target_registry) = pair().await;
        let images: Vec<_> = (0..4).map(|seed| two_platforms(seed * 100, 50_000)).collect();
        let jobs: Vec<CopyJob> = images
            .iter()
            .enumerate()
            .map(|(index, image)| {
                source.put_image("a/b", &index.to_string(), image);
                let wanted = vec![target(place(&target_registry, "c/d"), &index.to_string())];
                job(place(&source, "a/b"), image, &index.to_string(), wanted)
            })
            .collect();
        let (events, _) = mpsc::unbounded_channel();
        let limits = RunLimits { images: 2, ..RunLimits::default() };
        let first = tokio::spawn(perform(
            Arc::new(Lab::default()),
            jobs.clone(),
            limits,
            CancellationToken::new(),
            events,
        ));
        target_registry.until(|log| log.len() >= after).await;
        first.abort();
        drop(first.await);
        let rows = run(Lab::default(), jobs).await;
        rows.iter().for_each(|row| assert!(matches!(row.outcome, JobOutcome::Done(_)), "{after}: {row:?}"));
        let log = target_registry.log();
        for (index, image) in images.iter().enumerate() {
            assert_there(&target_registry, "c/d", &index.to_string(), image).await;
            for (digest, _) in image.blobs() {
                let finished = sent(&log).matching(|request| request.query.contains(&digest.to_string()));
                assert_eq!(finished.len(), 1, "{after}: {digest}");
            }
        }
    }
}

#[tokio::test]
async fn a_run_that_is_cancelled_says_so() {
    let (source, target_registry) = pair().await;
    let image = TestImage::random(1, 1, 1 << 20);
    source.put_image("a/b", "1", &image);
    let gate = Gate::new();
    target_registry.fault(Fault::on(uploads(Method::PUT)).always().then(Action::Gate(gate.clone())));
    let (events, _told) = mpsc::unbounded_channel();
    let cancel = CancellationToken::new();
    let jobs = vec![to(&source, &image, &[&target_registry])];
    let running =
        tokio::spawn(perform(Arc::new(Lab::default()), jobs, RunLimits::default(), cancel.clone(), events));
    target_registry.until(|log| log.count(Method::PUT, "/blobs/uploads/") >= 1).await;
    cancel.cancel();
    let rows = running.await.unwrap();
    assert_eq!(rows[0].outcome, JobOutcome::Cancelled);
    assert_eq!(puts(&target_registry.log()), 0);
    gate.open();
}

#[tokio::test]
async fn the_budget_of_a_registry_is_left_as_it_should_be() {
    let (source, target_registry) = pair().await;
    let window = Duration::from_secs(21_600);
    source.capabilities(|capabilities| {
        capabilities.rate_limit =
            Some(RateLimit { limit: 100, remaining: 12, puts: false, retry_after: None, window: 21_600 });
    });
    let jobs: Vec<CopyJob> = (0..10)
        .map(|seed| {
            let image = TestImage::random(seed, 1, 10);
            source.put_image("a/b", &seed.to_string(), &image);
            let wanted = vec![target(place(&target_registry, "c/d"), &seed.to_string())];
            job(place(&source, "a/b"), &image, &seed.to_string(), wanted)
        })
        .collect();
    let lab = Lab::default().with(&source.host(), |registry| registry.reserve = 9);
    // What is left is known only from an answer.
    let one = perform_one_by_one(lab, jobs).await;
    let postponed =
        one.iter().filter(|outcome| **outcome == JobOutcome::Postponed { after: Some(window) }).count();
    assert_eq!((postponed, source.log().manifest_gets().len()), (7, 3));
}

async fn perform_one_by_one(lab: Lab, jobs: Vec<CopyJob>) -> Vec<JobOutcome> {
    let (events, _told) = mpsc::unbounded_channel();
    let limits = RunLimits { images: 1, ..RunLimits::default() };
    let rows = perform(Arc::new(lab), jobs, limits, CancellationToken::new(), events).await;
    rows.into_iter().map(|row| row.outcome).collect()
}

#[tokio::test]
async fn a_budget_that_is_used_up_is_not_waited_for() {
    let (source, target_registry) = pair().await;
    let image = TestImage::random(1, 1, 10);
    source.put_image("a/b", "1", &image);
    let told = [("ratelimit-limit", "100;w=21600"), ("ratelimit-remaining", "0;w=21600")];
    source.fault(Fault::on(Match::manifests()).always().then(Action::status_with(429, &told, "")));
    let rows = run(Lab::default(), vec![to(&source, &image, &[&target_registry])]).await;
    assert_eq!(rows[0].outcome, JobOutcome::Postponed { after: Some(Duration::from_secs(21_600)) });
}

#[tokio::test]
async fn refusals_are_told_with_a_way_out() {
    let (source, target_registry) = pair().await;
    let image = two_platforms(1, 10);
    source.put_image("a/b", "1", &image);
    let repositories = ["c/1", "c/2", "c/3"];
    let error = |code: &str, message: &str| {
        serde_json::json!({ "errors": [{ "code": code, "message": message }] }).to_string()
    };
    let manifests = || Match::manifests().method(Method::PUT);
    let cases = [
        (
            manifests(),
            400,
            error("MANIFEST_INVALID", "Invalid image, fail to parse 'manifest.json'"),
            "`THERE` does not accept manifests of this type (400: MANIFEST_INVALID: Invalid image, fail to parse \
             'manifest.json')",
            "set `format: docker` for this target",
        ),
        (
            uploads(Method::POST),
            404,
            error("NAME_UNKNOWN", "no such repository"),
            "there is no repository `THERE`, and pushing does not create it (404: NAME_UNKNOWN: no such repository)",
            "create the repository, or the project that it is in, first",
        ),
        (
            uploads(Method::POST),
            403,
            error("DENIED", "requested access is denied"),
            "no right to push to `THERE` (403: DENIED: requested access is denied)",
            "give the account that right, or set another one under `credentials`",
        ),
    ];
    for ((on, status, body, what, hint), repository) in cases.into_iter().zip(repositories) {
        target_registry.clear_faults();
        target_registry.fault(Fault::on(on).always().then(Action::status_with(status, &[], body)));
        let there = place(&target_registry, repository);
        let what = what.replace("THERE", &there.to_string());
        let wanted = vec![target(there, "1")];
        let rows = run(Lab::default(), vec![job(place(&source, "a/b"), &image, "1", wanted)]).await;
        assert_eq!(failed(&rows[0]), (what.as_str(), Some(hint)));
    }
}

#[tokio::test]
async fn a_child_that_is_not_there_is_named() {
    let (source, target_registry) = pair().await;
    let image = two_platforms(1, 10);
    source.put_manifest("a/b", Some("1"), image.media_type(), image.bytes().clone());
    let rows = run(Lab::default(), vec![to(&source, &image, &[&target_registry])]).await;
    let (what, hint) = failed(&rows[0]);
    assert!(what.contains("does not have linux/amd64 ") && what.contains("linux/arm64 "), "{what}");
    assert_eq!(hint, Some("the source has none of its platforms"));
    assert_eq!(target_registry.log().kind(ResourceKind::Upload).len(), 0);
    let missing = Digest::of(b"missing");
    let mut gone = to(&source, &image, &[&target_registry]);
    gone.digest = Some(missing);
    let rows = run(Lab::default(), vec![gone]).await;
    let what = format!("the image is not at `{}`", place(&source, "a/b"));
    assert_eq!(failed(&rows[0]).0, what);
}

#[tokio::test]
async fn an_image_whose_layers_are_not_known_is_not_copied_hollow() {
    let (source, goal) = pair().await;
    let layer = source.put_blob("a/b", b"layer".as_slice());
    let kind = |text: &str| MediaType::parse(text).unwrap();
    let old = "it is a Docker schema 1 image, a format that was given up in 2016";
    let convert =
        Some("build and push it again with a tool of today, or convert it: `skopeo copy --format v2s2`");
    let strange =
        "it is a `application/vnd.x+json`, and what belongs to one of those is not known".to_owned();
    for (tag, media_type, bytes, why, hint) in [
        ("plain", MediaType::DOCKER_SCHEMA1, schema1(&[layer]), old, convert),
        ("signed", MediaType::DOCKER_SCHEMA1_SIGNED, signed_schema1(&[layer]), old, convert),
        // As registries before 2.0 send it.
        ("json", kind("application/json"), schema1(&[layer]), old, convert),
        ("strange", kind("application/vnd.x+json"), r#"{"files":[]}"#.into(), strange.as_str(), None),
    ] {
        let digest = source.put_manifest("a/b", Some(tag), &media_type, bytes);
        let image = TestImage::random(1, 1, 10);
        let mut job = job(place(&source, "a/b"), &image, tag, vec![target(place(&goal, "c/d"), tag)]);
        job.digest = Some(digest);
        let rows = run(Lab::default(), vec![job]).await;
        let what = format!("at `{}/a/b`: {digest} cannot be copied: {why}", source.host());
        assert_eq!(failed(&rows[0]), (what.as_str(), hint), "{tag}");
    }
    assert_eq!(puts(&goal.log()), 0);
}

#[tokio::test]
async fn a_part_of_an_index_is_named_with_a_way_to_copy_the_rest() {
    let (source, target_registry) = pair().await;
    let image = two_platforms(1, 10);
    let [kept, gone] = image.children() else { panic!("two platforms") };
    source.put_image("a/b", "kept", kept);
    source.put_manifest("a/b", Some("1"), image.media_type(), image.bytes().clone());
    let rows = run(Lab::default(), vec![to(&source, &image, &[&target_registry])]).await;
    let what =
        format!("`{}` does not have linux/arm64 ({}) of the image", place(&source, "a/b"), gone.digest());
    let hint = "copy what it has: `--platform linux/amd64`, or `platforms` of the destination";
    assert_eq!(failed(&rows[0]), (what.as_str(), Some(hint)));
    // That way leads somewhere.
    let mut job = to(&source, &image, &[&target_registry]);
    job.targets[0].shape.platforms = vec!["linux/amd64".parse().unwrap()];
    let rows = run(Lab::default(), vec![job]).await;
    assert!(done(&rows[0]).changed && target_registry.manifest("c/d", "1").is_some());
}

#[tokio::test]
async fn a_layer_that_the_source_lacks_is_named_and_nothing_is_called_done() {
    let (source, target_registry) = pair().await;
    let image = TestImage::random(1, 1, 10)
        .with_layer_type("application/vnd.oci.image.layer.nondistributable.v1.tar+gzip");
    let (config, layer) = (&image.blobs()[0], &image.blobs()[1]);
    source.put_blob("a/b", config.1.clone());
    source.put_manifest("a/b", Some("1"), image.media_type(), image.bytes().clone());
    let rows = run(Lab::default(), vec![to(&source, &image, &[&target_registry])]).await;
    let (what, hint) = failed(&rows[0]);
    assert_eq!(what, format!("`{}` does not have {}, a layer of the image", place(&source, "a/b"), layer.0));
    assert!(hint.unwrap().contains("--platform"), "{hint:?}");
    assert!(target_registry.manifest("c/d", "1").is_none());
    // A foreign layer that the source has is a layer like any other.
    source.put_blob("a/b", layer.1.clone());
    let rows = run(Lab::default(), vec![to(&source, &image, &[&target_registry])]).await;
    assert!(done(&rows[0]).changed);
    assert_eq!(target_registry.blob("c/d", &layer.0), Some(layer.1.clone()));
}

#[tokio::test]
async fn a_digest_that_the_image_would_not_have_is_refused_before_a_byte() {
    let (source, target_registry) = pair().await;
    let image = TestImage::random(1, 1, 10);
    source.put_image("a/b", "1", &image);
    let named =
        |tag: &str, digest| JobTarget { digest: Some(digest), ..target(place(&target_registry, "c/d"), tag) };
    let wrong = named("wrong", Digest::of(b"other"));
    let rows = run(Lab::default(), vec![job(place(&source, "a/b"), &image, "1", vec![wrong.clone()])]).await;
    let what = format!(
        "it would be {} there, and is named as {}; nothing was written",
        image.digest(),
        Digest::of(b"other")
    );
    assert_eq!(failed(&rows[0]).0, what);
    assert_eq!(
        sent(&target_registry.log()).len() + target_registry.log().kind(ResourceKind::Upload).len(),
        0
    );
    let both = vec![wrong, named("right", *image.digest())];
    let rows = run(Lab::default(), vec![job(place(&source, "a/b"), &image, "1", both)]).await;
    assert_eq!((failed(&rows[0]).0, done(&rows[1]).digest), (what.as_str(), *image.digest()));
    assert!(
        target_registry.manifest("c/d", "wrong").is_none()
            && target_registry.manifest("c/d", "right").is_some()
    );
}

#[tokio::test]
async fn what_is_there_is_seen_also_where_the_registry_does_not_say_its_digest() {
    let (source, target_registry) = pair().await;
    let image = TestImage::random(1, 1, 10);
    source.put_image("a/b", "1", &image);
    target_registry.put_image("c/d", "1", &image);
    for registry in [&source, &target_registry] {
        registry.capabilities(|all| *all = Capabilities { digest_header: false, ..Capabilities::default() });
    }
    let mut wanted = to(&source, &image, &[&target_registry]);
    wanted.digest = None;
    let registries: Arc<dyn entrepot_sync::Registries> = Arc::new(Lab::default());
    let states = look(&registries, &[wanted]).await;
    assert_eq!(
        (states[0].digest, states[0].targets[0].action),
        (Some(*image.digest()), CopyAction::UpToDate)
    );
}

#[tokio::test]
async fn who_is_not_logged_in_is_told_how() {
    let (source, target_registry) = pair().await;
    let image = TestImage::random(1, 1, 10);
    source.put_image("a/b", "1", &image);
    let refuse = |registry: &TestRegistry| {
        let body = r#"{"errors":[{"code":"UNAUTHORIZED","message":"who are you"}]}"#;
        registry.fault(Fault::on(Match::any()).always().then(Action::status_with(401, &[], body)));
    };
    refuse(&target_registry);
    let rows = run(Lab::default(), vec![to(&source, &image, &[&target_registry])]).await;
    let host = place(&target_registry, "c/d").host().unwrap().to_string();
    let hint = format!("log in: `entrepot login {host}`");
    assert_eq!(failed(&rows[0]).1, Some(hint.as_str()));
    refuse(&source);
    let rows = run(Lab::default(), vec![to(&source, &image, &[&target_registry])]).await;
    let host = place(&source, "a/b").host().unwrap().to_string();
    let (what, hint) = failed(&rows[0]);
    assert!(what.starts_with("cannot pull from `"), "{what}");
    assert_eq!(hint, Some(format!("log in: `entrepot login {host}`").as_str()));
}

#[tokio::test]
async fn each_name_of_an_image_is_told_as_the_one_that_was_meant() {
    let (source, target_registry) = pair().await;
    let image = TestImage::random(1, 1, 10);
    ["1", "stable"].iter().for_each(|tag| source.put_image("a/b", tag, &image));
    let mut wanted = to(&source, &image, &[&target_registry]);
    let stable = Reference::Tag("stable".parse().unwrap());
    let there = target(place(&target_registry, "c/d"), "stable");
    wanted.targets.push(JobTarget { source_name: Some(stable), ..there });
    let rows = run(Lab::default(), vec![wanted]).await;
    let told: Vec<_> = rows.iter().map(|row| format!("{} {}", row.reference, row.target_reference)).collect();
    assert_eq!(told, ["1 1", "stable stable"]);
}
