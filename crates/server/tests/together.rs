//! Many at once, on the same things: C01, C03 and H21 of `docs/reference/faults.md`.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on ends")]

mod support;

use std::{
    collections::BTreeSet,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use entrepot_oci::Digest;
use entrepot_testkit::{Action, Fault, Match, TestImage, client::Response};
use futures_util::future::join_all;
use support::{
    Rig, code,
    content::{IMAGE, INDEX, image, pushed, referrer},
    noise,
};

// C01
#[tokio::test(flavor = "multi_thread")]
async fn fifty_clients_push_the_same() {
    let rig = Arc::new(Rig::start().await);
    rig.push_blob("local/app", "{}").await;
    let layer = noise(1, 300_000);
    let digest = Digest::of(&layer);
    let document = |own: usize| image(&[&layer], &format!(r#","annotations":{{"own":"{own}"}}"#));
    let clients = (0..50).map(|nth| {
        let (rig, layer, own) = (Arc::clone(&rig), layer.clone(), document(nth % 5));
        tokio::spawn(async move {
            // Half of them in one request, half in two chunks and a last word.
            if nth % 2 == 0 {
                rig.push_blob("local/app", layer.clone()).await;
            } else {
                let location = rig.open_upload("local/app").await;
                for part in [layer.slice(..100_000), layer.slice(100_000..)] {
                    assert_eq!(rig.send("PATCH", &location, &[], part).await.status, 202);
                }
                let put = format!("{location}?digest={digest}");
                assert_eq!(rig.send("PUT", &put, &[], "").await.status, 201);
            }
            pushed(rig.push("local/app", "shared", IMAGE, &own).await).await;
            pushed(rig.push("local/app", &Digest::of(&own).to_string(), IMAGE, &own).await).await;
        })
    });
    for client in join_all(clients.collect::<Vec<_>>()).await {
        client.unwrap();
    }
    assert_eq!(rig.get(&format!("/v2/local/app/blobs/{digest}")).await.body, layer);
    let all: BTreeSet<_> = (0..5).map(|own| Digest::of(&document(own)).to_string()).collect();
    // One of them was last, and tag, header and bytes agree on which, also by the catalog's word.
    let shared = rig.get("/v2/local/app/manifests/shared").await;
    let named = shared.header("docker-content-digest").unwrap();
    assert!(all.contains(named) && Digest::of(&shared.body).to_string() == named);
    for digest in &all {
        assert_eq!(rig.get(&format!("/v2/local/app/manifests/{digest}")).await.status, 200);
    }
    let held = rig.mirror.holdings().await.unwrap();
    assert_eq!((held.tags, held.manifests, held.blobs), (1, 5, 2));
    assert_eq!(rig.files("staging"), 0);
    // The layer, the config and five manifests.
    assert_eq!(rig.files("blobs"), 7);
}

/// Whole and right, or not there.
fn sound(response: &Response, bytes: &[u8]) -> bool {
    match response.status.as_u16() {
        200 => {
            assert!(!response.truncated && response.body == bytes, "a short or wrong 200");
            true
        }
        404 => {
            assert_eq!(code(response), "BLOB_UNKNOWN");
            false
        }
        other => panic!("{other}: {}", response.text()),
    }
}

// C03: pushed and deleted over and over while others read.
#[tokio::test(flavor = "multi_thread")]
async fn a_blob_that_is_deleted_while_it_is_read_is_read_whole_or_not_there() {
    for size in [10, 512 << 10] {
        let rig = Arc::new(Rig::start().await);
        let bytes = noise(5, size);
        let digest = rig.push_blob("local/app", bytes.clone()).await;
        let path = format!("/v2/local/app/blobs/{digest}");
        let over = Arc::new(AtomicBool::new(false));
        let readers = (0..4).map(|_| {
            let (rig, bytes, path, over) = (Arc::clone(&rig), bytes.clone(), path.clone(), Arc::clone(&over));
            tokio::spawn(async move {
                let mut seen = (0, 0);
                while !over.load(Ordering::Relaxed) {
                    if sound(&rig.get(&path).await, &bytes) { seen.0 += 1 } else { seen.1 += 1 }
                }
                seen
            })
        });
        let readers: Vec<_> = readers.collect();
        for _ in 0..25 {
            assert_eq!(rig.send("DELETE", &path, &[], "").await.status, 202);
            assert_eq!(rig.push_blob("local/app", bytes.clone()).await, digest);
        }
        over.store(true, Ordering::Relaxed);
        let seen = join_all(readers).await.into_iter().map(Result::unwrap);
        let (whole, absent) = seen.fold((0, 0), |all, one| (all.0 + one.0, all.1 + one.1));
        assert!(whole > 0, "{whole} whole, {absent} not there");
        assert!(sound(&rig.get(&path).await, &bytes));
    }
}

// C03: what is mirrored and removed comes back; a pull under way is not cut.
#[tokio::test(flavor = "multi_thread")]
async fn a_mirrored_blob_that_is_removed_while_it_is_read_is_read_whole() {
    let rig = Arc::new(Rig::start().await);
    let mirrored = TestImage::random(6, 1, 1 << 20);
    rig.upstream.put_image("library/a", "1", &mirrored);
    let (digest, bytes) = mirrored.blobs()[1].clone();
    let path = format!("/v2/library/a/blobs/{digest}");
    let over = Arc::new(AtomicBool::new(false));
    let readers = (0..4).map(|_| {
        let (rig, bytes, path, over) = (Arc::clone(&rig), bytes.clone(), path.clone(), Arc::clone(&over));
        tokio::spawn(async move {
            while !over.load(Ordering::Relaxed) {
                assert!(sound(&rig.get(&path).await, &bytes));
            }
        })
    });
    let readers: Vec<_> = readers.collect();
    let key = rig.mirror.held_as(&"library/a".parse().unwrap()).unwrap();
    let mut removed = 0;
    for _ in 0..20 {
        rig.get("/v2/library/a/manifests/1").await;
        assert!(sound(&rig.get(&path).await, &bytes));
        removed += u32::from(rig.mirror.remove(&key, None).await.is_ok());
    }
    over.store(true, Ordering::Relaxed);
    for reader in readers {
        reader.await.unwrap();
    }
    assert!(removed > 0);
}

async fn all_referrers(rig: &Rig, subject: &Digest) -> (Vec<String>, usize) {
    let (mut found, mut pages) = (Vec::new(), 0);
    let mut next = Some(format!("/v2/local/app/referrers/{subject}"));
    while let Some(path) = next {
        let response = rig.get(&path).await;
        assert_eq!(response.status, 200, "{}", response.text());
        assert!(response.body.len() <= 4 << 20, "{}", response.body.len());
        for one in response.json()["manifests"].as_array().unwrap() {
            found.push(one["digest"].as_str().unwrap().to_owned());
        }
        let link = response.header("link").map(|link| link.split(['<', '>']).nth(1).unwrap().to_owned());
        next = link;
        pages += 1;
        assert!(pages < 20, "a listing that does not end");
    }
    (found, pages)
}

// H21: more than fits on a page. (`registry::lists` pages a hundred thousand of them.)
#[tokio::test(flavor = "multi_thread")]
async fn referrers_are_paged_and_lead_nowhere_in_circles() {
    let rig = Rig::start().await;
    rig.push_blob("local/app", "{}").await;
    let subject = image(&[], "");
    let mut pushed_digests = BTreeSet::new();
    // One says that it is about what is not there, and that about the first: a circle as far as one can be made.
    for nth in 0..300 {
        let note = format!(r#""annotations":{{"a":"{}{nth}"}}"#, "x".repeat(15_000));
        let document = String::from_utf8(referrer(&subject, "application/vnd.example.large")).unwrap();
        let document = document.replace(r#""annotations":{"a":"b"}"#, &note);
        let digest = Digest::of(document.as_bytes());
        pushed(rig.push("local/app", &digest.to_string(), IMAGE, document.as_bytes()).await).await;
        pushed_digests.insert(digest.to_string());
    }
    let (found, pages) = all_referrers(&rig, &Digest::of(&subject)).await;
    assert_eq!((found.len(), pages), (300, 2));
    assert_eq!(found.into_iter().collect::<BTreeSet<_>>(), pushed_digests);
    let back = referrer(&image(&[], r#","annotations":{"never":"pushed"}"#), "application/vnd.example.back");
    pushed(rig.push("local/app", "back", IMAGE, &back).await).await;
    let forth = referrer(&back, "application/vnd.example.forth");
    pushed(rig.push("local/app", "forth", IMAGE, &forth).await).await;
    assert_eq!(all_referrers(&rig, &Digest::of(&back)).await.0, [Digest::of(&forth).to_string()]);
    assert!(all_referrers(&rig, &Digest::of(&forth)).await.0.is_empty());
}

// H21: an upstream that says of a manifest that it is about itself, in a circle with another.
#[tokio::test(flavor = "multi_thread")]
async fn circles_of_referrers_are_one_answer_each() {
    let rig = Rig::start().await;
    let (one, two) = (Digest::of(b"one"), Digest::of(b"two"));
    let list = format!(
        r#"{{"schemaVersion":2,"mediaType":"{INDEX}","manifests":[{}]}}"#,
        [one, two]
            .map(|digest| format!(r#"{{"mediaType":"{IMAGE}","digest":"{digest}","size":1}}"#))
            .join(",")
    );
    let answer = Action::status_with(200, &[("content-type", INDEX)], list);
    rig.upstream.fault(Fault::on(Match::referrers()).always().then(answer));
    for subject in [one, two] {
        rig.upstream.clear_log();
        let listed = rig.get(&format!("/v2/library/a/referrers/{subject}")).await.json();
        assert_eq!(listed["manifests"].as_array().unwrap().len(), 2);
        assert_eq!(rig.upstream.log().len(), 1);
    }
}
