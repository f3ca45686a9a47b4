//! Names that nobody has, and bytes: what floods cost, and how fast downloads go.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on ends")]

mod support;

use std::time::{Duration, Instant};

use bytes::Bytes;
use entrepot_access::{NetworkSettings, Networks};
use entrepot_oci::Digest;
use entrepot_policy::{LimitsSection, Profile, PullLimits};
use entrepot_server::LimitsInForce;
use entrepot_testkit::{TestImage, patiently, until};
use futures_util::{StreamExt, stream};
use http::Request;
use http_body_util::{BodyExt, Empty};
use hyper::client::conn::http2;
use hyper_util::rt::{TokioExecutor, TokioIo};
use support::{Rig, Setup, account::AWAY, code, noise};
use tokio::net::TcpStream;

fn limits(change: impl FnOnce(&mut LimitsSection)) -> LimitsInForce {
    let mut section = LimitsSection::default();
    change(&mut section);
    LimitsInForce::new(PullLimits::of(&section))
}

fn setup(limits: LimitsInForce) -> Setup {
    let networks = NetworkSettings { trusted_proxies: Networks::loopback(), ..NetworkSettings::default() };
    Setup { limits, networks, ..Setup::default() }
}

async fn rig(limits: LimitsInForce) -> Rig {
    Rig::start_with(setup(limits)).await
}

async fn get(rig: &Rig, path: &str, from: &str) -> entrepot_testkit::client::Response {
    rig.get_with(path, &[AWAY, ("x-forwarded-for", from)]).await
}

// operate.md §3, row 22
#[tokio::test(flavor = "multi_thread")]
async fn a_flood_of_names_spends_little_of_the_upstreams_patience() {
    let rig = rig(limits(|section| {
        section.profile = Some(Profile::Public);
        section.per_client.manifests = "100000/s".parse().ok();
        section.per_client.queue = Some(Duration::from_millis(50));
    }))
    .await;
    rig.upstream.put_image("library/a", "1", &TestImage::layers([noise(1, 100)]));
    assert_eq!(get(&rig, "/v2/library/a/manifests/1", "203.0.113.9").await.status, 200);
    rig.upstream.clear_log();
    let (began, flood) = (Instant::now(), 10_000);
    let asked = stream::iter(0..flood).map(|nth| {
        let (path, from) =
            (format!("/v2/library/a/manifests/x{nth}"), format!("198.51.{}.{}", nth % 100, nth % 256));
        let rig = &rig;
        async move { get(rig, &path, &from).await.status.as_u16() }
    });
    let statuses: Vec<u16> = asked.buffer_unordered(16).collect().await;
    // A bucket of thirty, and thirty a minute.
    let most = 30 + began.elapsed().as_secs() as usize / 2 + 2;
    assert!(rig.upstream.log().len() <= most, "{} of {most}", rig.upstream.log().len());
    assert!(statuses.iter().all(|status| [404, 429].contains(status)));
    assert!(statuses.iter().filter(|status| **status == 404).count() <= most);
    assert_eq!(
        get(&rig, "/v2/library/a/manifests/1", "203.0.113.9").await.status,
        200,
        "what is held is not counted"
    );
    // Whoever asks for one name after the other does not wait.
    get(&rig, "/v2/library/a/manifests/y1", "203.0.113.9").await;
    let refused = get(&rig, "/v2/library/a/manifests/y", "203.0.113.9").await;
    assert_eq!((refused.status.as_u16(), code(&refused).as_str()), (429, "TOOMANYREQUESTS"));
    assert!(
        refused.text().contains(
            "all clients together ask for more names that nobody has than 30/m; hint: try again in "
        ),
        "{}",
        refused.text()
    );
}

// A flood that never ends leaves others what they need to ask for what is there.
#[tokio::test(flavor = "multi_thread")]
async fn a_flood_of_names_keeps_nobody_from_what_is_there() {
    let rig = rig(limits(|section| section.total.misses = "40/d".parse().ok())).await;
    for nth in 0..12 {
        rig.upstream.put_image("library/a", &nth.to_string(), &TestImage::layers([noise(nth, 100)]));
    }
    // Three neighbours. Each question costs two, and from the second one on half of the forty is left to others.
    let mut statuses = Vec::new();
    for nth in 0..30 {
        let path = format!("/v2/library/a/manifests/x{nth}");
        statuses.push(get(&rig, &path, &format!("198.51.100.{}", nth % 3)).await.status.as_u16());
    }
    assert_eq!(statuses.iter().filter(|status| **status == 404).count(), 10, "{statuses:?}");
    assert!(statuses[10..].iter().all(|status| *status == 429), "{statuses:?}");
    for nth in 0..12 {
        let path = format!("/v2/library/a/manifests/{nth}");
        assert_eq!(get(&rig, &path, &format!("203.0.113.{nth}")).await.status, 200);
    }
    // One that tries the same name again is no flood.
    for _ in 0..3 {
        assert_eq!(get(&rig, "/v2/library/a/manifests/y", "203.0.113.7").await.status, 404);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn names_that_exist_cost_nothing_and_missing_ones_are_answered_from_memory() {
    let limits = limits(|section| section.per_client.misses = "4/d".parse().ok());
    let rig = rig(limits.clone()).await;
    for nth in 0..12 {
        rig.upstream.put_image("library/a", &nth.to_string(), &TestImage::layers([noise(nth, 100)]));
    }
    for nth in 0..12 {
        let path = format!("/v2/library/a/manifests/{nth}");
        assert_eq!(get(&rig, &path, "203.0.113.9").await.status, 200, "{nth}");
    }
    let missing = format!("/v2/library/a/blobs/{}", Digest::of(b"nobody has this"));
    for path in ["/v2/library/a/manifests/x", &missing] {
        assert_eq!(get(&rig, path, "203.0.113.9").await.status, 404, "{path}");
    }
    let asked = rig.upstream.log().len();
    let refused = get(&rig, "/v2/library/a/manifests/other", "203.0.113.9").await;
    assert_eq!(refused.status, 429);
    assert!(
        refused.text().contains("this address asks for more names that nobody has than 4/d"),
        "{}",
        refused.text()
    );
    // The mirror itself forgets this in seconds, and here at once.
    let rig = rig.restart(setup(limits)).await;
    for (path, code_of) in [("/v2/library/a/manifests/x", "MANIFEST_UNKNOWN"), (&missing, "BLOB_UNKNOWN")] {
        let answer = get(&rig, path, "203.0.113.9").await;
        assert_eq!((answer.status.as_u16(), code(&answer).as_str()), (404, code_of), "{path}");
    }
    assert_eq!(rig.upstream.log().len(), asked, "its upstream was not asked");
    assert_eq!(get(&rig, "/v2/library/a/manifests/5", "203.0.113.9").await.status, 200);
    assert_eq!(get(&rig, "/v2/library/a/manifests/other", "198.51.100.1").await.status, 404, "somebody else");
}

#[tokio::test(flavor = "multi_thread")]
async fn questions_wait_for_those_of_others_to_be_answered() {
    let rig = rig(limits(|section| section.total.misses = "1/d".parse().ok())).await;
    for nth in 0..8 {
        rig.upstream.put_image("library/a", &nth.to_string(), &TestImage::layers([noise(nth, 100)]));
    }
    let all = stream::iter(0..8).map(|nth| {
        let (rig, path) = (&rig, format!("/v2/library/a/manifests/{nth}"));
        async move { get(rig, &path, "203.0.113.9").await.status }
    });
    let statuses: Vec<_> = patiently("all eight", all.buffer_unordered(8).collect()).await;
    assert!(statuses.iter().all(|status| *status == 200), "{statuses:?}");
}

// operate.md rows 12, 29
#[tokio::test(flavor = "multi_thread")]
async fn bytes_are_counted_as_they_are_sent_and_questions_are_not() {
    let rig = rig(limits(|section| section.per_client.cold = "1MiB/d burst 3MiB".parse().ok())).await;
    let image = TestImage::layers([noise(7, 2 << 20), noise(8, 2 << 20), noise(9, 2 << 20)]);
    rig.upstream.put_image("library/b", "1", &image);
    let layers: Vec<_> = image.blobs().iter().filter(|(_, bytes)| bytes.len() > 1 << 20).collect();
    let path = |nth: usize| format!("/v2/library/b/blobs/{}", layers[nth].0);
    for _ in 0..50 {
        assert_eq!(rig.send("HEAD", &path(0), &[AWAY], "").await.status, 200);
    }
    let answers = async |nth: usize| rig.get_with(&path(nth), &[AWAY]).await;
    assert_eq!(answers(0).await.body, layers[0].1);
    // A mebibyte is left, and the rest of this one comes slowly: it moves.
    let second = patiently("the rest", answers(1)).await;
    assert_eq!(second.body, layers[1].1);
    let refused = answers(2).await;
    let asked =
        |digest: &Digest| rig.upstream.log().iter().any(|entry| entry.path.contains(&digest.to_string()));
    assert_eq!((refused.status.as_u16(), code(&refused).as_str()), (429, "TOOMANYREQUESTS"));
    assert!(
        refused
            .text()
            .contains("this address reads more that has to be fetched than 1MiB/d burst 3MiB; hint: "),
        "{}",
        refused.text()
    );
    assert!(!asked(&layers[2].0), "it was not even begun to fetch it");
    assert_eq!(answers(0).await.body, layers[0].1, "what is held is counted apart");
    let told = rig.get("/metrics").await.text();
    assert!(told.contains(r#"entrepot_limits_refusals_total{limit="client_cold"} 1"#), "{told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rate_holds_over_connections_and_the_kernel_still_sends() {
    let rig = rig(limits(|section| section.per_client.rate = "4MiB/s".parse().ok())).await;
    let blob = noise(3, 6 << 20);
    let digest = rig.push_blob("local/x", blob.clone()).await;
    let path = format!("/v2/local/x/blobs/{digest}");
    let before = rig.metrics.sendfile_bytes();
    let began = Instant::now();
    let (one, two) = tokio::join!(rig.get_with(&path, &[AWAY]), rig.get_with(&path, &[AWAY]));
    // 12 MiB, of which 4 are had at once: no earlier than after two seconds, however fast the machine is.
    assert!(began.elapsed() >= Duration::from_millis(1700), "{:?}", began.elapsed());
    assert!(one.body == blob && two.body == blob);
    if cfg!(target_os = "linux") {
        // The bytes are here before they are counted.
        until("the count of them", || (rig.metrics.sendfile_bytes() - before == 12 << 20).then_some(()))
            .await;
    }
    let part = rig.get_with(&path, &[AWAY, ("range", "bytes=100-299")]).await;
    assert_eq!((part.status.as_u16(), part.body), (206, blob.slice(100..300)));
}

#[tokio::test(flavor = "multi_thread")]
async fn it_comes_whole_over_http_2_as_well() {
    let rig = rig(limits(|section| section.per_client.rate = "100MiB/s".parse().ok())).await;
    let blob = noise(5, 3 << 20);
    let digest = rig.push_blob("local/x", blob.clone()).await;
    let stream = TcpStream::connect(rig.address).await.unwrap();
    let (mut sender, connection) =
        http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await.unwrap();
    tokio::spawn(connection);
    let request = Request::get(format!("http://m.test/v2/local/x/blobs/{digest}"));
    let answer = sender.send_request(request.body(Empty::<Bytes>::new()).unwrap()).await.unwrap();
    assert_eq!(answer.headers()["content-length"], blob.len().to_string().as_str());
    let body = patiently("the blob", answer.into_body().collect()).await.unwrap().to_bytes();
    assert_eq!(body, blob);
}
