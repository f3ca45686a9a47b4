//! A thousand clients at the door of the whole binary, and one download behind it.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on ends")]

mod support;

use entrepot_testkit::{Action, Fault, Gate, Match, TestImage, TestRegistry, client};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use support::Lab;

const CLIENTS: usize = 1000;

/// Makes room for one descriptor per client; false if the machine allows no more.
fn room_for_clients() -> bool {
    let most = getrlimit(Resource::Nofile).maximum;
    let _ = setrlimit(Resource::Nofile, Rlimit { current: most, maximum: most });
    most.is_none_or(|most| most > CLIENTS as u64 + 200)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_clients_cost_one_download_and_none_waits_for_its_end() {
    if !room_for_clients() {
        println!("skipped: too few file descriptors for {CLIENTS} clients");
        return;
    }
    let upstream = TestRegistry::start().await;
    let image = TestImage::random(8, 1, 512 << 10);
    upstream.put_image("library/big", "1", &image);
    let (digest, bytes) = &image.blobs()[1];
    let gate = Gate::new();
    let half = Action::GateAfter(256 << 10, gate.clone());
    upstream.fault(Fault::on(Match::blobs().get().digest(digest)).always().then(half));
    let lab = Lab::with(&format!("registries: {{docker.io: {{endpoints: [\"{}\"]}}}}\n", upstream.url()));
    let serving = lab.serve(&[]);

    let manifest = format!("{}/v2/big/manifests/1", serving.url);
    let blob = format!("{}/v2/big/blobs/{digest}", serving.url);
    // U24: who began it leaves at a quarter, when the others are there.
    let mut first = client::get_streaming(&blob).await;
    let quarter = first.read(128 << 10).await;
    assert!(quarter == bytes[..quarter.len()] && quarter.len() < bytes.len() * 3 / 4);
    let clients = (0..CLIENTS).map(|_| {
        let (manifest, blob) = (manifest.clone(), blob.clone());
        tokio::spawn(async move {
            assert_eq!(client::get(&manifest).await.status.as_u16(), 200);
            let mut pull = client::get_streaming(&blob).await;
            assert_eq!(pull.status.as_u16(), 200);
            let begun = pull.read(1024).await;
            (begun, pull)
        })
    });
    let mut begun = Vec::new();
    for client in clients.collect::<Vec<_>>() {
        begun.push(client.await.unwrap());
    }
    drop(first);
    // Everybody has begun, and the upstream has not sent the second half yet.
    assert_eq!(upstream.log().of(digest).blob_gets().open().len(), 1);
    gate.open();
    for (begun, pull) in begun {
        let rest = pull.rest().await;
        assert!(!rest.truncated && [begun, rest.body].concat() == *bytes);
    }
    let log = upstream.log();
    assert_eq!((log.manifest_gets().len(), log.blob_gets().len()), (1, 1));
    assert_eq!(log.blob_gets().bytes_sent(), bytes.len() as u64);
}
