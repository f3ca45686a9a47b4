//! Blobs in an object store: who is sent there, and what that costs.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on ends")]

mod support;

use bytes::Bytes;
use entrepot_access::{Access, Role, Rules};
use entrepot_blobs::S3Settings;
use entrepot_catalog::{Catalog, Location};
use entrepot_oci::Digest;
use entrepot_policy::{LimitsSection, PullLimits};
use entrepot_secrets::Keyring;
use entrepot_server::LimitsInForce;
use entrepot_testkit::s3::{BUCKET, KEYS, S3Server};
use support::{
    Rig, Setup,
    account::{AWAY, PASSWORD, basic, by, name},
    code, noise,
};

fn store(server: &S3Server) -> S3Settings {
    S3Settings {
        bucket: BUCKET.to_owned(),
        endpoint: server.endpoint().parse().unwrap(),
        region: "us-east-1".to_owned(),
        prefix: None,
        access_key: Some(KEYS[0].into()),
        secret_key: Some(KEYS[1].into()),
        virtual_hosted: false,
        redirect: true,
    }
}

fn limits(change: impl FnOnce(&mut LimitsSection)) -> LimitsInForce {
    let mut section = LimitsSection::default();
    change(&mut section);
    LimitsInForce::new(PullLimits::of(&section))
}

async fn held(setup: Setup) -> (Rig, S3Server, Digest, Bytes) {
    let (server, blob) = (S3Server::start().await, noise(1, 300_000));
    let rig = Rig::start_with(Setup { s3: Some(store(&server)), ..setup }).await;
    let digest = rig.push_blob("local/x", blob.clone()).await;
    (rig, server, digest, blob)
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_is_sent_there_while_a_rate_counts_for_them() {
    let limits = limits(|section| section.per_client.rate = "100MiB/s".parse().ok());
    let (rig, _server, digest, blob) = held(Setup { limits, ..Setup::default() }).await;
    let path = format!("/v2/local/x/blobs/{digest}");
    let here = rig.get_with(&path, &[AWAY]).await;
    assert_eq!((here.status.as_u16(), here.body), (200, blob));
    let owner = rig.get(&path).await;
    assert_eq!(owner.status, 307, "programs on the server's machine have no limits");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_size_is_charged_when_somebody_is_sent_there() {
    let limits = limits(|section| section.per_client.hot = "400kB/d".parse().ok());
    let (rig, _server, digest, _) = held(Setup { limits, ..Setup::default() }).await;
    let path = format!("/v2/local/x/blobs/{digest}");
    for _ in 0..2 {
        assert_eq!(rig.get_with(&path, &[AWAY]).await.status, 307);
    }
    let refused = rig.get_with(&path, &[AWAY]).await;
    assert_eq!((refused.status.as_u16(), code(&refused).as_str()), (429, "TOOMANYREQUESTS"));
    assert!(
        refused.text().contains("this address reads more than 400kB/d; hint: try again in "),
        "{}",
        refused.text()
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn only_what_everybody_may_pull_is_elsewhere() {
    let directory = tempfile::tempdir().unwrap();
    let catalog = Catalog::open(&Location::Sqlite(directory.path().join("access.db"))).await.unwrap();
    let rules = Rules {
        anonymous: "pull".parse().unwrap(),
        local: "pull,push".parse().unwrap(),
        private: vec!["local/secret/**".parse().unwrap()],
        ..Rules::default()
    };
    let access = Access::open(catalog, Keyring::generate(), rules).await.unwrap();
    access.create_account(&name("root"), Role::Admin, Some(PASSWORD.into()), &by()).await.unwrap();
    let server = S3Server::start().await;
    let setup = Setup { access: Some(access), s3: Some(store(&server)), ..Setup::default() };
    let rig = Rig::start_with(setup).await;
    let blob = noise(2, 300_000);
    let login = basic("root");
    let read = async |repository: &str, headers: &[(&str, &str)]| {
        let digest = Digest::of(&blob);
        let upload = format!("/v2/{repository}/blobs/uploads/?digest={digest}");
        let pushed =
            rig.send("POST", &upload, &[AWAY, ("authorization", login.as_str())], blob.clone()).await;
        assert_eq!(pushed.status, 201, "{}", pushed.text());
        rig.get_with(&format!("/v2/{repository}/blobs/{digest}"), headers).await
    };
    assert_eq!(read("local/open", &[AWAY]).await.status, 307);
    let private = read("local/secret/x", &[AWAY, ("authorization", login.as_str())]).await;
    assert_eq!((private.status.as_u16(), private.body), (200, blob.clone()));
}
