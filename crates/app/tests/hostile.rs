//! Upstreams that send what nobody asked for, in front of the whole binary: what it costs in memory.

#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on ends")]

mod support;

use entrepot_oci::MediaType;
use entrepot_testkit::{Action, Fault, Match, TestImage, TestRegistry, client};
use support::Lab;

const MIB: u64 = 1 << 20;

// U13
#[tokio::test(flavor = "multi_thread")]
async fn manifests_of_any_size_take_no_more_memory_than_manifests_may_have() {
    let upstream = TestRegistry::start().await;
    upstream.put_image("library/a", "1", &TestImage::random(1, 1, 100));
    let more = [("declared", Action::WrongLength(199 << 20)), ("endless", Action::Endless)];
    for (tag, action) in more {
        upstream.put_manifest("library/a", Some(tag), &MediaType::OCI_INDEX, vec![b' '; 1 << 20]);
        upstream.fault(Fault::on(Match::manifests().tag(tag)).always().then(action));
    }
    // By tag and at once, or the one with a digest would be asked for by that.
    upstream.capabilities(|can| can.digest_header = false);
    let lab = Lab::with(&format!("registries: {{docker.io: {{endpoints: [\"{}\"]}}}}\n", upstream.url()));
    let serving = lab.serve(&[]);
    let ask = async |tag: &str| client::get(&format!("{}/v2/a/manifests/{tag}", serving.url)).await;
    assert_eq!(ask("1").await.status.as_u16(), 200);
    let before = serving.peak_memory();
    for tag in ["declared", "endless"] {
        let refused = ask(tag).await;
        assert_eq!(refused.status.as_u16(), 502, "{}", refused.text());
    }
    let grew = serving.peak_memory() - before;
    println!("grew by {} KiB", grew >> 10);
    assert!(grew < 16 * MIB, "{grew} bytes");
}
