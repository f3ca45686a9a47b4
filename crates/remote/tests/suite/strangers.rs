//! Servers other than the registry: no response of theirs, in any spelling, gets them a password or the use of one.

use std::sync::{Arc, OnceLock};

use entrepot_oci::Digest;
use entrepot_remote::{
    AccountFault, BlobRequest, Credential, EgressError, Error, LoginOutcome, Remote, RemoteSettings,
    SettingsError, UploadBody,
};
use http::{Method, Response};

use crate::support::{
    Body, Seen, Server, answer, challenge, credential, latest, manifest, remote, repository, url,
};

const ME: &str = "Basic bWU6Y2FuYXJ5";

fn see(location: &str) -> Response<Body> {
    answer(307, &[("location", location)], "")
}

fn wants_password() -> Response<Body> {
    answer(401, &[("www-authenticate", "Basic realm=lab")], "")
}

/// A registry with a name of its own that wants a password first, and then responds by `script`.
async fn registry(script: impl Fn(&Seen) -> Response<Body> + Send + Sync + 'static) -> Server {
    Server::start(move |seen| match seen.authorization() {
        None => wants_password(),
        Some(_) => script(seen),
    })
    .await
}

/// An account that is valid everywhere.
fn to(server: &Server) -> Remote {
    let credentials = vec![credential("me")];
    remote(&RemoteSettings { credentials, private_network: true, ..server.settings() })
}

fn is_told(seen: &Seen) -> bool {
    format!("{seen:?}").contains("canary") || seen.header("authorization").is_some()
}

#[tokio::test]
async fn no_spelling_of_another_place_takes_the_account_along() {
    let stranger = Server::start(|_| manifest()).await;
    let there = stranger.address.port();
    for spelling in [
        "//127.0.0.1:PORT/x",
        "http:\\\\127.0.0.1:PORT/x",
        "\\\\127.0.0.1:PORT/x",
        "/\\127.0.0.1:PORT/x",
        "http://HOME@127.0.0.1:PORT/x",
        "http://HOME\\@127.0.0.1:PORT/x",
        " http://127.0.0.1:PORT/x",
        "\thttp://127.0.0.1:PORT/x",
        "HTTP://127.0.0.1:PORT/x",
        "http://127.0.0.1:PORT#@HOME/x",
        "http://127.0.0.1:PORT?@HOME/x",
        "http://2130706433:PORT/x",
        "http://0x7f000001:PORT/x",
        "http://127.1:PORT/x",
        "http://127.0.0.1:0PORT/x",
        "http://127.0.0.1.:PORT/x",
        "http://127.0.0.1%2e:PORT/x",
        "http:/127.0.0.1:PORT/x",
        "http://localhost:PORT/x",
        "http://LOCALHOST:PORT/x",
        "http://[::ffff:127.0.0.1]:PORT/x",
    ] {
        let spelt = spelling.replace("PORT", &there.to_string());
        let server = registry(move |seen| see(&spelt.replace("HOME", seen.header("host").unwrap()))).await;
        // A target that is not a URL is an error; any other is requested without an account.
        let _ = to(&server).head_manifest(&repository(), &latest()).await;
        let _ = to(&server).manifest(&repository(), &latest()).await;
        assert!(!stranger.log().iter().any(is_told), "{spelling}: {:?}", stranger.log());
    }
    assert!(stranger.count() > 20, "{}", stranger.count());
}

// The registry's own address under another name, which might belong to somebody else later.
#[tokio::test]
async fn another_name_for_home_is_not_home() {
    let server = registry(|seen| match seen.path.as_str() {
        "/moved" => manifest(),
        _ => see(&format!(
            "http://localhost:{}/moved",
            seen.header("host").unwrap().rsplit(':').next().unwrap()
        )),
    })
    .await;
    let refused = to(&server).manifest(&repository(), &latest()).await;
    assert!(matches!(refused, Err(Error::Denied { status: 401, .. })), "{refused:?}");
    assert!(
        server.log().iter().all(|seen| !seen.path.starts_with("/moved") || seen.authorization().is_none())
    );
}

// A→B→A. The server that redirects back chose the request there.
#[tokio::test]
async fn an_account_is_not_used_behind_a_stranger() {
    for bearer in [false, true] {
        let home = Arc::new(OnceLock::<String>::new());
        let there = Arc::clone(&home);
        let stranger =
            Server::start(move |_| see(&format!("{}/v2/private/secret/manifests/t", there.get().unwrap())))
                .await;
        let location = format!("{}/x", stranger.url());
        let server = Server::start(move |seen| {
            let realm = format!("http://{}/token", seen.header("host").unwrap());
            match (seen.path.as_str(), seen.authorization()) {
                (path, Some(ME)) if path.starts_with("/token") => answer(200, &[], r#"{"token":"mine"}"#),
                (path, None) if path.starts_with("/token") => answer(200, &[], r#"{"token":"anyones"}"#),
                (_, None | Some("Bearer anyones")) if bearer => challenge(&realm),
                (_, None) => wants_password(),
                ("/v2/private/secret/manifests/t", _) => manifest(),
                _ => see(&location),
            }
        })
        .await;
        home.set(server.url()).unwrap();
        // The namespace makes no difference.
        let mut mine = credential("me");
        mine.namespace = Some("team".parse().unwrap());
        let settings = RemoteSettings { private_network: true, ..server.settings() };
        for credentials in [vec![credential("me")], vec![mine]] {
            let refused = remote(&RemoteSettings { credentials, ..settings.clone() })
                .manifest(&repository(), &latest())
                .await;
            assert!(matches!(refused, Err(Error::Denied { status: 401, .. })), "{refused:?}");
        }
        let private: Vec<_> = server.log().into_iter().filter(|seen| seen.path.contains("private")).collect();
        assert!(!private.is_empty() && !stranger.log().iter().any(is_told));
        for seen in private {
            assert!(!matches!(seen.authorization(), Some(ME | "Bearer mine")), "{seen:?}");
        }
    }
}

// The same for uploads, where every response says where to continue.
#[tokio::test]
async fn an_upload_that_went_to_a_stranger_stays_without_the_account() {
    let home = Arc::new(OnceLock::<String>::new());
    let there = Arc::clone(&home);
    let stranger = Server::start(move |_| {
        let location = format!("{}/v2/private/blobs/uploads/1", there.get().unwrap());
        answer(202, &[("location", &location)], "")
    })
    .await;
    let (begin, go_on) = (format!("{}/begin", stranger.url()), format!("{}/go-on", stranger.url()));
    let server = registry(move |seen| match (&seen.method, seen.path.as_str()) {
        (_, path) if path.contains("private") => answer(201, &[], ""),
        (&Method::POST, path) if path.contains("redirected") => see(&begin),
        _ => answer(202, &[("location", &go_on)], ""),
    })
    .await;
    home.set(server.url()).unwrap();
    let bytes = bytes::Bytes::from_static(b"blob");
    let remote = to(&server);
    // The other server responds to the start, or to the first chunk.
    let upload = remote.start_upload(&"redirected".parse().unwrap()).await.unwrap();
    assert!(upload.send(&Digest::of(&bytes), UploadBody::from(bytes.clone())).await.is_err());
    let mut upload = remote.start_upload(&repository()).await.unwrap();
    upload.chunk(UploadBody::from(bytes.clone())).await.unwrap();
    assert!(upload.finish(&Digest::of(&bytes)).await.is_err());
    let private: Vec<_> = server.log().into_iter().filter(|seen| seen.path.contains("private")).collect();
    assert!(private.len() >= 2 && !private.iter().any(is_told), "{private:?}");
    assert!(stranger.count() == 2 && !stranger.log().iter().any(is_told), "{:?}", stranger.log());
}

#[tokio::test]
async fn what_is_written_goes_to_a_stranger_without_the_account() {
    let stranger = Server::start(|_| answer(201, &[], "")).await;
    let location = format!("{}/put", stranger.url());
    let server = registry(move |_| see(&location)).await;
    let (remote, bytes) = (to(&server), bytes::Bytes::from_static(br#"{"manifests":[]}"#));
    let kind = entrepot_oci::MediaType::OCI_INDEX;
    remote.put_manifest(&repository(), &latest(), &kind, bytes).await.unwrap();
    assert!(stranger.count() == 1 && !is_told(&stranger.log()[0]), "{:?}", stranger.log());
}

#[tokio::test]
async fn a_strangers_challenge_gets_at_most_what_anyone_has() {
    let tokens = Server::start(|_| answer(200, &[], r#"{"token":"anyones"}"#)).await;
    let realm = format!("{}/token", tokens.url());
    let stranger = Server::start(move |seen| match seen.authorization() {
        None => challenge(&realm),
        Some(_) => manifest(),
    })
    .await;
    let location = stranger.url();
    let server = registry(move |_| see(&location)).await;
    to(&server).manifest(&repository(), &latest()).await.unwrap();
    assert!(tokens.count() == 1 && !is_told(&tokens.log()[0]), "{:?}", tokens.log());
    assert_eq!(stranger.log()[1].authorization(), Some("Bearer anyones"));
}

// The password is for neither of two challenges that name somebody else's server.
#[tokio::test]
async fn a_token_server_is_chosen_by_owner_and_not_by_order() {
    let tokens = Server::start(|_| answer(200, &[], r#"{"token":"t"}"#)).await;
    let offers = [
        format!(r#"Bearer realm="{}/token",service="s", Basic realm="x""#, tokens.named_url()),
        format!(r#"Basic realm="x", Bearer realm="{}/token",service="s""#, tokens.named_url()),
    ];
    for offer in offers {
        let server = Server::start(move |_| answer(401, &[("www-authenticate", &offer)], "")).await;
        assert!(to(&server).manifest(&repository(), &latest()).await.is_err());
    }
    // For each once in the account's place, and once because it may be public.
    assert!(tokens.count() == 4 && !tokens.log().iter().any(is_told), "{:?}", tokens.log());
}

// A redirect of a token server is followed neither with the password nor without.
#[tokio::test]
async fn a_token_server_that_redirects_is_not_followed() {
    let stranger = Server::start(|_| answer(200, &[], r#"{"token":"t"}"#)).await;
    let location = format!("{}/token", stranger.url());
    let server = Server::start(move |seen| match seen.path.starts_with("/token") {
        true => see(&location),
        false => challenge(&format!("http://{}/token", seen.header("host").unwrap())),
    })
    .await;
    assert!(to(&server).manifest(&repository(), &latest()).await.is_err());
    assert_eq!(stranger.count(), 0);
}

fn of(endpoint: Option<&Server>) -> Credential {
    Credential { endpoint: endpoint.map(|server| url(&server.url())), ..credential("me") }
}

// A mirror of somebody else's in front of the registry itself.
#[tokio::test]
async fn an_account_goes_to_the_endpoint_that_it_is_for() {
    let accelerator = registry(|_| manifest()).await;
    let own = registry(|_| manifest()).await;
    let host: entrepot_oci::Host = own.address.to_string().parse().unwrap();
    let endpoints = vec![url(&accelerator.url()), url(&own.url())];
    let with = |credentials| RemoteSettings {
        endpoints: endpoints.clone(),
        credentials,
        ..RemoteSettings::default()
    };
    let unclear = Remote::new(host.clone(), &with(vec![of(None)])).unwrap_err();
    assert!(matches!(&unclear, SettingsError::Account { fault: AccountFault::EndpointMissing, .. }));
    assert_eq!(unclear.to_string(), "the account `me`: it is not said which endpoint this account is for");
    assert!(!format!("{unclear:?}").contains("canary"));
    let stray = Remote::new(
        host.clone(),
        &with(vec![Credential { endpoint: Some(url("http://10.0.0.1")), ..of(None) }]),
    );
    assert!(matches!(stray, Err(SettingsError::Account { fault: AccountFault::EndpointUnknown, .. })));

    let remote = Remote::new(host.clone(), &with(vec![of(Some(&own))])).unwrap();
    remote.manifest(&repository(), &latest()).await.unwrap();
    remote.head_manifest(&repository(), &latest()).await.unwrap();
    remote.blob(&repository(), &Digest::of(b"x"), BlobRequest::default()).await.unwrap();
    remote.start_upload(&repository()).await.unwrap_err();
    remote.access(&repository(), entrepot_remote::Rights::Pull).await.unwrap();
    assert!(accelerator.count() >= 5 && !accelerator.log().iter().any(is_told), "{:?}", accelerator.log());
    assert!(own.log().iter().any(|seen| seen.authorization() == Some(ME)));

    let remote = Remote::new(host.clone(), &with(vec![of(Some(&accelerator))])).unwrap();
    remote.manifest(&repository(), &latest()).await.unwrap();
    assert!(accelerator.log().iter().any(|seen| seen.authorization() == Some(ME)));

    // A login goes to the registry itself.
    let before = accelerator.count();
    let own_only = RemoteSettings { endpoints: vec![url(&own.url())], ..RemoteSettings::default() };
    let remote = Remote::new(host, &own_only).unwrap();
    assert_eq!(remote.log_in(&of(None)).await.unwrap(), LoginOutcome::Accepted);
    let other = Remote::new("lab.test".parse().unwrap(), &with(Vec::new())).unwrap();
    let refused = other.log_in(&of(None)).await.unwrap_err();
    assert!(matches!(&refused, Error::Refused(EgressError::ForeignEndpoint { .. })), "{refused:?}");
    let told = format!(
        "the password is for the registry itself, and not for its endpoint `{}`",
        accelerator.address
    );
    assert_eq!((refused.to_string(), accelerator.count()), (told, before));
}
