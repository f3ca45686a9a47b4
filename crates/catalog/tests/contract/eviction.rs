//! What stays, what goes, and what comes back.

use entrepot_catalog::{
    Catalog, Conditions, NewPin, PinFilter, PinSource, RepoKey, RepositoryContent, RetireOutcome,
    RetiredContent, ReturnedImage, ReturnedImages, SpareReason, Upkeep, UpkeepRecord, Use,
};
use entrepot_oci::Digest;

use crate::setup::*;

const WEEK: u64 = 7 * 24 * 60 * 60;

fn pin(key: &RepoKey, digest: Digest, source: PinSource, held_by: &str) -> NewPin {
    let (key, held_by) = (key.clone(), held_by.to_owned());
    NewPin { key, digest, source, held_by, reason: "said so".to_owned(), expires: None }
}

fn by(source: PinSource, held_by: &str) -> PinFilter {
    PinFilter { source: Some(source), held_by: Some(held_by.to_owned()), ..PinFilter::default() }
}

async fn holders(catalog: &Catalog, filter: &PinFilter) -> Vec<String> {
    let pins = catalog.pins(filter, &page(100, "")).await.unwrap().rows;
    let mut holders: Vec<_> = pins.into_iter().map(|record| record.pin.held_by).collect();
    holders.sort_unstable();
    holders
}

fn on(now: u64) -> Conditions {
    Conditions { unused_since: at(now - 100), now: at(now) }
}

fn pulled(key: &RepoKey, doc: &Doc, pulls: u64, seconds: u64) -> Use {
    Use { key: key.clone(), digest: doc.digest, pulls, counted: pulls, last: at(seconds) }
}

async fn gone(catalog: &Catalog, key: &RepoKey, doc: &Doc, now: u64) -> RetiredContent {
    match catalog.retire(key, &doc.digest, &on(now)).await.unwrap() {
        RetireOutcome::Gone(gone) => gone,
        RetireOutcome::Spared(why) => panic!("it stays: {why:?}"),
    }
}

pub async fn pins_have_holders_and_end(home: &Home) {
    let catalog = home.open().await;
    let (key, other, digest) = (upstream("quay.io", "a/b"), hosted("local/app"), blob("x"));
    let hand = NewPin { expires: Some(at(50)), ..pin(&key, digest, PinSource::Hand, "ann") };
    let shelf = pin(&key, digest, PinSource::Shelf, "7");
    catalog
        .pin(&[hand.clone(), shelf.clone(), pin(&other, digest, PinSource::Hand, "bob")], at(10))
        .await
        .unwrap();
    catalog.pin(&[NewPin { reason: "again".to_owned(), ..hand.clone() }], at(20)).await.unwrap();

    let of_key = PinFilter { key: Some(key.clone()), digest: Some(digest), ..PinFilter::default() };
    let mut rows = catalog.pins(&of_key, &page(100, "")).await.unwrap().rows;
    // Of one moment, they are in no order.
    rows.sort_by_key(|record| record.pin.source == PinSource::Shelf);
    let [first, second] = &rows[..] else { panic!("{rows:?}") };
    assert_eq!(
        (first.pin.reason.as_str(), first.pin.expires, first.created),
        ("again", Some(at(50)), at(10))
    );
    assert_eq!((&second.pin, second.created), (&shelf, at(10)));

    let all = PinFilter::default();
    let part = catalog.pins(&all, &page(2, "")).await.unwrap();
    let rest = catalog.pins(&all, &page(2, &part.rows[1].id.to_string())).await.unwrap();
    assert_eq!((part.rows.len(), part.more, rest.rows.len(), rest.more), (2, true, 1, false));

    assert_eq!(catalog.expire_pins(at(49)).await.unwrap(), 0);
    assert_eq!(catalog.expire_pins(at(50)).await.unwrap(), 1);
    assert_eq!(holders(&catalog, &all).await, ["7", "bob"]);
    assert_eq!(catalog.unpin(&by(PinSource::Shelf, "8")).await.unwrap(), 0);
    assert_eq!(catalog.unpin(&by(PinSource::Shelf, "7")).await.unwrap(), 1);
    assert_eq!(catalog.unpin(&PinFilter { key: Some(other), ..PinFilter::default() }).await.unwrap(), 1);
    assert!(holders(&catalog, &all).await.is_empty());
}

// Row 58
pub async fn a_list_of_pins_is_replaced(home: &Home) {
    let catalog = home.open().await;
    let key = upstream("quay.io", "a/b");
    let of = |name: &str, list: &str| pin(&key, blob(name), PinSource::Kept, list);
    catalog.pin(&[of("a", "nightly"), of("b", "nightly"), of("a", "base")], at(1)).await.unwrap();
    catalog
        .replace_pins(PinSource::Kept, "nightly", &[of("b", "nightly"), of("c", "nightly")], at(2))
        .await
        .unwrap();
    let rows = catalog.pins(&by(PinSource::Kept, "nightly"), &page(9, "")).await.unwrap().rows;
    let mut digests: Vec<_> = rows.iter().map(|record| record.pin.digest).collect();
    let mut wanted = [blob("b"), blob("c")];
    digests.sort_unstable();
    wanted.sort_unstable();
    assert_eq!(digests, wanted);
    assert_eq!(holders(&catalog, &by(PinSource::Kept, "base")).await, ["base"]);
    catalog.replace_pins(PinSource::Kept, "nightly", &[], at(3)).await.unwrap();
    assert!(holders(&catalog, &by(PinSource::Kept, "nightly")).await.is_empty());
}

pub async fn contents_are_told_whole(home: &Home) {
    let catalog = home.open().await;
    let (key, other) = (upstream("quay.io", "a/b"), upstream("docker.io", "a/b"));
    let child = image(&["config", "layer"]);
    let root = index(&[&child]);
    let about = about(&root, &["sig"]);
    fill(&catalog, &key, &child, &[]).await;
    put_at(&catalog, &key, &root, &["1.0"], 10).await;
    put_at(&catalog, &key, &about, &[], 20).await;
    fill(&catalog, &other, &child, &["x"]).await;
    catalog.pin(&[pin(&key, child.digest, PinSource::Hand, "ann")], at(1)).await.unwrap();
    let ended = NewPin { expires: Some(at(5)), ..pin(&key, root.digest, PinSource::Hand, "ann") };
    catalog.pin(&[ended], at(1)).await.unwrap();
    catalog.record_uses(&[pulled(&key, &root, 2, 30)]).await.unwrap();

    let all = catalog.next_repositories(None, 10).await.unwrap();
    assert_eq!(all.len(), 2);
    assert_eq!(catalog.next_repositories(Some(all[0].id), 10).await.unwrap(), all[1..]);
    let of = all.iter().find(|repository| repository.key == key).unwrap();
    let (mut manifests, mut rest) = (Vec::new(), Vec::new());
    catalog
        .contents(of, at(40), &mut |content| match content {
            RepositoryContent::Manifest(manifest) => manifests.push(manifest),
            other => rest.push(other),
        })
        .await
        .unwrap();
    assert_eq!(manifests.len(), 3);
    let told = manifests.iter().find(|manifest| manifest.digest == root.digest).unwrap();
    assert_eq!((told.created, told.last_used, told.heat.at(at(30))), (at(10), Some(at(30)), 2.0));
    let told = manifests.iter().find(|manifest| manifest.digest == about.digest).unwrap();
    assert_eq!((told.subject, told.last_used, told.heat.at(at(40))), (Some(root.digest), None, 0.0));
    assert!(rest.contains(&RepositoryContent::Lists { parent: root.digest, child: child.digest }));
    assert!(rest.contains(&RepositoryContent::NamesBlob { parent: child.digest, child: blob("layer") }));
    assert!(rest.contains(&RepositoryContent::Tagged(root.digest)));
    assert!(
        rest.iter()
            .any(|told| matches!(told, RepositoryContent::Blob { digest, .. } if *digest == blob("layer")))
    );
    let pinned: Vec<_> = rest.iter().filter(|told| matches!(told, RepositoryContent::Pinned(_))).collect();
    assert_eq!(pinned, [&RepositoryContent::Pinned(child.digest)]);
}

// C04
pub async fn an_image_goes_whole(home: &Home) {
    let catalog = home.open().await;
    let (key, other) = (upstream("quay.io", "a/b"), upstream("docker.io", "c/d"));
    let (a, b) = (image(&["config a", "shared", "only a"]), image(&["config b", "shared"]));
    let root = index(&[&a]);
    fill(&catalog, &key, &a, &[]).await;
    put(&catalog, &key, &root, &["1.0", "latest"]).await;
    fill(&catalog, &key, &b, &["2.0"]).await;
    fill(&catalog, &other, &image(&["config a"]), &["x"]).await;

    let gone = gone(&catalog, &key, &root, 1_000_000).await;
    let mut tags: Vec<_> = gone.tags.iter().map(ToString::to_string).collect();
    tags.sort_unstable();
    assert_eq!((tags.join(" ").as_str(), gone.manifests.len(), gone.blobs.len()), ("1.0 latest", 2, 2));
    let orphans: Vec<_> = gone.orphans.iter().map(|(digest, _)| *digest).collect();
    assert!(orphans.contains(&blob("only a")) && orphans.contains(&root.digest));
    assert!(!orphans.contains(&blob("shared")), "an image that stays has it");
    assert!(!orphans.contains(&blob("config a")), "another repository has it");
    assert!(has(&catalog, &key, &b).await && has_blob(&catalog, &key, "shared").await);
    assert!(has_blob(&catalog, &other, "config a").await);
    assert_eq!(tag_names(&catalog, &key).await, "2.0");
    let again = catalog.retire(&key, &root.digest, &on(1_000_000)).await.unwrap();
    assert_eq!(again, RetireOutcome::Spared(SpareReason::NotThere));
}

// Row 55
pub async fn what_is_needed_pinned_or_used_stays(home: &Home) {
    let catalog = home.open().await;
    let child = image(&["config", "layer"]);
    let root = index(&[&child]);
    let about = about(&root, &["sig"]);
    let now = 1_000_000;
    for (name, part) in [("a/child", &child), ("a/about", &about)] {
        let key = upstream("quay.io", name);
        fill(&catalog, &key, &child, &[]).await;
        put_at(&catalog, &key, &root, &["1.0"], 10).await;
        fill(&catalog, &key, &about, &[]).await;
        let stays = async |doc: &Doc| match catalog.retire(&key, &doc.digest, &on(now)).await.unwrap() {
            RetireOutcome::Spared(why) => why,
            RetireOutcome::Gone(gone) => panic!("{gone:?}"),
        };
        assert_eq!(stays(part).await, SpareReason::Needed);
        catalog.pin(&[pin(&key, part.digest, PinSource::Instance, "3")], at(1)).await.unwrap();
        assert_eq!(stays(&root).await, SpareReason::Pinned, "a part of it is pinned");
        catalog.unpin(&by(PinSource::Instance, "3")).await.unwrap();
        catalog.record_uses(&[pulled(&key, part, 1, now - 50)]).await.unwrap();
        assert_eq!(stays(&root).await, SpareReason::Used, "a part of it was pulled");
        let unknown = catalog.retire(&key, &blob("?"), &on(now)).await.unwrap();
        assert_eq!(unknown, RetireOutcome::Spared(SpareReason::NotThere));
        assert_eq!(gone(&catalog, &key, &root, now + 200).await.manifests.len(), 3);
        assert!(!catalog.repository_known(&key).await.unwrap());
    }
}

pub async fn hosted_images_are_never_retired(home: &Home) {
    let catalog = home.open().await;
    let (key, doc) = (hosted("local/app"), image(&["config"]));
    fill(&catalog, &key, &doc, &["1.0"]).await;
    let retired = catalog.retire(&key, &doc.digest, &on(1_000_000)).await.unwrap();
    assert_eq!(retired, RetireOutcome::Spared(SpareReason::NotThere));
    catalog.link_blobs(&key, &[(blob("loose"), 4)], at(1)).await.unwrap();
    assert_eq!(catalog.retire_strays(&key, at(1_000_000)).await.unwrap(), RetiredContent::default());
    assert!(has(&catalog, &key, &doc).await && has_blob(&catalog, &key, "loose").await);
}

pub async fn strays_go_when_they_are_old(home: &Home) {
    let catalog = home.open().await;
    let (key, other, doc) = (upstream("quay.io", "a/b"), upstream("quay.io", "c"), image(&["config"]));
    fill(&catalog, &key, &doc, &["1.0"]).await;
    catalog.link_blobs(&key, &[(blob("old"), 3), (blob("elsewhere"), 9)], at(1)).await.unwrap();
    catalog.link_blobs(&other, &[(blob("elsewhere"), 9)], at(500)).await.unwrap();
    catalog.link_blobs(&key, &[(blob("new"), 3)], at(500)).await.unwrap();
    let gone = catalog.retire_strays(&key, at(400)).await.unwrap();
    let mut blobs = gone.blobs.clone();
    blobs.sort_unstable();
    let mut wanted = [blob("old"), blob("elsewhere")];
    wanted.sort_unstable();
    assert_eq!((blobs, gone.orphans), (wanted.to_vec(), vec![(blob("old"), 3)]));
    assert!(has_blob(&catalog, &key, "new").await && has_blob(&catalog, &key, "config").await);
    assert_eq!(
        catalog.retire_strays(&upstream("quay.io", "none"), at(1)).await.unwrap(),
        RetiredContent::default()
    );
}

pub async fn one_that_comes_back_is_known(home: &Home) {
    let catalog = home.open().await;
    let key = upstream("quay.io", "a/b");
    let (first, second) = (image(&["config", "layer"]), image(&["other config"]));
    let now = WEEK * 10;
    fill(&catalog, &key, &first, &["1"]).await;
    fill(&catalog, &key, &second, &["2"]).await;
    catalog.record_uses(&[pulled(&key, &first, 4, now)]).await.unwrap();
    let mut freed = Vec::new();
    for doc in [&first, &second] {
        let gone = gone(&catalog, &key, doc, now + 1000 + freed.len() as u64).await;
        freed.push(gone.orphans.iter().map(|(_, size)| size).sum::<u64>());
    }
    fill(&catalog, &key, &first, &["1"]).await;
    let returned = catalog.record_uses(&[pulled(&key, &first, 1, now + WEEK)]).await.unwrap();
    assert_eq!(returned, ReturnedImages { images: 1, bytes: freed[0] });
    let again = catalog.record_uses(&[pulled(&key, &first, 1, now + WEEK)]).await.unwrap();
    assert_eq!(again, ReturnedImages::default(), "once");
    assert_eq!(heat_of(&catalog, &key, &first, now + WEEK).await, 4.0, "two, and half of four");
    let images = catalog.returned_images(at(now)).await.unwrap();
    assert_eq!(images, [ReturnedImage { bytes: freed[0], larger_by: freed[0] + freed[1] }]);
    assert!(catalog.returned_images(at(now + WEEK)).await.unwrap().is_empty());
}

pub async fn ghosts_are_bounded(home: &Home) {
    let catalog = home.open().await;
    let key = upstream("quay.io", "a/b");
    let docs: Vec<_> = ["a", "b", "c", "d"].map(|name| image(&[name])).into_iter().collect();
    for (nth, doc) in docs.iter().enumerate() {
        fill(&catalog, &key, doc, &[]).await;
        gone(&catalog, &key, doc, 1000 + 10 * nth as u64).await;
    }
    catalog.trim_ghosts(at(1005), 2).await.unwrap();
    let mut known = Vec::new();
    for doc in &docs {
        fill(&catalog, &key, doc, &[]).await;
        known.push(catalog.record_uses(&[pulled(&key, doc, 1, 2000)]).await.unwrap().images);
    }
    assert_eq!(known, [0, 0, 1, 1]);
}

pub async fn heat_fades(home: &Home) {
    let catalog = home.open().await;
    let (key, doc) = (upstream("quay.io", "a/b"), image(&["config"]));
    fill(&catalog, &key, &doc, &[]).await;
    let looped = Use { pulls: 1000, ..pulled(&key, &doc, 2, WEEK) };
    catalog.record_uses(&[looped]).await.unwrap();
    catalog.record_uses(&[pulled(&key, &doc, 1, 2 * WEEK)]).await.unwrap();
    assert_eq!(heat_of(&catalog, &key, &doc, 2 * WEEK).await, 2.0, "one, and half of two");
}

async fn heat_of(catalog: &Catalog, key: &RepoKey, doc: &Doc, now: u64) -> f64 {
    let all = catalog.next_repositories(None, 100).await.unwrap();
    let of = all.iter().find(|repository| repository.key == *key).unwrap();
    let mut heat = None;
    let mut find = |content| match content {
        RepositoryContent::Manifest(manifest) if manifest.digest == doc.digest => heat = Some(manifest.heat),
        _ => {}
    };
    catalog.contents(of, at(now), &mut find).await.unwrap();
    heat.unwrap().at(at(now))
}

pub async fn a_round_goes_on_where_it_was(home: &Home) {
    let catalog = home.open().await;
    assert_eq!(catalog.upkeep(Upkeep::Scrub).await.unwrap(), UpkeepRecord::default());
    catalog.upkeep_reached(Upkeep::Scrub, &blob("a")).await.unwrap();
    catalog.upkeep_reached(Upkeep::Scrub, &blob("b")).await.unwrap();
    catalog.close().await;
    let catalog = home.open().await;
    let half = UpkeepRecord { done_until: Some(blob("b")), ended: None };
    assert_eq!(catalog.upkeep(Upkeep::Scrub).await.unwrap(), half);
    catalog.upkeep_ended(Upkeep::Scrub, at(9)).await.unwrap();
    let whole = UpkeepRecord { done_until: None, ended: Some(at(9)) };
    assert_eq!(catalog.upkeep(Upkeep::Scrub).await.unwrap(), whole);
    catalog.upkeep_reached(Upkeep::Scrub, &blob("a")).await.unwrap();
    assert_eq!(catalog.upkeep(Upkeep::Scrub).await.unwrap().ended, Some(at(9)), "the last one stays known");
}
