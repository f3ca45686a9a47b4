//! Downloads over several links: proxies that are shaped, reset their connections, or fall silent.
//!
//! Rows 45 and 47 of `research/operate.md`. Bytes and connections are counted, never time.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "test code")]

mod support;

use bytes::Bytes;
use entrepot_mirror::{LinkFailure, LinkState, LinkStatus};
use entrepot_oci::Digest;
use entrepot_testkit::{TestImage, TestProxy, until};
use support::{Rig, read};

const MIB: usize = 1 << 20;

struct Linked {
    rig: Rig,
    proxies: Vec<TestProxy>,
    digest: Digest,
    bytes: Bytes,
}

impl Linked {
    /// A blob of so many MiB, behind links that carry so many bytes a second.
    async fn new(mib: usize, rates: &[u64]) -> Self {
        let mut proxies = Vec::new();
        for rate in rates {
            let proxy = TestProxy::start().await;
            proxy.set_rate(*rate);
            proxies.push(proxy);
        }
        let links: Vec<String> =
            proxies.iter().map(|proxy| format!(r#"{{"proxy":"{}"}}"#, proxy.socks5())).collect();
        let rig = Rig::over_links(&links).await;
        let image = TestImage::random(11, 1, mib * MIB);
        rig.upstream.put_image("library/a", "1", &image);
        let (digest, bytes) = image.blobs()[1].clone();
        Self { rig, proxies, digest, bytes }
    }

    async fn pull(&self) -> Bytes {
        read(self.rig.blob("a", &self.digest).await.unwrap()).await.unwrap()
    }

    /// Waits until a proxy has passed on so many bytes.
    async fn until_passed(&self, proxy: usize, bytes: u64) {
        until("bytes over a link", || (self.proxies[proxy].passed() >= bytes).then_some(())).await;
    }

    fn status(&self, link: usize) -> LinkStatus {
        let name = self.proxies[link].socks5();
        self.rig.mirror.links().into_iter().find(|status| status.name == name).unwrap()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_blob_comes_over_all_links_at_once() {
    let linked = Linked::new(12, &[6 << 20; 3]).await;
    assert_eq!(linked.pull().await, linked.bytes);
    for (link, proxy) in linked.proxies.iter().enumerate() {
        assert!(proxy.passed() >= MIB as u64, "{} bytes over link {link}", proxy.passed());
        let status = linked.status(link);
        assert!(status.received > 0 && status.state == LinkState::Ready, "{status:?}");
    }
    // What was fetched twice is less than a segment.
    let passed: u64 = linked.proxies.iter().map(TestProxy::passed).sum();
    assert!(passed < 18 * MIB as u64, "{passed}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_small_blob_takes_one_link() {
    let linked = Linked::new(1, &[50 << 20; 3]).await;
    assert_eq!(linked.pull().await, linked.bytes);
    let busy = linked.proxies.iter().filter(|proxy| proxy.passed() > MIB as u64 / 2).count();
    assert_eq!(busy, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_link_that_resets_its_connections_costs_its_own_segments_a_retry() {
    let linked = Linked::new(12, &[6 << 20; 3]).await;
    let pull = async { linked.pull().await };
    let broken = async {
        linked.until_passed(1, MIB as u64).await;
        linked.proxies[1].go_down();
    };
    let (bytes, ()) = tokio::join!(pull, broken);
    assert_eq!(bytes, linked.bytes);
    let status = linked.status(1);
    assert!(status.failures >= 1 && status.last_failure.is_some(), "{status:?}");
    assert!(linked.proxies[0].passed() > 0 && linked.proxies[2].passed() > 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_link_that_falls_silent_has_its_segments_taken_over() {
    let linked = Linked::new(12, &[6 << 20; 3]).await;
    let pull = async { linked.pull().await };
    let silent = async {
        linked.until_passed(1, MIB as u64).await;
        linked.proxies[1].fall_silent();
    };
    let (bytes, ()) = tokio::join!(pull, silent);
    assert_eq!(bytes, linked.bytes);
    // Nobody waited for half a minute: it was given up, and blamed for its silence.
    let status = linked.status(1);
    assert_eq!(status.last_failure.map(|(_, failure)| failure), Some(LinkFailure::Silent));
    assert_eq!(status.active, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_link_is_not_taken_for_dead() {
    let linked = Linked::new(12, &[6 << 20, 256 << 10, 6 << 20]).await;
    assert_eq!(linked.pull().await, linked.bytes);
    let status = linked.status(1);
    assert!(status.received >= 64 << 10 && status.last_failure.is_none(), "{status:?}");
    // It brings what it can, and no more is left to it.
    assert!(linked.proxies[1].passed() < 4 * MIB as u64);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rate_holds_over_all_connections_of_a_link() {
    let proxy = TestProxy::start().await;
    let link = format!(r#"{{"proxy":"{}","rate":"8MB/s"}}"#, proxy.socks5());
    let rig = Rig::over_links(&[link, r#"{"source":"127.0.0.1","rate":"8MB/s"}"#.to_owned()]).await;
    let image = TestImage::random(12, 1, 12 * MIB);
    rig.upstream.put_image("library/a", "1", &image);
    let (digest, bytes) = image.blobs()[1].clone();
    assert_eq!(read(rig.blob("a", &digest).await.unwrap()).await.unwrap(), bytes);
    for status in rig.mirror.links() {
        // Measured over windows, so never much above; a busy machine may have it lower.
        assert!(status.measured.is_none_or(|measured| measured < 12_000_000), "{status:?}");
        assert!(status.received > MIB as u64, "{status:?}");
    }
}
