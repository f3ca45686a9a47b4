//! What an account may do, asked without doing it.

use entrepot_remote::{CancelOutcome, Error, Refusal, RepositoryAccess, Rights};
use entrepot_testkit::{Action, Bearer, Fault, Match, TestRegistry};
use http::Method;

use crate::{
    push::{settings, to},
    support::{credential, remote, repository},
};

#[tokio::test]
async fn a_token_tells_what_it_is_good_for() {
    let registry = TestRegistry::start().await;
    let asked = async |rights| to(&registry).access(&repository(), rights).await;
    assert_eq!(asked(Rights::Push).await.unwrap(), RepositoryAccess::Open);

    registry.require_bearer(Bearer::new().at_most(&["pull"]));
    let pull = RepositoryAccess::Token(Some(vec!["pull".to_owned()]));
    assert_eq!(asked(Rights::Push).await.unwrap(), pull);
    registry.require_bearer(Bearer::new());
    assert_eq!(asked(Rights::Pull).await.unwrap(), RepositoryAccess::Token(None));
    assert!(registry.log().iter().all(|request| request.method == Method::GET));

    registry.require_basic("me", "canary");
    assert!(matches!(asked(Rights::Pull).await, Err(Error::Denied { status: 401, .. })));
    let mut settings = settings(&registry);
    settings.credentials.push(credential("me"));
    assert_eq!(
        remote(&settings).access(&repository(), Rights::Push).await.unwrap(),
        RepositoryAccess::Password
    );
}

#[tokio::test]
async fn an_upload_is_begun_and_taken_back() {
    let registry = TestRegistry::start().await;
    assert_eq!(to(&registry).try_push(&repository()).await.unwrap(), CancelOutcome::Forgotten);
    let methods: Vec<Method> = registry.log().iter().map(|request| request.method.clone()).collect();
    assert_eq!(methods, [Method::POST, Method::DELETE]);
    for status in [401, 404, 405] {
        registry.fault(Fault::on(Match::uploads().method(Method::DELETE)).then(Action::status(status)));
        assert_eq!(
            to(&registry).try_push(&repository()).await.unwrap(),
            CancelOutcome::LeftToExpire,
            "{status}"
        );
    }
    registry.require_bearer(Bearer::new().at_most(&["pull"]));
    let refused = to(&registry).try_push(&repository()).await.unwrap_err();
    assert_eq!(refused.refusal(), Some(Refusal::Rights));
    assert!(registry.tags("team/app").is_empty());
}
