//! Two servers with the same accounts: one has everything that is asked for, the other has nothing.

use std::{sync::Arc, time::SystemTime};

use entrepot_access::{Access, Grant, Role, Rules};
use entrepot_catalog::{Catalog, Claim, Instance, InstanceId, Location};
use entrepot_oci::Digest;
use entrepot_scheduler::{Executor, Scheduler, SchedulerMetrics, SchedulerParts};
use entrepot_secrets::Keyring;
use entrepot_server::{ApiToken, SyncService};
use entrepot_sync::rules::{RuleSection, RuleSet};
use entrepot_testkit::{
    TestImage,
    client::{self, Response},
};
use http::Method;

use crate::{
    senders::{Kind, Sender},
    support::{
        Rig, Setup,
        account::{PASSWORD, by},
        content::{IMAGE, image},
        noise,
    },
};

pub(crate) const SYNC_TOKEN: &str = "the token of the configuration";
pub(crate) const PUBLIC: &str = "local/public";
/// Private, and granted to one account of each role but admin.
pub(crate) const GRANTED: &str = "local/granted";
/// Private, and granted to nobody.
pub(crate) const SECRET: &str = "local/secret";
/// Of an upstream.
pub(crate) const MIRRORED: &str = "library/a";
/// Requests for another host than loopback are not local.
const AWAY: &str = "m.test";

pub(crate) fn is_private(repository: &str) -> bool {
    [GRANTED, SECRET].contains(&repository)
}

/// The blob of every image here.
pub(crate) fn layer() -> bytes::Bytes {
    noise(7, 100)
}

pub(crate) fn manifest() -> Vec<u8> {
    image(&[&layer()], "")
}

pub(crate) struct Yard {
    /// Has what is asked for.
    pub(crate) full: Rig,
    /// Has nothing.
    pub(crate) empty: Rig,
    pub(crate) access: Access,
    _directory: tempfile::TempDir,
}

impl Yard {
    pub(crate) async fn open() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let catalog = Catalog::open(&Location::Sqlite(directory.path().join("access.db"))).await.unwrap();
        let access = Access::open(catalog, Keyring::generate(), rules()).await.unwrap();
        for role in Role::ALL {
            let name = role.as_str().parse().unwrap();
            access.create_account(&name, role, Some(PASSWORD.into()), &by()).await.unwrap();
        }
        let full = rig(&access, directory.path().join("full.db")).await;
        let empty = rig(&access, directory.path().join("empty.db")).await;
        full.upstream.put_image("library/a", "1", &TestImage::layers([layer()]));
        let yard = Self { full, empty, access, _directory: directory };
        for repository in [PUBLIC, GRANTED, SECRET] {
            yard.fill(repository).await;
        }
        yard
    }

    /// Pushes what is asked for, also again after it was deleted.
    pub(crate) async fn fill(&self, repository: &str) {
        self.full.push_blob(repository, "{}").await;
        self.full.push_blob(repository, layer()).await;
        let pushed = self.full.push(repository, "1", IMAGE, &manifest()).await;
        assert_eq!(pushed.status, 201, "{}", pushed.text());
    }
}

fn rules() -> Rules {
    let grant = |to: &str| Grant {
        to: to.parse().unwrap(),
        repositories: vec![GRANTED.parse().unwrap()],
        may: "pull,push,delete".parse().unwrap(),
    };
    Rules {
        anonymous: "pull".parse().unwrap(),
        anonymous_sees: true,
        local: "pull,push".parse().unwrap(),
        grants: ["account:viewer", "account:user", "account:operator"].map(grant).into(),
        private: vec![GRANTED.parse().unwrap(), SECRET.parse().unwrap()],
        ..Rules::default()
    }
}

async fn rig(access: &Access, database: std::path::PathBuf) -> Rig {
    let setup = Setup {
        access: Some(access.clone()),
        token: Some(ApiToken::new(SYNC_TOKEN)),
        sync: Some(syncs(database).await),
        catalog: true,
        ..Setup::default()
    };
    Rig::start_with(setup).await
}

async fn syncs(database: std::path::PathBuf) -> SyncService {
    let rules = r#"[{"name": "base", "from": "quay.io/a/b", "to": ["swr.example.com/x/{name}"]}]"#;
    let sections: Vec<RuleSection> = serde_json::from_str(rules).unwrap();
    let executor: Executor = Arc::new(|_| Box::pin(async { Ok(()) }));
    let catalog = Catalog::open(&Location::Sqlite(database)).await.unwrap();
    let instance = Instance { id: InstanceId::new(), name: "a test".to_owned(), started: SystemTime::now() };
    let Claim::Ours(lock) = catalog.claim(&instance).await.unwrap() else { panic!("it is locked") };
    let parts = SchedulerParts {
        catalog,
        instance,
        lock,
        rules: RuleSet::check(&sections).unwrap(),
        executor,
        metrics: SchedulerMetrics::default(),
        events: Default::default(),
        clock: Arc::new(SystemTime::now),
    };
    SyncService::new(Scheduler::open(parts).await.unwrap())
}

/// Sends a request as this sender.
pub(crate) async fn ask(rig: &Rig, sender: &Sender, request: &Request<'_>) -> Answer {
    let mut headers = Vec::new();
    if sender.kind != Kind::Local {
        headers.push(("host", AWAY));
    }
    headers.extend(sender.authorization.as_deref().map(|value| ("authorization", value)));
    headers.extend_from_slice(request.headers);
    let response = rig.send(request.method, request.path, &headers, request.body.to_vec()).await;
    Answer::of(rig, &response)
}

/// Sends a `GET` as this sender, and does not wait for the end of the response. Returns the status.
pub(crate) async fn begun(rig: &Rig, sender: &Sender, path: &str) -> u16 {
    let mut headers = Vec::new();
    if sender.kind != Kind::Local {
        headers.push(("host", AWAY));
    }
    headers.extend(sender.authorization.as_deref().map(|value| ("authorization", value)));
    let response = client::try_streaming(Method::GET, &rig.url(path), &headers, "").await.unwrap();
    response.status.as_u16()
}

#[derive(Clone, Copy)]
pub(crate) struct Request<'a> {
    pub(crate) method: &'a str,
    pub(crate) path: &'a str,
    pub(crate) headers: &'a [(&'a str, &'a str)],
    pub(crate) body: &'a [u8],
}

/// Everything that a client sees of a response, but the date and the request's id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: String,
}

impl Answer {
    fn of(rig: &Rig, response: &Response) -> Self {
        // The two servers have different ports, and local clients name them.
        let plain = |text: &str| text.replace(&rig.address.to_string(), "HERE");
        let told =
            response.headers.iter().filter(|(name, _)| !["date", "x-request-id"].contains(&name.as_str()));
        let headers = told.map(|(name, value)| (name.to_string(), plain(value.to_str().unwrap())));
        let mut headers: Vec<_> = headers.collect();
        headers.sort();
        Self { status: response.status.as_u16(), headers, body: plain(&response.text()) }
    }
}

/// A digest of nothing that is here.
pub(crate) fn absent() -> Digest {
    Digest::of(b"absent")
}
