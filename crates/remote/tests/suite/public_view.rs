//! What a registry gives to everybody, asked without the account that we have there.

use entrepot_oci::Reference;
use entrepot_remote::{Credential, Error, PublicView, Remote, RemoteSettings};
use entrepot_testkit::{Action, Bearer, Fault, Log, Match, RefusalStyle, TestImage, TestRegistry};

use crate::support::{credential, latest, remote, repository};

const PRIVATE: &str = "team/secret";

/// A registry with a public and a private repository, which refuses like this.
async fn registry(refusing: RefusalStyle) -> TestRegistry {
    let registry = TestRegistry::start().await;
    registry.require_bearer(Bearer::new().user("me", "canary").anonymous(refusing));
    registry.put_image(repository().as_str(), "latest", &TestImage::random(1, 1, 100));
    registry.put_image(PRIVATE, "latest", &TestImage::random(2, 1, 100));
    registry.make_private(PRIVATE);
    registry
}

/// A client with an account at each of these endpoints that has one.
fn client(endpoints: &[(&TestRegistry, bool)]) -> Remote {
    let endpoints = endpoints.iter().map(|(registry, account)| (registry.url().parse().unwrap(), *account));
    let mut settings = RemoteSettings::default();
    for (url, has_account) in endpoints {
        settings.endpoints.push(url);
        if has_account {
            let endpoint = settings.endpoints.last().cloned();
            settings.credentials.push(Credential { endpoint, ..credential("me") });
        }
    }
    remote(&settings)
}

async fn view(remote: &Remote, name: &str, reference: Option<&Reference>) -> Result<PublicView, Error> {
    remote.public_view(&name.parse().unwrap(), reference).await
}

fn has_passwords(log: &Log) -> bool {
    log.iter().any(|request| request.authorization.as_deref().is_some_and(|sent| sent.starts_with("Basic")))
}

#[tokio::test]
async fn registries_refuse_in_many_ways() {
    let (there, absent) = (latest(), "none".parse().unwrap());
    for (refusing, hidden) in [
        (RefusalStyle::EmptyToken, PublicView::Refused),
        (RefusalStyle::NoToken, PublicView::Refused),
        (RefusalStyle::OpaqueToken, PublicView::Refused),
        (RefusalStyle::NotFound, PublicView::Missing),
    ] {
        let registry = registry(refusing).await;
        let remote = client(&[(&registry, true)]);
        let public = repository();
        for reference in [Some(&there), Some(&absent), None] {
            assert_eq!(view(&remote, public.as_str(), reference).await.unwrap(), PublicView::Given);
        }
        for reference in [&there, &absent] {
            assert_eq!(view(&remote, PRIVATE, Some(reference)).await.unwrap(), hidden, "{refusing:?}");
        }
        let list = view(&remote, PRIVATE, None).await.unwrap();
        assert_eq!(list, PublicView::Missing, "{refusing:?}: a refused list says nothing of pulls");
        assert!(!has_passwords(&registry.log()), "{refusing:?}");
        assert!(registry.log().manifest_gets().is_empty(), "{refusing:?}: no pull");
    }
}

#[tokio::test]
async fn an_older_token_is_no_proof() {
    let registry = registry(RefusalStyle::OpaqueToken).await;
    let (remote, name) = (client(&[(&registry, true)]), repository());
    assert_eq!(view(&remote, name.as_str(), Some(&latest())).await.unwrap(), PublicView::Given);
    registry.make_private(name.as_str());
    assert_eq!(view(&remote, name.as_str(), Some(&latest())).await.unwrap(), PublicView::Refused);
}

#[tokio::test]
async fn a_registry_that_does_not_answer_head_is_asked_with_get() {
    let registry = registry(RefusalStyle::OpaqueToken).await;
    registry.capabilities(|capabilities| capabilities.head = false);
    let remote = client(&[(&registry, true)]);
    assert_eq!(view(&remote, repository().as_str(), Some(&latest())).await.unwrap(), PublicView::Given);
    assert_eq!(view(&remote, PRIVATE, Some(&latest())).await.unwrap(), PublicView::Refused);
    assert!(!has_passwords(&registry.log()));
}

#[tokio::test]
async fn a_registry_without_tokens_refuses_too() {
    let registry = TestRegistry::start().await;
    registry.require_basic("me", "canary");
    let remote = client(&[(&registry, true)]);
    assert_eq!(view(&remote, PRIVATE, Some(&latest())).await.unwrap(), PublicView::Refused);
    assert_eq!(view(&remote, PRIVATE, None).await.unwrap(), PublicView::Missing);
    assert!(!has_passwords(&registry.log()));
}

#[tokio::test]
async fn the_endpoint_that_the_account_belongs_to_decides() {
    let (mirror, own) =
        (registry(RefusalStyle::OpaqueToken).await, registry(RefusalStyle::OpaqueToken).await);
    mirror.make_public(PRIVATE);
    let remote = client(&[(&mirror, false), (&own, true)]);
    assert_eq!(view(&remote, PRIVATE, Some(&latest())).await.unwrap(), PublicView::Refused);
    assert!(mirror.log().is_empty());
    // Where several have an account, one that gives it to everybody is enough.
    let both = client(&[(&own, true), (&mirror, true)]);
    assert_eq!(view(&both, PRIVATE, Some(&latest())).await.unwrap(), PublicView::Given);
    mirror.make_private(PRIVATE);
    assert_eq!(view(&both, PRIVATE, Some(&latest())).await.unwrap(), PublicView::Refused);
    // One that is away might have given it.
    mirror.stop().await;
    assert!(matches!(view(&both, PRIVATE, Some(&latest())).await, Err(Error::Unreachable { .. })));
}

// What stands in front of a registry may send everybody to its own login page.
#[tokio::test]
async fn a_login_page_is_no_manifest() {
    let latest = latest();
    for (on, reference) in [(Match::manifests(), Some(&latest)), (Match::tags(), None)] {
        let registry = registry(RefusalStyle::OpaqueToken).await;
        registry.fault(Fault::on(on).always().then(Action::Html));
        let seen = view(&client(&[(&registry, true)]), repository().as_str(), reference).await;
        assert!(matches!(seen, Err(Error::Invalid(_))), "{reference:?}: {seen:?}");
    }
}

#[tokio::test]
async fn what_says_nothing_about_rights_is_no_refusal() {
    let page = Action::status_with(403, &[("content-type", "text/html")], "<html>blocked</html>");
    for (action, status) in [(Action::status(500), 500), (page, 403), (Action::status(503), 503)] {
        let registry = registry(RefusalStyle::OpaqueToken).await;
        registry.fault(Fault::on(Match::manifests()).always().then(action));
        let remote = client(&[(&registry, true)]);
        match view(&remote, repository().as_str(), Some(&latest())).await {
            Err(Error::Failing { status: said, .. }) => assert_eq!(said, status),
            other => panic!("{status}: {other:?}"),
        }
    }
    let registry = registry(RefusalStyle::OpaqueToken).await;
    registry.fault(Fault::on(Match::token()).then(Action::status(429)));
    let remote = client(&[(&registry, true)]);
    let limited = view(&remote, repository().as_str(), Some(&latest())).await;
    assert!(matches!(limited, Err(Error::Limited { .. })), "{limited:?}");
}
