//! Several endpoints, and registries that are down.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use bytes::Bytes;
use entrepot_remote::{BlobRequest, Error, Patience, Remote, RemoteSettings, RequestOutcome};
use futures_util::{StreamExt as _, TryStreamExt as _};
use tokio::net::TcpListener;

use crate::support::{Server, answer, latest, manifest, pieces, remote, repository, url};

async fn nobody() -> String {
    // The port is bound for a moment and released: nothing listens on it.
    let address = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    format!("http://{address}")
}

fn of(endpoints: &[&str]) -> Remote {
    let endpoints = endpoints.iter().map(|endpoint| url(endpoint)).collect();
    remote(&RemoteSettings { endpoints, ..RemoteSettings::default() })
}

fn observed(remote: Remote) -> (Remote, Arc<Mutex<Vec<RequestOutcome>>>) {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let log = Arc::clone(&seen);
    let remote = remote.on_request(Arc::new(move |host, outcome| {
        assert_eq!(host.as_str(), "lab.test");
        log.lock().unwrap().push(outcome);
    }));
    (remote, seen)
}

#[tokio::test]
async fn a_dead_endpoint_is_asked_once() {
    let alive = Server::start(|_| manifest()).await;
    let (remote, outcomes) = observed(of(&[&nobody().await, &alive.url()]));
    for _ in 0..3 {
        remote.manifest(&repository(), &latest()).await.unwrap();
    }
    use RequestOutcome::{Ok, Unreachable};
    assert_eq!(*outcomes.lock().unwrap(), [Unreachable, Ok, Ok, Ok]);
}

#[tokio::test]
async fn a_failing_endpoint_is_passed_over() {
    let failing = Server::start(|_| answer(502, &[], "")).await;
    let page = Server::start(|_| answer(200, &[], "<html>")).await;
    let alive = Server::start(|_| manifest()).await;
    let remote = of(&[&failing.url(), &page.url(), &alive.url()]);
    for _ in 0..3 {
        remote.manifest(&repository(), &latest()).await.unwrap();
    }
    // U06: a captive portal is not an outage, but it is not tried first again either.
    assert_eq!((failing.count(), page.count(), alive.count()), (1, 1, 3));
}

#[tokio::test]
async fn not_found_and_denied_are_answers() {
    for status in [404, 403, 429] {
        let first = Server::start(move |_| answer(status, &[], "")).await;
        let second = Server::start(|_| manifest()).await;
        let remote = of(&[&first.url(), &second.url()]);
        assert!(remote.manifest(&repository(), &latest()).await.is_err());
        assert_eq!((first.count(), second.count()), (1, 0), "{status}");
    }
}

#[tokio::test]
async fn a_registry_that_is_down_is_left_in_peace() {
    let server = Server::start(|_| answer(503, &[], "")).await;
    let remote = server.remote();
    let mut failures = 0;
    for _ in 0..200 {
        let failed = remote.manifest(&repository(), &latest()).await;
        assert!(matches!(failed, Err(Error::Failing { status: 503, .. })));
        failures += 1;
    }
    // One failure, then one probe per second.
    assert!(server.count() < failures / 10, "{} requests", server.count());
}

// U21
#[tokio::test]
async fn a_name_that_nobody_knows_is_unreachable() {
    // RFC 6761 §6.4: it never exists.
    let remote = of(&["http://registry.invalid"]);
    let failed = remote.manifest(&repository(), &latest()).await;
    assert!(matches!(failed, Err(Error::Unreachable { .. } | Error::TimedOut)), "{failed:?}");
}

// U05, with shorter timeouts than the default.
#[tokio::test]
async fn an_endpoint_that_only_trickles_is_asked_last() {
    const BLOB: &[u8] = &[7; 4096];
    let trickle = || {
        let piece = |at: usize| async move {
            tokio::time::sleep(Duration::from_millis(20)).await;
            BLOB.get(at..=at).map(|byte| (Ok(Bytes::from_static(byte)), at + 1))
        };
        futures_util::stream::unfold(0, piece)
    };
    let slow = Server::start(move |_| pieces(200, &[("content-length", "4096")], Box::pin(trickle()))).await;
    let fast = Server::start(|_| answer(200, &[], BLOB)).await;
    let settings =
        RemoteSettings { endpoints: vec![url(&slow.url()), url(&fast.url())], ..RemoteSettings::default() };
    let patience = Patience { idle: Duration::from_millis(500), ..Patience::default() };
    let remote = Remote::with_patience("lab.test".parse().unwrap(), &settings, patience).unwrap();
    let digest = entrepot_oci::Digest::of(BLOB);
    let open = async || remote.blob(&repository(), &digest, BlobRequest::default()).await.unwrap();
    let chunks: Vec<_> = open().await.chunks.collect().await;
    let (last, before) = chunks.split_last().unwrap();
    assert!(matches!(last, Err(Error::TimedOut)), "{last:?}");
    assert!(!before.is_empty() && before.len() < 512, "{}", before.len());
    assert_eq!(open().await.chunks.try_collect::<Vec<_>>().await.unwrap().concat(), BLOB);
    assert_eq!((slow.count(), fast.count()), (1, 1));
}

#[tokio::test]
async fn a_dead_storage_is_not_a_dead_registry() {
    let storage = format!("{}/blob", nobody().await);
    let server = Server::start(move |seen| match seen.path.contains("/blobs/") {
        true => answer(307, &[("location", &storage)], ""),
        false => manifest(),
    })
    .await;
    let spare = Server::start(|_| answer(200, &[], "blob")).await;
    let digest = entrepot_oci::Digest::of(b"blob");
    let with =
        |endpoints| remote(&RemoteSettings { endpoints, private_network: true, ..RemoteSettings::default() });

    let alone = with(vec![url(&server.url())]);
    let failed = alone.head_blob(&repository(), &digest).await;
    assert!(matches!(failed, Err(Error::Unreachable { .. })), "{failed:?}");
    alone.manifest(&repository(), &latest()).await.unwrap();
    alone.manifest(&repository(), &latest()).await.unwrap();

    let spared = with(vec![url(&server.url()), url(&spare.url())]);
    spared.head_blob(&repository(), &digest).await.unwrap();
    spared.head_blob(&repository(), &digest).await.unwrap();
    assert_eq!((server.count(), spare.count()), (4, 2));
}

#[tokio::test]
async fn every_request_is_reported_once() {
    use RequestOutcome::{Denied, Failing, Invalid, Limited, NotFound, Ok, Refused};
    for (status, headers, body, outcome) in [
        (200, vec![("content-type", crate::support::INDEX)], crate::support::MANIFEST, Ok),
        (200, vec![], "<html>", Invalid),
        (404, vec![], "", NotFound),
        (403, vec![], "", Denied),
        (401, vec![("www-authenticate", "Basic realm=x")], "", Denied),
        (429, vec![], "", Limited),
        (500, vec![], "", Failing),
        (302, vec![("location", "http://10.0.0.1/")], "", Refused),
    ] {
        let server = Server::start(move |_| answer(status, &headers, body)).await;
        let (remote, outcomes) = observed(server.remote());
        let _ = remote.manifest(&repository(), &latest()).await;
        assert_eq!(*outcomes.lock().unwrap(), [outcome], "{status}");
    }
}

#[tokio::test]
async fn an_endpoint_may_be_below_a_path() {
    let server = Server::start(|_| manifest()).await;
    for (path, asked) in [("hub/v2/", "/hub/v2/team/app"), ("hub/", "/v2/hub/team/app")] {
        of(&[&format!("{}/{path}", server.url())]).manifest(&repository(), &latest()).await.unwrap();
        assert_eq!(server.log().last().unwrap().path, format!("{asked}/manifests/latest"));
    }
}

#[test]
fn requests_may_move_between_threads() {
    fn send<T: Send>(value: T) -> T {
        value
    }
    let (remote, repository) = (of(&["http://127.0.0.1:1"]), repository());
    let digest = entrepot_oci::Digest::of(b"");
    drop(send(remote.manifest(&repository, &latest())));
    drop(send(remote.head_manifest(&repository, &latest())));
    drop(send(remote.blob(&repository, &digest, entrepot_remote::BlobRequest::default())));
    drop(send(remote.head_blob(&repository, &digest)));
    drop(send(remote.tags(&repository, &entrepot_oci::Page::default())));
    drop(send(remote.referrers(&repository, &digest)));
}
