//! Registries that are reached over several links: proxies by HTTP and SOCKS5, and addresses of this machine.

use std::time::Duration;

use bytes::Bytes;
use entrepot_oci::Digest;
use entrepot_remote::{
    BlobRequest, Error, LinkFailure, LinkSettings, LinkState, LinkStatus, LinkTable, Patience, PublicView,
    Remote, RemoteSettings,
};
use entrepot_testkit::TestProxy;
use futures_util::TryStreamExt as _;

use crate::support::{Server, answer, latest, manifest, remote, repository};

/// A registry that is reached over these links, and the table that says how they are.
struct Linked {
    remote: Remote,
    table: LinkTable,
}

impl Linked {
    fn new(server: &Server, links: &[String], patience: Patience) -> Self {
        let table = LinkTable::default();
        let links = links.iter().map(|text| serde_json::from_str::<LinkSettings>(text).unwrap()).collect();
        let settings = RemoteSettings { links, link_table: table.clone(), ..server.settings() };
        let remote = Remote::with_patience("lab.test".parse().unwrap(), &settings, patience).unwrap();
        Self { remote, table }
    }

    fn of(server: &Server, proxies: &[&TestProxy]) -> Self {
        let links: Vec<String> = proxies.iter().map(|proxy| via(&proxy.http())).collect();
        Self::new(server, &links, Patience::default())
    }

    async fn pull(&self) -> Result<(), Error> {
        self.remote.manifest(&repository(), &latest()).await.map(drop)
    }

    fn status(&self, link: usize) -> LinkStatus {
        self.table.statuses().remove(link)
    }
}

fn via(proxy: &str) -> String {
    format!(r#"{{"proxy":"{proxy}"}}"#)
}

async fn proxies<const N: usize>() -> [TestProxy; N] {
    let mut started = Vec::new();
    for _ in 0..N {
        started.push(TestProxy::start().await);
    }
    started.try_into().unwrap_or_else(|_| unreachable!())
}

#[tokio::test]
async fn requests_go_over_all_links_in_turn() {
    let server = Server::start(|_| manifest()).await;
    let [http, socks, unused] = proxies().await;
    let links =
        [via(&http.http()), via(&socks.socks5()), r#"{"source":"127.0.0.1","rate":"1Gbit/s"}"#.to_owned()];
    let linked = Linked::new(&server, &links, Patience::default());
    for _ in 0..6 {
        linked.pull().await.unwrap();
    }
    assert!(http.passed() > 0 && socks.passed() > 0);
    assert_eq!((http.connections(), socks.connections(), unused.connections()), (1, 1, 0));
    for (link, name) in [http.http(), socks.socks5(), "127.0.0.1".to_owned()].iter().enumerate() {
        let status = linked.status(link);
        assert_eq!((&status.name, status.state), (name, LinkState::Ready));
        assert!(status.received > 0 && status.active == 0 && status.last_failure.is_none(), "{status:?}");
        assert_eq!(status.registries, ["lab.test".parse().unwrap()]);
    }
}

#[tokio::test]
async fn a_login_is_given_to_the_proxy_and_to_nobody_else() {
    let server = Server::start(|_| manifest()).await;
    let [http, socks] = proxies().await;
    for (proxy, url) in [(&http, http.http()), (&socks, socks.socks5())] {
        proxy.want_login("me", "canary");
        let with = |password: &str| format!(r#"{{"proxy":"{url}","username":"me","password":"{password}"}}"#);
        let right = Linked::new(&server, &[with("canary")], Patience::default());
        right.pull().await.unwrap();
        assert!(server.log().iter().all(|seen| !format!("{seen:?}").contains("roxy-")));
        let wrong = Linked::new(&server, &[with("sesame")], Patience::default());
        let refused = wrong.pull().await.unwrap_err();
        let shown = format!("{} {:?} {:?}", refused.whole(), refused, wrong.table.statuses());
        assert!(!shown.contains("sesame") && shown.contains("me@127.0.0.1"), "{shown}");
        assert!(matches!(refused, Error::Unreachable { .. }), "{refused}");
        assert!(refused.hint().unwrap().contains("`links`"), "{refused}");
    }
}

// Row 43 of research/operate.md.
#[tokio::test]
async fn a_403_of_one_link_is_tried_over_another_before_it_is_believed() {
    let server = Server::start(|_| manifest()).await;
    let [banned, good, spare] = proxies().await;
    banned.answer(403, "");
    let linked = Linked::of(&server, &[&banned, &good]);
    for _ in 0..4 {
        linked.pull().await.unwrap();
    }
    // It rests for that registry, and is not asked again.
    assert_eq!((banned.answered(), server.count()), (1, 4));
    let status = linked.status(0);
    assert_eq!(status.last_failure.unwrap().1, LinkFailure::Refused { status: 403 });
    assert_eq!((status.refused_by[0].0.as_str(), status.failures), ("lab.test", 1));
    // What two links say is believed, and the third one is not asked.
    good.answer(403, "");
    let linked = Linked::of(&server, &[&banned, &good, &spare]);
    assert!(matches!(linked.pull().await, Err(Error::Denied { status: 403, .. })));
    assert_eq!((banned.answered(), good.answered(), spare.connections()), (2, 1, 0));
    assert!(linked.table.statuses().iter().all(|status| status.failures == 0));
}

// Row 37 of research/operate.md.
#[tokio::test]
async fn a_429_rests_one_link_for_as_long_as_the_registry_says() {
    let server = Server::start(|_| manifest()).await;
    let [limited, good] = proxies().await;
    limited.answer(429, "Retry-After: 30");
    let linked = Linked::of(&server, &[&limited, &good]);
    for _ in 0..4 {
        linked.pull().await.unwrap();
    }
    assert_eq!(limited.answered(), 1);
    let (host, left, failure) = linked.status(0).refused_by.remove(0);
    assert_eq!((host.as_str(), failure), ("lab.test", LinkFailure::Limited));
    assert!(left <= Duration::from_secs(30) && left > Duration::from_secs(10), "{left:?}");
    // If all are limited, that is the answer.
    good.answer(429, "Retry-After: 30");
    assert!(matches!(linked.pull().await, Err(Error::Limited { .. })));
}

// Row 45 of research/operate.md.
#[tokio::test]
async fn a_link_that_is_absent_or_down_is_skipped_and_shown() {
    let server = Server::start(|_| manifest()).await;
    let [down, good] = proxies().await;
    // Nobody has an address of TEST-NET-1 (RFC 5737).
    let links = [r#"{"source":"192.0.2.1"}"#.to_owned(), via(&down.socks5()), via(&good.http())];
    let address = down.socks5();
    drop(down);
    let linked = Linked::new(&server, &links, Patience::default());
    for _ in 0..6 {
        linked.pull().await.unwrap();
    }
    assert_eq!(server.count(), 6);
    let (absent, gone) = (linked.status(0), linked.status(1));
    assert_eq!((absent.state, gone.state), (LinkState::Absent, LinkState::Resting));
    assert_eq!((absent.failures, gone.failures), (1, 1));
    assert_eq!(absent.last_failure.unwrap().1, LinkFailure::Absent);
    let LinkFailure::Proxy(fault) = gone.last_failure.unwrap().1 else { panic!("not the proxy") };
    assert!(fault.to_string().contains(address.trim_start_matches("socks5://")), "{fault}");
}

// Row 46 of research/operate.md.
#[tokio::test]
async fn the_address_that_a_registry_sees_is_shown() {
    let server = Server::start(|_| {
        let mut response = manifest();
        response.headers_mut().insert("docker-ratelimit-source", "203.0.113.7".parse().unwrap());
        response
    })
    .await;
    let [proxy] = proxies().await;
    let linked = Linked::of(&server, &[&proxy]);
    assert_eq!(linked.status(0).seen_as, None);
    linked.pull().await.unwrap();
    assert_eq!(linked.status(0).seen_as.as_deref(), Some("203.0.113.7"));
}

#[tokio::test]
async fn tokens_belong_to_the_link_that_they_were_given_over() {
    let server = Server::start(|seen| {
        let host = seen.header("host").unwrap();
        let challenge = format!(r#"Bearer realm="http://{host}/token",service="lab""#);
        if seen.path.starts_with("/token") {
            answer(200, &[], r#"{"token":"t","expires_in":300}"#)
        } else if seen.authorization().is_some() {
            manifest()
        } else {
            answer(401, &[("www-authenticate", challenge.as_str())], "")
        }
    })
    .await;
    let [first, second] = proxies().await;
    let linked = Linked::of(&server, &[&first, &second]);
    for _ in 0..6 {
        linked.pull().await.unwrap();
    }
    let tokens = server.log().iter().filter(|seen| seen.path.starts_with("/token")).count();
    assert_eq!(tokens, 2);
}

#[tokio::test]
async fn a_silent_link_does_not_keep_an_answer_waiting() {
    let server = Server::start(|_| manifest()).await;
    let [silent, good] = proxies().await;
    silent.fall_silent();
    let patience = Patience { hedge: Duration::from_millis(50), ..Patience::default() };
    let linked = Linked::new(&server, &[via(&silent.socks5()), via(&good.socks5())], patience);
    for _ in 0..3 {
        linked.pull().await.unwrap();
    }
    assert!(silent.connections() >= 1);
}

#[tokio::test]
async fn what_one_link_is_refused_may_be_public() {
    let server = Server::start(|_| manifest()).await;
    let [banned, good] = proxies().await;
    banned.answer(403, "");
    let linked = Linked::of(&server, &[&banned, &good]);
    for _ in 0..2 {
        let seen = linked.remote.public_view(&repository(), Some(&latest())).await.unwrap();
        assert_eq!(seen, PublicView::Given);
    }
    // A `HEAD`, and a `GET` since it says nothing.
    assert_eq!(banned.answered(), 2);
    good.answer(403, "");
    let seen = linked.remote.public_view(&repository(), Some(&latest())).await.unwrap();
    assert_eq!(seen, PublicView::Refused);
}

#[tokio::test]
async fn a_body_that_breaks_off_is_blamed_on_its_link() {
    let bytes = Bytes::from(vec![7; 1 << 20]);
    let digest = Digest::of(&bytes);
    let server = Server::start(move |_| answer(200, &[], bytes.clone())).await;
    let [proxy] = proxies().await;
    let linked = Linked::new(&server, &[via(&proxy.socks5())], Patience::default());
    proxy.set_rate(100_000);
    let blob = linked.remote.blob(&repository(), &digest, BlobRequest::default()).await.unwrap();
    assert_eq!(linked.status(0).active, 1);
    proxy.go_down();
    let cut = blob.chunks.try_collect::<Vec<_>>().await.unwrap_err();
    assert!(matches!(cut, Error::Cut { .. }), "{cut}");
    let status = linked.status(0);
    assert_eq!((status.state, status.active), (LinkState::Resting, 0));
    assert_eq!(status.last_failure.unwrap().1, LinkFailure::Broken);
}

#[test]
fn links_are_checked() {
    let link = |text: &str| serde_json::from_str::<LinkSettings>(text).unwrap();
    let settings = RemoteSettings {
        links: vec![link(r#"{"proxy":"http://u:canary@10.0.0.1"}"#)],
        ..RemoteSettings::default()
    };
    let refused = Remote::new("lab.test".parse().unwrap(), &settings).unwrap_err().to_string();
    assert!(refused.contains("http://10.0.0.1") && !refused.contains("canary"), "{refused}");
    // Without links there is one, and nobody is told of it.
    let settings = RemoteSettings::default();
    assert_eq!((remote(&settings).link_count(), settings.link_table.statuses().len()), (1, 0));
}
