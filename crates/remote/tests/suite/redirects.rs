//! Redirects: which are followed, and what is sent along.

use entrepot_remote::{BlobRequest, EgressError, Error, MAX_REDIRECTS, RemoteSettings};
use futures_util::TryStreamExt as _;
use http::Response;

use crate::support::{Body, Server, answer, challenge, credential, latest, manifest, remote, repository};

fn redirect(status: u16, location: &str) -> Response<Body> {
    answer(status, &[("location", location)], "over there")
}

// U30: as GitLab and MinIO behind one nginx. Storages refuse a signed address with a token besides.
#[tokio::test]
async fn a_signed_address_at_home_is_asked_without_a_token() {
    for (location, sent) in [
        ("/storage/x?X-Amz-Signature=abc", None),
        ("/v2/storage/x?sig=abc", None),
        ("/v2/team/app/manifests/v1", Some("Bearer good")),
    ] {
        let server = Server::start(move |seen| match seen.path.as_str() {
            path if path.starts_with("/token") => answer(200, &[], r#"{"token":"good"}"#),
            path if path == location && seen.authorization() == sent => manifest(),
            path if path == location => answer(400, &[], "Only one auth mechanism allowed"),
            _ if seen.authorization().is_some() => answer(307, &[("location", location)], ""),
            _ => challenge(&format!("http://{}/token", seen.header("host").unwrap())),
        })
        .await;
        server.remote().manifest(&repository(), &latest()).await.unwrap();
        assert_eq!(server.count(), 4, "{location}");
    }
    // An address elsewhere at home that does want one is told so by its challenge.
    let server = Server::start(|seen| match (seen.path.as_str(), seen.authorization()) {
        ("/elsewhere", Some(_)) => manifest(),
        (path, _) if path.starts_with("/token") => answer(200, &[], r#"{"token":"good"}"#),
        ("/v2/team/app/manifests/latest", Some(_)) => answer(307, &[("location", "/elsewhere")], ""),
        _ => challenge(&format!("http://{}/token", seen.header("host").unwrap())),
    })
    .await;
    server.remote().manifest(&repository(), &latest()).await.unwrap();
}

#[tokio::test]
async fn authorization_stays_behind() {
    for status in [301, 302, 303, 307, 308] {
        let storage = Server::start(|_| answer(200, &[], "blob")).await;
        let location = format!("{}/signed?signature=x", storage.url());
        let server = Server::start(move |seen| match seen.authorization() {
            Some(_) => redirect(status, &location),
            None => answer(401, &[("www-authenticate", "Basic realm=lab")], ""),
        })
        .await;
        let settings = RemoteSettings {
            credentials: vec![credential("me")],
            private_network: true,
            ..server.settings()
        };
        let remote = remote(&settings);
        let digest = entrepot_oci::Digest::of(b"blob");
        for _ in 0..2 {
            let blob = remote
                .blob(&repository(), &digest, BlobRequest { from: 1, ..BlobRequest::default() })
                .await
                .unwrap();
            assert_eq!(blob.chunks.try_collect::<Vec<_>>().await.unwrap().concat(), b"blob");
        }
        let log = storage.log();
        assert_eq!(log.len(), 2);
        assert!(log.iter().all(|seen| seen.authorization().is_none() && seen.path == "/signed?signature=x"));
        assert!(log.iter().all(|seen| seen.header("range") == Some("bytes=1-")));
    }
}

#[tokio::test]
async fn a_redirect_within_the_registry_keeps_its_token() {
    let server = Server::start(|seen| match (seen.path.as_str(), seen.authorization()) {
        (_, None) => answer(401, &[("www-authenticate", "Basic realm=lab")], ""),
        ("/v2/team/moved/manifests/latest", Some(_)) => manifest(),
        _ => redirect(307, "/v2/team/moved/manifests/latest"),
    })
    .await;
    let settings = RemoteSettings { credentials: vec![credential("me")], ..server.settings() };
    remote(&settings).manifest(&repository(), &latest()).await.unwrap();
    assert_eq!(server.count(), 3);
}

#[tokio::test]
async fn a_redirect_target_may_want_a_token_of_its_own() {
    let target = Server::start(|seen| match (seen.path.starts_with("/token"), seen.authorization()) {
        (true, None) => answer(200, &[], r#"{"token":"theirs"}"#),
        (false, Some("Bearer theirs")) => manifest(),
        (false, None) => challenge(&format!("http://{}/token", seen.header("host").unwrap())),
        other => unreachable!("{other:?}"),
    })
    .await;
    let location = format!("{}/v2/elsewhere/manifests/latest", target.url());
    let server = Server::start(move |_| redirect(307, &location)).await;
    let settings =
        RemoteSettings { credentials: vec![credential("me")], private_network: true, ..server.settings() };
    remote(&settings).manifest(&repository(), &latest()).await.unwrap();
    assert_eq!(target.count(), 3);
    // The other host does not get a password when it asks for one.
    let greedy = Server::start(|_| answer(401, &[("www-authenticate", "Basic realm=x")], "")).await;
    let location = greedy.url();
    let server = Server::start(move |_| redirect(307, &location)).await;
    let settings =
        RemoteSettings { credentials: vec![credential("me")], private_network: true, ..server.settings() };
    let refused = remote(&settings).manifest(&repository(), &latest()).await;
    assert!(matches!(refused, Err(Error::Denied { status: 401, .. })));
    assert!(greedy.log().iter().all(|seen| seen.authorization().is_none()));
    // Once with the account until there, and once without it.
    assert_eq!(greedy.count(), 2);
}

#[tokio::test]
async fn loops_end() {
    let server = Server::start(|seen| redirect(302, &seen.path)).await;
    let refused = server.remote().manifest(&repository(), &latest()).await;
    assert!(matches!(refused, Err(Error::Refused(EgressError::TooManyRedirects))));
    assert_eq!(server.count(), MAX_REDIRECTS + 1);
}

// U11
#[tokio::test]
async fn twenty_hops_are_too_many_wherever_they_lead() {
    let hop = |seen: &crate::support::Seen| {
        let nth: usize = seen.path.rsplit('/').next().unwrap().parse().unwrap_or(0);
        if nth == 20 { manifest() } else { redirect(307, &format!("/hop/{}", nth + 1)) }
    };
    let server = Server::start(hop).await;
    let refused = server.remote().manifest(&repository(), &latest()).await;
    assert!(matches!(refused, Err(Error::Refused(EgressError::TooManyRedirects))));
    assert_eq!(server.count(), MAX_REDIRECTS + 1);
}

#[tokio::test]
async fn places_where_we_do_not_go_are_not_asked() {
    let private = Server::start(|_| manifest()).await;
    let port = private.address.port();
    let locations = [
        private.url(),
        private.named_url(),
        format!("http://2130706433:{port}/"),
        format!("http://0177.0.0.1:{port}/"),
        format!("http://me@127.0.0.1:{port}/"),
        "http://169.254.169.254/latest/meta-data/".to_owned(),
        "http://[::1]/".to_owned(),
        "http://[64:ff9b::7f00:1]/".to_owned(),
        "file:///etc/passwd".to_owned(),
    ];
    for location in locations {
        let text = location.clone();
        let server = Server::start(move |_| redirect(307, &text)).await;
        let refused = server.remote().manifest(&repository(), &latest()).await;
        assert!(matches!(refused, Err(Error::Refused(_))), "{location}: {refused:?}");
        assert_eq!(server.count(), 1, "{location}");
    }
    assert_eq!(private.count(), 0);
}

#[tokio::test]
async fn a_registry_known_by_name_only_must_be_public() {
    let private = Server::start(|_| manifest()).await;
    let host = format!("localhost:{}", private.address.port());
    let remote = entrepot_remote::Remote::new(host.parse().unwrap(), &RemoteSettings::default()).unwrap();
    let refused = remote.manifest(&repository(), &latest()).await.unwrap_err();
    assert!(matches!(&refused, Error::Refused(EgressError::PrivateAddress { host }) if host == "localhost"));
    assert!(refused.to_string().contains("hint: name it under `endpoints`"), "{refused}");
    assert_eq!(private.count(), 0);
}
