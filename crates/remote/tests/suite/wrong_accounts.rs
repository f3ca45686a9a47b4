//! Accounts that do not work, for what anybody may read.

use base64::{Engine as _, prelude::BASE64_STANDARD};
use entrepot_remote::{Credential, Error, RemoteSettings, Rights};
use http::Response;
use secrecy::ExposeSecret;

use crate::support::{
    Body, Seen, Server, answer, challenge, credential, latest, manifest, remote, repository,
};

/// The ways in which registries turn an account away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    /// Docker Hub and GitLab: the token server answers 401.
    TokenUnauthorized,
    /// Azure: it answers 403.
    TokenForbidden,
    /// Quay: there is a token, and the registry answers 403 to it.
    TokenNotTaken,
    /// Harbor: there is a token, and the registry then wants a password.
    PasswordAfterToken,
    /// Nothing is public.
    Private,
}

async fn registry(way: Way) -> Server {
    Server::start(move |seen| respond(way, seen)).await
}

fn respond(way: Way, seen: &Seen) -> Response<Body> {
    let said = |status, code: &str| answer(status, &[], format!(r#"{{"errors":[{{"code":"{code}"}}]}}"#));
    let token = |token: &str| answer(200, &[], format!(r#"{{"token":"{token}"}}"#));
    let may_all = way != Way::Private;
    match (seen.path.starts_with("/token"), seen.authorization()) {
        (true, None) => token(if may_all { "anybody" } else { "nobody" }),
        (true, Some(_)) => match way {
            Way::TokenUnauthorized | Way::Private => said(401, "UNAUTHORIZED"),
            Way::TokenForbidden => said(403, "DENIED"),
            Way::TokenNotTaken | Way::PasswordAfterToken => token("little"),
        },
        (false, Some("Bearer anybody")) => manifest(),
        (false, Some("Bearer little")) if way == Way::TokenNotTaken => said(403, "DENIED"),
        (false, Some("Bearer little")) => answer(401, &[("www-authenticate", "Basic realm=\"harbor\"")], ""),
        (false, _) => challenge(&format!("http://{}/token", seen.header("host").unwrap())),
    }
}

fn with(server: &Server, accounts: &[&str]) -> RemoteSettings {
    let credentials: Vec<Credential> = accounts.iter().map(|name| credential(name)).collect();
    RemoteSettings { credentials, ..server.settings() }
}

#[tokio::test]
async fn a_wrong_account_keeps_nobody_from_what_is_public() {
    for way in [Way::TokenUnauthorized, Way::TokenForbidden, Way::TokenNotTaken, Way::PasswordAfterToken] {
        let server = registry(way).await;
        let remote = remote(&with(&server, &["old", "older"]));
        remote.manifest(&repository(), &latest()).await.unwrap_or_else(|error| panic!("{way:?}: {error}"));
        // From then on the password is not sent each time.
        let passwords = |log: Vec<Seen>| {
            log.iter()
                .filter(|seen| seen.authorization().is_some_and(|value| value.starts_with("Basic")))
                .count()
        };
        let before = passwords(server.log());
        remote.manifest(&repository(), &latest()).await.unwrap();
        remote.head_manifest(&repository(), &latest()).await.unwrap();
        assert_eq!(passwords(server.log()), before, "{way:?}");
    }
}

#[tokio::test]
async fn what_is_private_stays_refused_for_the_accounts_own_reason() {
    let server = registry(Way::Private).await;
    let refused = remote(&with(&server, &["old"])).manifest(&repository(), &latest()).await;
    assert!(matches!(&refused, Err(Error::Denied { status: 401, .. })), "{refused:?}");
}

#[tokio::test]
async fn an_account_that_has_to_wait_is_not_a_wrong_one() {
    let server = Server::start(|seen| match seen.authorization() {
        Some(_) => answer(429, &[("retry-after", "60")], ""),
        None => answer(401, &[("www-authenticate", "Basic realm=\"lab\"")], ""),
    })
    .await;
    let refused = remote(&with(&server, &["busy"])).manifest(&repository(), &latest()).await;
    assert!(matches!(refused, Err(Error::Limited { .. })), "{refused:?}");
}

#[tokio::test]
async fn nothing_is_written_without_the_account() {
    let server = registry(Way::TokenUnauthorized).await;
    let remote = remote(&with(&server, &["old"]));
    let (media_type, bytes) = (entrepot_oci::MediaType::OCI_INDEX, crate::support::MANIFEST.into());
    let pushed = remote.put_manifest(&repository(), &latest(), &media_type, bytes).await;
    assert!(matches!(pushed, Err(Error::Denied { status: 401, .. })), "{pushed:?}");
    assert!(remote.start_upload(&repository()).await.is_err());
    let is_anonymous_token = |seen: &Seen| seen.path.starts_with("/token") && seen.authorization().is_none();
    assert!(!server.log().iter().any(is_anonymous_token));
}

// What anybody sees of it may be less than what the account would.
#[tokio::test]
async fn repositories_are_not_listed_without_the_account() {
    let server = registry(Way::TokenUnauthorized).await;
    let listed = remote(&with(&server, &["old"])).all_repositories().await;
    assert!(matches!(listed, Err(Error::Denied { status: 401, .. })), "{listed:?}");
}

#[tokio::test]
async fn an_endpoint_with_a_path_has_all_repositories_below_it() {
    let server = Server::start(|seen| {
        let scope = "repository:docker.io/team/app:pull";
        let realm = format!("http://{}/token", seen.header("host").unwrap());
        let wanted = format!(r#"Bearer realm="{realm}",service="lab",scope="{scope}""#);
        match (seen.path.as_str(), seen.authorization()) {
            ("/token?service=lab&scope=repository%3Adocker.io%2Fteam%2Fapp%3Apull", _) => {
                answer(200, &[], r#"{"token":"good"}"#)
            }
            ("/v2/docker.io/team/app/manifests/latest", Some("Bearer good")) => manifest(),
            _ => answer(401, &[("www-authenticate", &wanted)], ""),
        }
    })
    .await;
    let endpoint = format!("{}/docker.io", server.url()).parse().unwrap();
    let settings = RemoteSettings { endpoints: vec![endpoint], ..RemoteSettings::default() };
    remote(&settings).manifest(&repository(), &latest()).await.unwrap();
}

/// Its words are told to clients, on pages and in logs.
#[tokio::test]
async fn a_password_that_a_registry_repeats_is_not_passed_on() {
    let account = credential("me");
    let password = account.password.expose_secret().to_owned();
    let told = password.clone();
    let server = Server::start(move |seen| match seen.authorization() {
        None => answer(401, &[("www-authenticate", "Basic realm=\"x\"")], ""),
        Some(sent) => {
            let error = format!(r#"{{"code":"DENIED","message":"me:{told} is wrong: {sent}"}}"#);
            answer(403, &[], format!(r#"{{"errors":[{error}]}}"#))
        }
    })
    .await;
    let remote = remote(&with(&server, &["me"]));
    let errors = [
        remote.manifest(&repository(), &latest()).await.unwrap_err(),
        remote.access(&repository(), Rights::Pull).await.unwrap_err(),
        remote.try_push(&repository()).await.unwrap_err(),
        server.own().log_in(&account).await.unwrap_err(),
    ];
    for error in errors {
        let (reason, said) = (error.reason(), format!("{error:?}"));
        assert!(reason.contains("DENIED: me:*** is wrong: Basic ***"), "{reason}");
        assert!(
            !said.contains(&password) && !said.contains(&BASE64_STANDARD.encode(format!("me:{password}")))
        );
    }
}
