//! Bans, denials, and who pulled what.

use crate::setup::*;
use entrepot_catalog::{BanRecord, DenialRecord, PullerRecord};
use entrepot_oci::Digest;

fn ban(id: &str, subject: &str, until: Option<u64>) -> BanRecord {
    BanRecord {
        id: id.to_owned(),
        subject: subject.to_owned(),
        reason: "a bill".to_owned(),
        actor: "limits".to_owned(),
        since: at(10),
        until: until.map(at),
        earlier: 2,
    }
}

pub async fn a_subject_has_one_ban(home: &Home) {
    let catalog = home.open().await;
    catalog.put_ban(&ban("one", "203.0.113.7", Some(100))).await.unwrap();
    catalog.put_ban(&ban("two", "account:alice", None)).await.unwrap();
    catalog.put_ban(&ban("more", "203.0.113.7", Some(200))).await.unwrap();
    catalog.close().await;

    let catalog = home.open().await;
    let bans = catalog.bans().await.unwrap();
    assert_eq!(bans, [ban("more", "203.0.113.7", Some(200)), ban("two", "account:alice", None)]);
    catalog.trim_bans(at(200)).await.unwrap();
    assert_eq!(catalog.bans().await.unwrap().len(), 2);
    catalog.trim_bans(at(201)).await.unwrap();
    assert_eq!(catalog.bans().await.unwrap(), [ban("two", "account:alice", None)], "that has no end");
    assert!(catalog.remove_ban("two").await.unwrap() && !catalog.remove_ban("two").await.unwrap());
}

pub async fn pullers_are_added_up_and_trimmed(home: &Home) {
    let catalog = home.open().await;
    let (key, other) = (upstream("quay.io", "a/b"), upstream("docker.io", "a/b"));
    let pull = |client: &str, pulls, seconds| PullerRecord {
        digest: Digest::of(b"x"),
        client: client.to_owned(),
        pulls,
        last: at(seconds),
    };
    catalog.record_pullers(&[]).await.unwrap();
    let first =
        [(key.clone(), pull("b", 2, 10)), (key.clone(), pull("a", 1, 20)), (other.clone(), pull("a", 9, 20))];
    catalog.record_pullers(&first).await.unwrap();
    catalog.record_pullers(&[(key.clone(), pull("b", 3, 30))]).await.unwrap();
    let all = catalog.pullers(&key, at(0), 10).await.unwrap();
    assert_eq!((all.rows, all.more), (vec![pull("a", 1, 20), pull("b", 5, 30)], false));
    let late = catalog.pullers(&key, at(25), 10).await.unwrap();
    assert_eq!(late.rows, [pull("b", 5, 30)]);
    assert!(catalog.pullers(&key, at(0), 1).await.unwrap().more);
    assert_eq!(catalog.trim_pullers(at(25)).await.unwrap(), 2);
    assert!(catalog.pullers(&other, at(0), 10).await.unwrap().rows.is_empty());
}

pub async fn images_are_denied_once(home: &Home) {
    let catalog = home.open().await;
    let denial = |image: &str, is_legal: bool| DenialRecord {
        image: image.to_owned(),
        reason: is_legal.then(|| "a notice".to_owned()),
        notice: None,
        is_legal,
        since: at(10),
        actor: "account:ops".to_owned(),
    };
    catalog.put_denial(&denial("quay.io/b", false)).await.unwrap();
    catalog.put_denial(&denial("docker.io/a/**", false)).await.unwrap();
    catalog.put_denial(&denial("quay.io/b", true)).await.unwrap();
    assert_eq!(
        catalog.denials().await.unwrap(),
        [denial("docker.io/a/**", false), denial("quay.io/b", true)]
    );
    assert!(
        catalog.remove_denial("quay.io/b").await.unwrap()
            && !catalog.remove_denial("quay.io/b").await.unwrap()
    );
}
