//! What pulls get in each mode, what the upstream is asked for then, and who is not held back.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "test code")]

mod support;

use std::time::Duration;

use entrepot_mirror::{Error, Mirror, Opened, Purpose};
use entrepot_oci::{Digest, Page, Reference};
use entrepot_policy::{Mode, Offer};
use entrepot_testkit::{Capabilities, Fault, Match, TestImage};
use support::{Rig, read};

const HOUR: Duration = Duration::from_secs(3600);
const SMALL: u64 = 10_000;

fn offer(mode: Mode) -> Offer {
    Offer { mode, small: SMALL, ..Offer::default() }
}

fn told<T>(answer: Result<T, Error>) -> String {
    match answer {
        Err(Error::NotOffered(what)) => what.message.clone(),
        Err(other) => panic!("{other}"),
        Ok(_) => panic!("it was given"),
    }
}

async fn bytes(mirror: &Mirror, rig: &Rig, name: &str, digest: &Digest) -> Result<usize, Error> {
    let opened: Opened = mirror.blob(&rig.target(name), digest).await?.open(None).await?;
    Ok(read(opened).await.unwrap().len())
}

// operate.md rows 30, 44
#[tokio::test(flavor = "multi_thread")]
async fn cached_only_serves_what_is_held_for_ever_and_asks_no_upstream() {
    let mut rig = Rig::start().await;
    let image = TestImage::index([TestImage::random(1, 2, 50_000)]);
    rig.upstream.put_image("library/a", "1", &image);
    rig.pull("a", "1", &image).await;
    rig.restart().await;
    rig.mirror.set_offer(offer(Mode::CachedOnly));
    rig.upstream.clear_log();
    rig.upstream.fault(Fault::on(Match::any()).always().then(entrepot_testkit::Action::status(503)));
    // Fresh, overdue, and longer ago than a tag counts without its upstream.
    for (hours, stale) in [(0, false), (2, true), (24 * 400, true)] {
        rig.clock.advance(HOUR * hours);
        rig.pull("a", "1", &image).await;
        let served = rig.manifest("a", "1").await.unwrap();
        assert_eq!(served.stale, stale, "after {hours} h");
        let head = rig.mirror.manifest_head(&rig.target("a"), &"1".parse().unwrap()).await.unwrap();
        assert_eq!((head.digest, head.stale), (*image.digest(), stale));
    }
    let target = rig.target("a");
    let listed = rig.mirror.tags(&target, &Page::default()).await.unwrap();
    assert_eq!((listed.tags.len(), listed.stale), (1, true));
    for (blob, bytes) in image.blobs() {
        assert_eq!(rig.mirror.blob_head(&target, blob).await.unwrap().size, Some(bytes.len() as u64));
    }
    assert_eq!(rig.upstream.log().len(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn cached_only_refuses_the_rest_at_once_and_says_why() {
    let rig = Rig::start().await;
    let image = TestImage::random(2, 1, 1000);
    rig.upstream.put_image("library/a", "1", &image);
    rig.mirror.set_offer(offer(Mode::CachedOnly));
    let (target, digest) = (rig.target("a"), *image.digest());
    let blob = image.blobs()[0].0;
    let by_digest = Reference::Digest(digest);
    for (what, refused) in [
        ("docker.io/library/a:1", told(rig.manifest("a", "1").await)),
        ("docker.io/library/a:1", told(rig.mirror.manifest_head(&target, &"1".parse().unwrap()).await)),
        (&format!("docker.io/library/a@{digest}"), told(rig.mirror.manifest(&target, &by_digest).await)),
        (&format!("docker.io/library/a@{blob}"), told(rig.mirror.blob(&target, &blob).await.map(drop))),
        (&format!("docker.io/library/a@{blob}"), told(rig.mirror.blob_head(&target, &blob).await)),
        ("docker.io/library/a", told(rig.mirror.tags(&target, &Page::default()).await)),
        (&format!("docker.io/library/a@{digest}"), told(rig.mirror.referrers(&target, &digest).await)),
    ] {
        let fact = format!(
            "`{what}` is not held here, and nothing is fetched from upstreams now (mode cached-only)"
        );
        assert!(refused.starts_with(&fact), "{refused}");
    }
    assert_eq!(rig.upstream.log().len(), 0);
    rig.mirror.set_offer(offer(Mode::Normal));
    rig.pull("a", "1", &image).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn small_only_fetches_what_is_small_and_serves_what_is_held() {
    let rig = Rig::start().await;
    let (small, large) = (TestImage::random(3, 1, 5000), TestImage::random(4, 1, 50_000));
    rig.upstream.put_image("library/small", "1", &small);
    rig.upstream.put_image("library/large", "1", &large);
    rig.mirror.set_offer(offer(Mode::SmallOnly));
    rig.pull("small", "1", &small).await;
    // Its manifest is small, and says how large the layer is.
    rig.manifest("large", "1").await.unwrap();
    let layer = large.blobs().iter().find(|(_, bytes)| bytes.len() as u64 > SMALL).unwrap().0;
    let refused = told(rig.mirror.blob(&rig.target("large"), &layer).await.map(drop));
    let fact = format!("`docker.io/library/large@{layer}` has 48.8 KiB and is not held here");
    assert!(refused.starts_with(&fact), "{refused}");
    let asked = rig.upstream.log();
    assert!(asked.blob_gets().iter().all(|get| !get.path.contains(&layer.to_string())), "{asked:?}");
    assert!(rig.mirror.blob_head(&rig.target("large"), &layer).await.is_ok(), "a look fetches nothing");
    rig.mirror.set_offer(offer(Mode::Normal));
    rig.pull("large", "1", &large).await;
    rig.mirror.set_offer(offer(Mode::SmallOnly));
    rig.pull("large", "1", &large).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_blob_that_no_manifest_names_is_measured_before_it_is_fetched() {
    let rig = Rig::start().await;
    let large = rig.upstream.put_blob("library/a", vec![7; 50_000]);
    let small = rig.upstream.put_blob("library/a", vec![8; 5000]);
    rig.mirror.set_offer(offer(Mode::SmallOnly));
    assert!(told(rig.mirror.blob(&rig.target("a"), &large).await.map(drop)).contains("has 48.8 KiB"));
    assert_eq!(bytes(&rig.mirror, &rig, "a", &small).await.unwrap(), 5000);
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_and_background_work_are_besides_the_mode() {
    let rig = Rig::start().await;
    rig.mirror.set_offer(offer(Mode::Closed));
    for (nth, purpose) in [Purpose::Request, Purpose::Background].into_iter().enumerate() {
        let image = TestImage::random(10 + nth as u64, 1, 50_000);
        let name = format!("library/asked{nth}");
        rig.upstream.put_image(&name, "1", &image);
        let mirror = rig.mirror.on_behalf_of(purpose);
        mirror.manifest(&rig.target(&name), &"1".parse().unwrap()).await.unwrap();
        for (digest, content) in image.blobs() {
            assert_eq!(bytes(&mirror, &rig, &name, digest).await.unwrap(), content.len());
        }
        rig.mirror.set_offer(offer(Mode::CachedOnly));
        rig.pull(&name, "1", &image).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn lists_of_tags_are_switched_off_alone() {
    let rig = Rig::start().await;
    let image = TestImage::random(5, 1, 1000);
    rig.upstream.put_image("library/a", "1", &image);
    rig.mirror.set_offer(Offer { lists_tags: false, ..Offer::default() });
    let refused = told(rig.mirror.tags(&rig.target("a"), &Page::default()).await);
    assert_eq!(
        refused,
        "the tags of `docker.io/library/a` are not listed now; hint: name the tag: pulls work as before"
    );
    rig.pull("a", "1", &image).await;
    let hosted = rig.mirror.tags(&rig.target("local/a"), &Page::default()).await;
    assert!(
        matches!(hosted, Err(Error::RepositoryUnknown { .. })),
        "what was pushed here is no matter of modes"
    );
}

// operate.md §3: background work stops at the reserve, users go on.
#[tokio::test(flavor = "multi_thread")]
async fn background_work_leaves_the_last_pulls_to_clients() {
    let rig = Rig::start().await;
    rig.upstream.capabilities(|abilities| *abilities = Capabilities::docker_hub(22));
    let image = |seed| TestImage::random(seed, 1, 100);
    for nth in 0..5 {
        rig.upstream.put_image(&format!("library/a{nth}"), "1", &image(20 + nth));
    }
    assert_eq!(rig.mirror.least_budget(), None);
    let background = rig.mirror.on_behalf_of(Purpose::Background);
    let pull = async |mirror: &Mirror, nth: u64| {
        mirror.manifest(&rig.target(&format!("a{nth}")), &"1".parse().unwrap()).await
    };
    pull(&background, 0).await.unwrap();
    assert_eq!(rig.mirror.least_budget().map(|left| left.to_string()).as_deref(), Some("21%"));
    pull(&background, 1).await.unwrap();
    let asked = rig.upstream.log().len();
    assert!(matches!(pull(&background, 2).await, Err(Error::Reserved { .. })), "a fifth is for clients");
    assert_eq!(rig.upstream.log().len(), asked);
    let held = Reference::Digest(*image(20).digest());
    background.manifest(&rig.target("a0"), &held).await.unwrap();
    for nth in 2..5 {
        pull(&rig.mirror, nth).await.unwrap();
    }
    let budget = rig.mirror.budgets().remove(0);
    assert_eq!((budget.reserve, budget.accounts[0].left, budget.accounts[0].spent), (20, Some(17), 5));
}

// operate.md row 39
#[tokio::test(flavor = "multi_thread")]
async fn a_tag_that_does_not_move_costs_no_pull() {
    let rig = Rig::start().await;
    rig.upstream.capabilities(|abilities| *abilities = Capabilities::docker_hub(50));
    let image = TestImage::random(30, 1, 100);
    rig.upstream.put_image("library/a", "1", &image);
    for _ in 0..200 {
        rig.manifest("a", "1").await.unwrap();
        rig.clock.advance(HOUR * 2);
    }
    assert_eq!(rig.upstream.log().manifest_gets().len(), 1);
    assert_eq!(rig.mirror.budgets()[0].accounts[0].spent, 1);
}
