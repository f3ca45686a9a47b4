//! Registries that count pulls: what is known of it, which account is used, and when nothing is sent.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
};

use entrepot_remote::{Error, QuotaState, Quotas, Remote, RemoteSettings};
use entrepot_testkit::{Capabilities, TestImage, TestRegistry};
use http::{Method, Response};

use crate::support::{Body, Seen, Server, answer, credential, latest, remote};

const LOGINS: [(&str, &str); 2] = [("one", "Basic b25lOmNhbmFyeQ=="), ("two", "Basic dHdvOmNhbmFyeQ==")];

/// A registry that counts the pulls of each account, as Docker Hub does.
#[derive(Clone)]
struct Hub(Arc<Mutex<BTreeMap<&'static str, u64>>>);

impl Hub {
    fn with(left: [(&'static str, u64); 2]) -> Self {
        Self(Arc::new(Mutex::new(left.into())))
    }

    fn left(&self, account: &str) -> u64 {
        self.0.lock().unwrap()[account]
    }

    fn answer(&self, seen: &Seen) -> Response<Body> {
        let login = LOGINS.into_iter().find(|(_, login)| seen.authorization() == Some(*login));
        let Some((account, _)) = login else {
            return answer(401, &[("www-authenticate", "Basic realm=lab")], "");
        };
        let mut all = self.0.lock().unwrap();
        let left = all.get_mut(account).unwrap();
        if seen.method == Method::GET {
            let Some(rest) = left.checked_sub(1) else { return answer(429, &[], "") };
            *left = rest;
        }
        let remaining = format!("{left};w=21600");
        let headers = [
            ("ratelimit-limit", "100;w=21600"),
            ("ratelimit-remaining", remaining.as_str()),
            ("docker-ratelimit-source", "127.0.0.1"),
            ("content-type", crate::support::INDEX),
        ];
        answer(200, &headers, crate::support::MANIFEST)
    }

    async fn serve(&self) -> Server {
        let hub = self.clone();
        Server::start(move |seen| hub.answer(seen)).await
    }
}

async fn pull(remote: &Remote, name: &str) -> Result<(), Error> {
    remote.manifest(&name.parse().unwrap(), &latest()).await.map(drop)
}

fn two(server: &Server) -> RemoteSettings {
    RemoteSettings { credentials: vec![credential("one"), credential("two")], ..server.settings() }
}

// operate.md row 40
#[tokio::test]
async fn the_account_with_most_left_is_used_first() {
    let hub = Hub::with([("one", 10), ("two", 16)]);
    let server = hub.serve().await;
    let remote = remote(&two(&server));
    for nth in 0..20 {
        pull(&remote, &format!("acme/app{nth}")).await.unwrap();
    }
    assert_eq!((hub.left("one"), hub.left("two")), (3, 3), "both at once, and none of them first");
    for nth in 20..26 {
        pull(&remote, &format!("acme/app{nth}")).await.unwrap();
    }
    let refused = pull(&remote, "acme/one-too-many").await;
    assert!(matches!(refused, Err(Error::Limited { retry_after: Some(_) })), "{refused:?}");
    let states: Vec<_> = remote.account_quotas().into_iter().map(|one| (one.state, one.spent)).collect();
    assert_eq!(states, [(QuotaState::UsedUp, 10), (QuotaState::UsedUp, 16)]);
}

// operate.md row 40
#[tokio::test]
async fn a_repository_keeps_its_account() {
    let hub = Hub::with([("one", 50), ("two", 50)]);
    let server = hub.serve().await;
    let remote = remote(&two(&server));
    for _ in 0..6 {
        pull(&remote, "acme/app").await.unwrap();
    }
    assert_eq!((hub.left("one"), hub.left("two")), (44, 50), "one pull has one account");
    pull(&remote, "acme/other").await.unwrap();
    assert_eq!(hub.left("two"), 49);
    for _ in 0..44 {
        pull(&remote, "acme/app").await.unwrap();
    }
    pull(&remote, "acme/app").await.unwrap();
    assert_eq!((hub.left("one"), hub.left("two")), (0, 48), "until it has none left");
}

// operate.md row 34
#[tokio::test]
async fn with_nothing_left_nothing_is_sent() {
    let hub = Hub::with([("one", 1), ("two", 0)]);
    let server = hub.serve().await;
    let remote = remote(&RemoteSettings { credentials: vec![credential("one")], ..server.settings() });
    pull(&remote, "acme/app").await.unwrap();
    let before = server.count();
    for nth in 0..5 {
        let refused = pull(&remote, &format!("acme/app{nth}")).await;
        let Err(Error::Limited { retry_after: Some(wait) }) = refused else { panic!("{refused:?}") };
        assert!(wait.as_secs() <= 300, "a try is due every five minutes: {wait:?}");
    }
    assert_eq!(server.count(), before);
    remote.head_manifest(&"acme/app".parse().unwrap(), &latest()).await.unwrap();
    assert_eq!(server.count(), before + 1, "what is not counted is asked");
}

// operate.md rows 32, 36
#[tokio::test]
async fn what_is_not_told_is_unknown_and_a_mistaken_count_is_seen() {
    let registry = TestRegistry::start().await;
    registry.put_image("acme/app", "latest", &TestImage::random(1, 1, 10));
    let settings =
        RemoteSettings { endpoints: vec![registry.url().parse().unwrap()], ..RemoteSettings::default() };
    let silent = Remote::new(registry.host(), &settings).unwrap();
    pull(&silent, "acme/app").await.unwrap();
    let seen = silent.account_quotas();
    assert_eq!((seen[0].state, seen[0].left, seen[0].spent), (QuotaState::Unknown, None, 1));
    assert!(silent.pull_quota().is_none() && !silent.is_at_pull_reserve());

    let server = Hub::with([("one", 50), ("two", 50)]).serve().await;
    let remote = remote(&RemoteSettings { credentials: vec![credential("one")], ..server.settings() });
    pull(&remote, "acme/app").await.unwrap();
    let seen = remote.account_quotas();
    assert_eq!(seen[0].source.as_deref(), Some("127.0.0.1"));
    assert!(seen[0].counts_address);
}

#[tokio::test]
async fn what_one_client_learns_all_know() {
    let registry = TestRegistry::start().await;
    registry.capabilities(|abilities| *abilities = Capabilities::docker_hub(30));
    registry.put_image("acme/app", "latest", &TestImage::random(1, 1, 10));
    let settings = |quotas: &Quotas, reserve| RemoteSettings {
        endpoints: vec![registry.url().parse().unwrap()],
        quotas: quotas.clone(),
        reserve,
        ..RemoteSettings::default()
    };
    let quotas = Quotas::default();
    let of = |reserve| Remote::new(registry.host(), &settings(&quotas, reserve)).unwrap();
    let (one, other, strict) = (of(None), of(Some(10)), of(Some(29)));
    pull(&one, "acme/app").await.unwrap();
    assert_eq!(other.pull_quota().map(|quota| quota.remaining), Some(29));
    assert_eq!((one.pull_reserve(), other.pull_reserve()), (20, 10));
    assert!(!one.is_at_pull_reserve() && !other.is_at_pull_reserve() && strict.is_at_pull_reserve());
    let alone = Remote::new(registry.host(), &settings(&Quotas::default(), None)).unwrap();
    assert!(alone.pull_quota().is_none());
}
