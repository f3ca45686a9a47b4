//! Tokens and passwords, and which servers see them.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use base64::{Engine as _, prelude::BASE64_STANDARD};
use entrepot_remote::{Credential, EgressError, Error, InvalidResponse, LoginOutcome, RemoteSettings};
use http::Response;

use crate::support::{
    self, Body, Seen, Server, answer, challenge, credential, latest, manifest, remote, repository,
};

// A registry with its token server at `/token`; `token` makes the response of that server.
async fn registry(token: impl Fn(usize) -> Response<Body> + Send + Sync + 'static) -> Server {
    let tokens = AtomicUsize::new(0);
    Server::start(move |seen| {
        if seen.path.starts_with("/token") {
            return token(tokens.fetch_add(1, Ordering::SeqCst));
        }
        match seen.authorization() {
            Some(header) if header.starts_with("Bearer good") => manifest(),
            _ => challenge(&format!("http://{}/token", seen.header("host").unwrap())),
        }
    })
    .await
}

fn paths(log: &[Seen]) -> Vec<&str> {
    log.iter().map(|seen| seen.path.split('?').next().unwrap()).collect()
}

#[tokio::test]
async fn a_token_is_fetched_once_and_then_sent_at_once() {
    let server = registry(|_| answer(200, &[], r#"{"token":"good","expires_in":300}"#)).await;
    let remote = server.remote();
    for _ in 0..3 {
        remote.manifest(&repository(), &latest()).await.unwrap();
    }
    let log = server.log();
    let path = "/v2/team/app/manifests/latest";
    assert_eq!(paths(&log), [path, "/token", path, path, path]);
    assert_eq!(log[1].path, "/token?service=lab&scope=repository%3Ateam%2Fapp%3Apull");
    assert_eq!(log[1].authorization(), None);
    // Another repository needs another token.
    remote.manifest(&"team/other".parse().unwrap(), &latest()).await.unwrap();
    assert_eq!(server.count(), 8);
}

// U29: ECR and ECR Public refuse a token that has died without a challenge.
#[tokio::test]
async fn a_token_that_died_before_its_time_is_replaced() {
    for (status, body) in [
        (400, r#"{"errors":[{"code":"DENIED","message":"Your Authorization Token is invalid."}]}"#),
        (403, r#"{"errors":[{"code":"DENIED","message":"Your authorization token has expired."}]}"#),
    ] {
        let given = Arc::new(AtomicUsize::new(0));
        let valid = Arc::clone(&given);
        let server = Server::start(move |seen| {
            if seen.path.starts_with("/token") {
                let nth = valid.fetch_add(1, Ordering::SeqCst) + 1;
                return answer(200, &[], format!(r#"{{"token":"t{nth}","expires_in":3600}}"#));
            }
            let good = format!("Bearer t{}", valid.load(Ordering::SeqCst));
            match seen.authorization() {
                Some(header) if header == good && !seen.path.contains("secret") => manifest(),
                Some(_) => answer(status, &[], body),
                None => challenge(&format!("http://{}/token", seen.header("host").unwrap())),
            }
        })
        .await;
        let remote = server.remote();
        remote.manifest(&repository(), &latest()).await.unwrap();
        given.fetch_add(1, Ordering::SeqCst);
        remote.manifest(&repository(), &latest()).await.unwrap();
        assert_eq!(given.load(Ordering::SeqCst), 3, "{status}");
        // A token that was never good for anything is not the reason.
        let secret = "team/secret".parse().unwrap();
        let before = given.load(Ordering::SeqCst);
        for _ in 0..5 {
            let denied = remote.manifest(&secret, &latest()).await;
            assert!(matches!(denied, Err(Error::Denied { .. })), "{denied:?}");
        }
        assert_eq!(given.load(Ordering::SeqCst), before + 1, "{status}");
    }
}

#[tokio::test]
async fn a_challenge_may_be_had_at_the_front_door_only() {
    let server = Server::start(|seen| match (seen.path.split('?').next().unwrap(), seen.authorization()) {
        ("/token", _) => answer(200, &[], r#"{"token":"good"}"#),
        ("/v2/", _) => challenge(&format!("http://{}/token", seen.header("host").unwrap())),
        (_, Some(header)) if header.starts_with("Bearer good") => manifest(),
        _ => answer(401, &[], ""),
    })
    .await;
    server.remote().manifest(&repository(), &latest()).await.unwrap();
    let path = "/v2/team/app/manifests/latest";
    assert_eq!(paths(&server.log()), [path, "/v2/", "/token", path]);
}

#[tokio::test]
async fn many_wait_for_one_token() {
    let server = registry(|_| answer(200, &[], r#"{"access_token":"good"}"#)).await;
    let remote = server.remote();
    let pulls = (0..16).map(|_| {
        let remote = remote.clone();
        async move { remote.manifest(&repository(), &latest()).await.map(drop) }
    });
    for pulled in futures_util::future::join_all(pulls).await {
        pulled.unwrap();
    }
    assert_eq!(paths(&server.log()).iter().filter(|path| **path == "/token").count(), 1);
}

#[tokio::test]
async fn a_token_that_is_not_taken_any_more_is_replaced() {
    let server =
        registry(|nth| answer(200, &[], format!(r#"{{"token":"{}"}}"#, ["bad", "good"][nth % 2]))).await;
    let remote = server.remote();
    assert!(matches!(
        remote.manifest(&repository(), &latest()).await,
        Err(Error::Denied { status: 401, .. })
    ));
    remote.manifest(&repository(), &latest()).await.unwrap();
}

#[tokio::test]
async fn a_registry_that_is_never_satisfied_is_left() {
    let server = registry(|_| answer(200, &[], r#"{"token":"bad"}"#)).await;
    let refused = server.remote().manifest(&repository(), &latest()).await.unwrap_err();
    assert!(matches!(&refused, Error::Denied { status: 401, reason } if reason == "UNAUTHORIZED: log in"));
    assert_eq!(server.count(), 3, "{:?}", server.log());
}

#[tokio::test]
async fn lifetimes_of_any_kind_are_taken() {
    for expires_in in ["0", "-1", "1000000000000", "\"x\"", "null"] {
        let body = format!(r#"{{"token":"good","expires_in":{expires_in}}}"#);
        let server = registry(move |_| answer(200, &[], body.clone())).await;
        let remote = server.remote();
        remote.manifest(&repository(), &latest()).await.unwrap();
        remote.manifest(&repository(), &latest()).await.unwrap();
        assert_eq!(server.count(), 4, "expires_in {expires_in}");
    }
}

#[tokio::test]
async fn token_servers_may_be_broken() {
    let server = registry(|_| answer(500, &[], "")).await;
    assert!(matches!(
        server.remote().manifest(&repository(), &latest()).await,
        Err(Error::Failing { status: 500, .. })
    ));
    let server = registry(|_| answer(200, &[], vec![b' '; 10 << 20])).await;
    assert!(matches!(
        server.remote().manifest(&repository(), &latest()).await,
        Err(Error::Invalid(InvalidResponse::TooLarge { limit: 65_536 }))
    ));
    let server = registry(|_| answer(200, &[("content-type", "text/html")], "<html>")).await;
    assert!(matches!(
        server.remote().manifest(&repository(), &latest()).await,
        Err(Error::Invalid(InvalidResponse::NoToken))
    ));
    // A token server that redirects is not followed.
    let server = registry(|_| answer(302, &[("location", "/elsewhere")], "")).await;
    assert!(server.remote().manifest(&repository(), &latest()).await.is_err());
    assert_eq!(server.count(), 2);
}

#[tokio::test]
async fn the_account_of_the_narrowest_namespace_is_asked_first() {
    let server = Server::start(|seen| match seen.authorization() {
        Some(header) if header.starts_with("Basic ") => manifest(),
        _ => answer(401, &[("www-authenticate", "Basic realm=\"lab\"")], ""),
    })
    .await;
    let of = |username: &str, namespace: Option<&str>| Credential {
        namespace: namespace.map(|namespace| namespace.parse().unwrap()),
        ..credential(username)
    };
    let credentials = vec![of("all", None), of("team", Some("team")), of("app", Some("team/app"))];
    let remote = remote(&RemoteSettings { credentials, ..server.settings() });
    for (name, account) in [("team/app", "app"), ("team/other", "team"), ("teams/app", "all")] {
        remote.manifest(&name.parse().unwrap(), &latest()).await.unwrap();
        let sent = server.log().last().unwrap().authorization().unwrap().to_owned();
        let pair = BASE64_STANDARD.decode(sent.strip_prefix("Basic ").unwrap()).unwrap();
        assert_eq!(String::from_utf8(pair).unwrap(), format!("{account}:canary"), "{name}");
    }
    // An account for another namespace is not used.
    let elsewhere = vec![of("other", Some("other"))];
    let elsewhere = RemoteSettings { credentials: elsewhere, ..server.settings() };
    let before = server.count();
    let refused = support::remote(&elsewhere).manifest(&repository(), &latest()).await;
    assert!(matches!(refused, Err(Error::Denied { status: 401, .. })));
    assert_eq!(server.log()[before..].iter().filter(|seen| seen.authorization().is_some()).count(), 0);
}

#[tokio::test]
async fn an_account_is_shown_to_the_registry_before_it_is_used() {
    let server = Server::start(|seen| match (seen.path.as_str(), seen.authorization()) {
        ("/token?service=lab", Some("Basic bWU6Y2FuYXJ5")) => answer(200, &[], r#"{"token":"good"}"#),
        ("/token?service=lab", _) => {
            answer(401, &[], r#"{"errors":[{"code":"UNAUTHORIZED","message":"no"}]}"#)
        }
        ("/v2/", Some("Bearer good")) => answer(200, &[], "{}"),
        ("/v2/", _) => challenge(&format!("http://{}/token", seen.header("host").unwrap())),
        _ => answer(500, &[], ""),
    })
    .await;
    assert_eq!(server.own().log_in(&credential("me")).await.unwrap(), LoginOutcome::Accepted);
    assert_eq!(paths(&server.log()), ["/v2/", "/token", "/v2/"]);
    let refused = server.own().log_in(&credential("you")).await;
    assert!(matches!(&refused, Err(Error::Denied { status: 401, reason }) if reason == "UNAUTHORIZED: no"));

    let open = Server::start(|_| answer(200, &[], "{}")).await;
    assert_eq!(open.own().log_in(&credential("me")).await.unwrap(), LoginOutcome::NotRequired);
    assert_eq!(open.count(), 1);

    let basic = Server::start(|seen| match seen.authorization() {
        Some("Basic bWU6Y2FuYXJ5") => answer(200, &[], "{}"),
        _ => answer(401, &[("www-authenticate", "Basic realm=\"lab\"")], ""),
    })
    .await;
    assert_eq!(basic.own().log_in(&credential("me")).await.unwrap(), LoginOutcome::Accepted);
    assert!(matches!(basic.own().log_in(&credential("you")).await, Err(Error::Denied { status: 401, .. })));

    // A stranger's token server does not get to see the password.
    let foreign = Server::start(|_| challenge("http://127.0.0.2:9/token")).await;
    let refused = foreign.own().log_in(&credential("me")).await;
    assert!(matches!(
        refused,
        Err(Error::Refused(EgressError::ForeignRealm { .. } | EgressError::PrivateAddress { .. }))
    ));
    assert_eq!(foreign.count(), 1);
}

#[tokio::test]
async fn passwords_go_to_the_registrys_own_token_server() {
    let server = registry(|_| answer(200, &[], r#"{"token":"good"}"#)).await;
    let settings = RemoteSettings { credentials: vec![credential("me")], ..server.settings() };
    remote(&settings).manifest(&repository(), &latest()).await.unwrap();
    let log = server.log();
    assert_eq!(log[0].authorization(), None);
    assert_eq!(log[1].authorization(), Some("Basic bWU6Y2FuYXJ5"));
}

#[tokio::test]
async fn an_identity_token_is_exchanged_and_never_sent_as_a_password() {
    let server = Server::start(|seen| match (seen.path.as_str(), seen.authorization()) {
        ("/token", None) => answer(200, &[], r#"{"access_token":"good"}"#),
        (_, Some("Bearer good")) => manifest(),
        (_, None) => challenge(&format!("http://{}/token", seen.header("host").unwrap())),
        _ => answer(401, &[("www-authenticate", "Basic realm=x")], ""),
    })
    .await;
    let settings = RemoteSettings { credentials: vec![credential("<token>")], ..server.settings() };
    remote(&settings).manifest(&repository(), &latest()).await.unwrap();
    let log = server.log();
    let exchange = log.iter().find(|seen| seen.path == "/token").unwrap();
    assert_eq!(exchange.method, "POST");
    assert!(log.iter().all(|seen| seen.authorization().is_none_or(|shown| shown == "Bearer good")));
    // A registry that wants a password gets none.
    let basic = Server::start(|_| answer(401, &[("www-authenticate", "Basic realm=x")], "")).await;
    let settings = RemoteSettings { credentials: vec![credential("<token>")], ..basic.settings() };
    remote(&settings).manifest(&repository(), &latest()).await.unwrap_err();
    assert!(basic.log().iter().all(|seen| seen.authorization().is_none()));
}

#[tokio::test]
async fn a_foreign_token_server_is_asked_without_a_password() {
    let foreign = Server::start(|_| answer(200, &[], r#"{"token":"good"}"#)).await;
    let realm = format!("{}/token", foreign.named_url());
    let server = Server::start(move |seen| match seen.authorization() {
        Some("Bearer good") => manifest(),
        _ => challenge(&realm),
    })
    .await;
    let settings =
        RemoteSettings { credentials: vec![credential("me")], private_network: true, ..server.settings() };
    remote(&settings).manifest(&repository(), &latest()).await.unwrap();
    assert_eq!(foreign.count(), 1);
    assert_eq!(foreign.log()[0].authorization(), None);
}

#[tokio::test]
async fn token_servers_where_we_do_not_go_are_not_asked() {
    let foreign = Server::start(|_| answer(200, &[], r#"{"token":"good"}"#)).await;
    let port = foreign.address.port();
    let realms = [
        foreign.url(),
        foreign.named_url(),
        format!("http://0x7f.1:{port}/token"),
        format!("http://[::ffff:127.0.0.1]:{port}/token"),
        format!("http://me:pw@127.0.0.1:{port}/token"),
        "http://169.254.169.254/latest/meta-data/".to_owned(),
        "file:///etc/passwd".to_owned(),
        "/token".to_owned(),
    ];
    for realm in realms {
        let text = realm.clone();
        let server = Server::start(move |_| challenge(&text)).await;
        let settings = RemoteSettings { credentials: vec![credential("me")], ..server.settings() };
        let refused = remote(&settings).manifest(&repository(), &latest()).await;
        assert!(matches!(refused, Err(Error::Refused(_))), "{realm}: {refused:?}");
        assert_eq!(server.count(), 1, "{realm}");
    }
    assert_eq!(foreign.count(), 0);
}

#[tokio::test]
async fn basic_is_sent_when_it_is_asked_for_and_then_at_once() {
    let server = Server::start(|seen| match seen.authorization() {
        Some("Basic bWU6Y2FuYXJ5") => manifest(),
        _ => answer(401, &[("www-authenticate", r#"Basic realm="lab, with comma""#)], ""),
    })
    .await;
    let settings = RemoteSettings { credentials: vec![credential("me")], ..server.settings() };
    let known = remote(&settings);
    known.manifest(&repository(), &latest()).await.unwrap();
    known.manifest(&repository(), &latest()).await.unwrap();
    assert_eq!(server.count(), 3);
    let nobody = server.remote().manifest(&repository(), &latest()).await;
    assert!(matches!(nobody, Err(Error::Denied { status: 401, .. })));
    assert_eq!(server.count(), 4);
}

#[tokio::test]
async fn the_next_account_is_used_when_one_is_denied_or_limited() {
    let server = Server::start(|seen| match seen.authorization() {
        Some("Basic dHdvOmNhbmFyeQ==") => answer(429, &[("retry-after", "7")], ""),
        Some("Basic dGhyZWU6Y2FuYXJ5") => manifest(),
        _ => answer(401, &[("www-authenticate", "Basic realm=lab")], ""),
    })
    .await;
    let with = |names: &[&str]| {
        let credentials = names.iter().map(|name| credential(name)).collect();
        remote(&RemoteSettings { credentials, ..server.settings() })
    };
    with(&["one", "two", "three"]).manifest(&repository(), &latest()).await.unwrap();
    let limited = with(&["one", "two", "one"]).manifest(&repository(), &latest()).await;
    assert!(matches!(limited, Err(Error::Limited { retry_after: Some(wait) }) if wait.as_secs() == 7));
}

#[tokio::test]
async fn errors_do_not_tell_passwords() {
    let server = registry(|_| answer(403, &[], "no")).await;
    let settings = RemoteSettings { credentials: vec![credential("me")], ..server.settings() };
    let known = remote(&settings);
    let refused = known.manifest(&repository(), &latest()).await.unwrap_err();
    assert!(matches!(&refused, Error::Denied { status: 403, reason } if reason == "no"));
    assert!(!format!("{known:?} {settings:?} {refused:?}").contains("canary"));
    assert!(!format!("{:?}", Error::Refused(EgressError::Userinfo)).contains("canary"));
}
