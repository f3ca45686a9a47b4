//! What clients may have is limited, and whoever is refused learns when to come back.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on ends")]

mod support;

use std::time::Duration;

use entrepot_access::{Access, Role, Rules};
use entrepot_catalog::{Catalog, Location};
use entrepot_policy::{ClientLimits, LimitsSection, PullLimits, TotalLimits};
use entrepot_secrets::Keyring;
use entrepot_server::LimitsInForce;
use entrepot_testkit::TestImage;
use support::{
    Rig, Setup,
    account::{AWAY, PASSWORD, basic, by, name},
    code, noise,
};

fn limits(per_client: ClientLimits, total: TotalLimits) -> LimitsInForce {
    let exempt = vec!["robot".to_owned()];
    LimitsInForce::new(PullLimits::of(&LimitsSection {
        per_client,
        total,
        exempt,
        ..LimitsSection::default()
    }))
}

fn manifests(text: &str) -> ClientLimits {
    ClientLimits { manifests: Some(text.parse().unwrap()), ..ClientLimits::default() }
}

async fn rig(limits: LimitsInForce, access: Option<Access>) -> Rig {
    let rig = Rig::start_with(Setup { limits, access, ..Setup::default() }).await;
    rig.upstream.put_image("library/a", "1", &TestImage::layers([noise(1, 100)]));
    rig
}

// operate.md rows 12, 25
#[tokio::test(flavor = "multi_thread")]
async fn manifests_are_counted_and_nothing_else() {
    let rig = rig(limits(manifests("1/h burst 3"), TotalLimits::default()), None).await;
    let image = TestImage::layers([noise(1, 100)]);
    for _ in 0..2 {
        assert_eq!(rig.get_with("/v2/library/a/manifests/1", &[AWAY]).await.status, 200);
    }
    assert_eq!(rig.send("HEAD", "/v2/library/a/manifests/1", &[AWAY], "").await.status, 200);
    for method in ["GET", "HEAD"] {
        let refused = rig.send(method, "/v2/library/a/manifests/1", &[AWAY], "").await;
        let wait: u64 = refused.header("retry-after").unwrap().parse().unwrap();
        assert_eq!(refused.status, 429, "{method}");
        assert!((3590..=4600).contains(&wait), "{wait}");
        if method == "GET" {
            assert_eq!(code(&refused), "TOOMANYREQUESTS");
            assert!(
                refused
                    .text()
                    .contains("this address asks for more manifests than 1/h burst 3; hint: try again in ")
            );
            assert!(refused.text().contains("whoever logs in is counted alone"));
        }
    }
    for path in ["/v2/", "/v2/library/a/tags/list", &format!("/v2/library/a/blobs/{}", image.blobs()[0].0)] {
        assert_eq!(rig.get_with(path, &[AWAY]).await.status, 200, "{path}");
    }
    let told = rig.get("/metrics").await.text();
    assert!(told.contains(r#"entrepot_limits_refusals_total{limit="client_manifests"} 2"#), "{told}");
}

// operate.md row 17
#[tokio::test(flavor = "multi_thread")]
async fn an_account_has_a_bucket_of_its_own_and_some_have_none() {
    let directory = tempfile::tempdir().unwrap();
    let catalog = Catalog::open(&Location::Sqlite(directory.path().join("access.db"))).await.unwrap();
    let access = Access::open(catalog, Keyring::generate(), Rules::default()).await.unwrap();
    for account in ["alice", "robot"] {
        access.create_account(&name(account), Role::User, Some(PASSWORD.into()), &by()).await.unwrap();
    }
    let rig = rig(limits(manifests("1/h"), TotalLimits::default()), Some(access)).await;
    let get = async |who: Option<&str>| {
        let login = who.map(basic);
        let headers: Vec<_> =
            login.iter().map(|login| ("authorization", login.as_str())).chain([AWAY]).collect();
        rig.get_with("/v2/library/a/manifests/1", &headers).await.status.as_u16()
    };
    assert_eq!((get(None).await, get(None).await), (200, 429));
    assert_eq!((get(Some("alice")).await, get(Some("alice")).await), (200, 429));
    for _ in 0..5 {
        assert_eq!(get(Some("robot")).await, 200);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn all_together_have_a_bucket_that_costs_nobody_their_own() {
    let total = TotalLimits { manifests: Some("1/h burst 2".parse().unwrap()), ..TotalLimits::default() };
    let rig = rig(limits(manifests("1/h burst 5"), total), None).await;
    let get = async || rig.get_with("/v2/library/a/manifests/1", &[AWAY]).await;
    assert_eq!((get().await.status, get().await.status), (http::StatusCode::OK, http::StatusCode::OK));
    for _ in 0..10 {
        let refused = get().await;
        assert_eq!(refused.status, 429);
        assert!(refused.text().contains("all clients together ask for more manifests than 1/h burst 2"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_blob_more_is_waited_for_and_then_refused() {
    let few =
        ClientLimits { blobs: Some(1), queue: Some(Duration::from_millis(50)), ..ClientLimits::default() };
    let rig = rig(limits(few, TotalLimits::default()), None).await;
    let image = TestImage::layers([noise(7, 200_000)]);
    rig.upstream.put_image("library/b", "1", &image);
    let large = image.blobs().iter().max_by_key(|(_, bytes)| bytes.len()).unwrap().0;
    let path = format!("/v2/library/b/blobs/{large}");
    rig.upstream.pace(Some(20_000));
    let (url, headers) = (rig.url(&path), [AWAY]);
    let first = tokio::spawn(async move { entrepot_testkit::client::get_with(&url, &headers).await.status });
    // It is being read once the upstream was asked for it.
    let asked = || rig.upstream.log().iter().any(|entry| format!("{entry:?}").contains(&large.to_string()));
    for _ in 0..600 {
        if asked() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let refused = rig.get_with(&path, &[AWAY]).await;
    assert_eq!((refused.status.as_u16(), code(&refused).as_str()), (429, "TOOMANYREQUESTS"));
    assert!(refused.text().contains("this address reads 1 blobs at a time; hint: try again in "));
    let head = rig.send("HEAD", &path, &[AWAY], "").await;
    assert_eq!(head.status, 200, "a question is no blob");
    rig.upstream.pace(None);
    assert_eq!(first.await.unwrap(), 200);
    assert_eq!(rig.get_with(&path, &[AWAY]).await.status, 200, "it is free again");
}
