//! Logins at a real provider in this process.

use entrepot_testkit::identity_provider::{CLIENT_ID, CLIENT_SECRET, IdentityProvider, ProviderFault};
use serde_json::json;

use super::*;
use crate::attempt::Attempts;

const CALLBACK: &str = "https://m.example.com/login/oidc/callback";

fn settings(issuer: &str) -> ProviderSettings {
    ProviderSettings {
        issuer: issuer.to_owned(),
        address: issuer.parse().unwrap(),
        client_id: CLIENT_ID.to_owned(),
        client_secret: Some(CLIENT_SECRET.into()),
        scopes: vec!["openid".to_owned(), "profile".to_owned()],
        groups_claim: "groups".to_owned(),
        name_claim: "preferred_username".to_owned(),
        trust: Trust::default(),
    }
}

fn provider(idp: &IdentityProvider) -> Provider {
    Provider::new(settings(idp.issuer())).unwrap()
}

fn attempt() -> PendingLogin {
    Attempts::new().unwrap().begin("/", SystemTime::now()).unwrap()
}

/// What a browser does, and what comes of it.
async fn login(idp: &IdentityProvider, provider: &Provider) -> Result<ExternalUser, ProviderError> {
    let attempt = attempt();
    let address = provider.login_address(&attempt, CALLBACK).await?;
    provider.redeem(&code(&idp.log_in(address.as_str()), &attempt), &attempt, CALLBACK).await
}

fn code(returned: &str, pending: &PendingLogin) -> String {
    let url: Url = returned.parse().unwrap();
    assert!(returned.starts_with(CALLBACK), "{returned}");
    let value = |name: &str| url.query_pairs().find(|(key, _)| key == name).unwrap().1.into_owned();
    assert_eq!(value("state"), pending.state);
    value("code")
}

fn groups(of: &Result<ExternalUser, ProviderError>) -> Option<Vec<String>> {
    of.as_ref().unwrap().groups.clone()
}

// Row 75 of the traps: an e-mail address links nothing, and is not needed.
#[tokio::test]
async fn somebody_is_who_the_provider_says_by_issuer_and_subject() {
    let idp = IdentityProvider::start().await;
    let provider = provider(&idp);
    idp.set_person(
        json!({"sub": "1", "preferred_username": "alice", "email": "ceo@example.org", "groups": ["ml"]}),
        json!({"sub": "1"}),
    );
    let person = login(&idp, &provider).await.unwrap();
    assert_eq!(person.subject, format!("{}#1", idp.issuer()));
    assert_eq!((person.name.as_str(), person.groups), ("alice", Some(vec!["ml".to_owned()])));
    idp.set_person(json!({"sub": "2"}), json!({"sub": "2"}));
    assert_eq!(login(&idp, &provider).await.unwrap().name, "2");
    assert_eq!(idp.requests("/keys"), 1, "keys are kept");
}

// Row 73 of the traps.
#[tokio::test]
async fn claims_come_from_the_id_token_or_from_userinfo() {
    let idp = IdentityProvider::start().await;
    let provider = provider(&idp);
    idp.set_person(json!({"sub": "1"}), json!({"sub": "1", "groups": "solo", "preferred_username": "bob"}));
    let told = login(&idp, &provider).await;
    assert_eq!((groups(&told), told.unwrap().name), (Some(vec!["solo".to_owned()]), "bob".to_owned()));
    idp.set_person(json!({"sub": "1"}), json!({"sub": "1"}));
    assert_eq!(groups(&login(&idp, &provider).await), None, "nothing was said about groups");
    idp.set_person(json!({"sub": "1"}), json!({"sub": "2", "groups": ["admins"]}));
    assert_eq!(login(&idp, &provider).await, Err(ProviderError::OtherPerson));
}

// Row 72 of the traps: Entra leaves groups out when there are too many.
#[tokio::test]
async fn groups_that_are_left_out_are_not_no_groups() {
    let idp = IdentityProvider::start().await;
    let provider = provider(&idp);
    for claims in [
        json!({"sub": "1", "_claim_names": {"groups": "src1"}, "_claim_sources": {"src1": {"endpoint": "https://graph.example"}}}),
        json!({"sub": "1", "hasgroups": true}),
    ] {
        idp.set_person(claims, json!({"sub": "1"}));
        let told = login(&idp, &provider).await;
        assert_eq!(told, Err(ProviderError::Overage { claim: "groups".to_owned() }));
    }
    idp.set_person(json!({"sub": "1", "_claim_names": {"address": "src1"}}), json!({"sub": "1"}));
    assert_eq!(groups(&login(&idp, &provider).await), None, "another claim is elsewhere");
}

// Row 79 of the traps.
#[tokio::test]
async fn a_token_of_another_login_is_refused() {
    let idp = IdentityProvider::start().await;
    let provider = provider(&idp);
    idp.set_person(json!({"sub": "1", "nonce": "of another login"}), json!({"sub": "1"}));
    assert_eq!(login(&idp, &provider).await, Err(TokenError::Nonce.into()));
    idp.set_person(json!({"sub": "1", "nonce": null}), json!({"sub": "1"}));
    assert_eq!(login(&idp, &provider).await, Err(TokenError::Nonce.into()));
    idp.set_person(json!({"sub": "1", "azp": "another-client"}), json!({"sub": "1"}));
    assert_eq!(login(&idp, &provider).await, Err(TokenError::Audience("`another-client`".to_owned()).into()));
    idp.set_person(json!({"sub": "1"}), json!({"sub": "1"}));
    let (first, second) = (attempt(), attempt());
    let address = provider.login_address(&first, CALLBACK).await.unwrap();
    let code = code(&idp.log_in(address.as_str()), &first);
    let told = provider.redeem(&code, &second, CALLBACK).await;
    assert!(matches!(&told, Err(ProviderError::Refused(why)) if why.contains("invalid_grant")), "{told:?}");
}

#[tokio::test]
async fn a_wrong_secret_says_so() {
    let idp = IdentityProvider::start().await;
    let wrong = ProviderSettings { client_secret: Some("wrong".into()), ..settings(idp.issuer()) };
    let wrong = Provider::new(wrong).unwrap();
    for told in [login(&idp, &wrong).await.map(drop), wrong.check_client(CALLBACK).await] {
        assert_eq!(told, Err(ProviderError::Client("invalid_client".to_owned())));
    }
    assert_eq!(provider(&idp).check_client(CALLBACK).await, Ok(()));
}

#[tokio::test]
async fn problems_of_discovery_are_explained() {
    let idp = IdentityProvider::start().await;
    let told = async |idp: &IdentityProvider| provider(idp).probe().await.unwrap_err();
    const DOCUMENT: &str = "/.well-known/openid-configuration";
    for (fault, expected) in [
        (ProviderFault::Status(404), "status 404"),
        (ProviderFault::Status(301), "redirects are not followed"),
        (ProviderFault::Status(503), "does not answer: status 503"),
        (ProviderFault::Html, "is `issuer` the provider's address?"),
    ] {
        idp.set_fault(DOCUMENT, Some(fault));
        let error = told(&idp).await;
        assert!(error.to_string().contains(expected) && error.is_outage(), "{fault:?}: {error}");
    }
    idp.set_fault(DOCUMENT, None);
    idp.set_told_issuer("https://id.example/");
    let error = told(&idp).await.to_string();
    assert!(error.contains("calls itself `https://id.example/`"), "{error}");
    idp.set_told_issuer(idp.issuer());
    assert_eq!(provider(&idp).probe().await, Ok(()));
}

// Row 39 of the traps: a provider that is away is told as such, and the next login does not wait for it again.
#[tokio::test]
async fn a_provider_that_is_away_is_an_outage() {
    let issuer = IdentityProvider::start().await.issuer().to_owned();
    let provider = Provider::new(settings(&issuer)).unwrap();
    let error = provider.probe().await.unwrap_err();
    assert!(error.is_outage() && error.to_string().contains("does not answer"), "{error}");
    assert_eq!(provider.probe().await, Err(error));
}

#[tokio::test]
async fn a_provider_may_not_name_private_addresses_but_its_own() {
    let idp = IdentityProvider::start().await;
    let fetcher = provider(&idp).fetcher().unwrap().clone();
    assert!(fetcher.address("x", &format!("{}/keys", idp.issuer())).is_ok());
    assert!(fetcher.address("x", "https://id.example/keys").is_ok());
    for private in
        ["http://169.254.169.254/", "http://127.0.0.1:1/", "http://10.0.0.7/keys", "https://vault.internal/"]
    {
        assert!(matches!(fetcher.address("x", private), Err(ProviderError::Address { .. })), "{private}");
    }
}

#[tokio::test]
async fn keys_are_fetched_again_for_an_unknown_one_but_not_for_each() {
    let idp = IdentityProvider::start().await;
    let provider = provider(&idp);
    let token = |sub: &str| idp.token(json!({"sub": sub, "aud": CLIENT_ID}));
    assert!(provider.verified(&token("1")).await.is_ok());
    idp.rotate_key();
    assert!(provider.verified(&token("2")).await.is_ok(), "the new key is found");
    assert_eq!(idp.requests("/keys"), 2);
    // Anybody can make up tokens with keys that do not exist.
    let stranger = IdentityProvider::start().await;
    (0..3).for_each(|_| stranger.rotate_key());
    for _ in 0..5 {
        let made_up = stranger.token(json!({"iss": idp.issuer(), "sub": "3", "aud": CLIENT_ID}));
        assert_eq!(provider.verified(&made_up).await, Err(TokenError::UnknownKey.into()));
    }
    assert_eq!(idp.requests("/keys"), 2);
    idp.set_fault("/keys", Some(ProviderFault::Status(500)));
    assert!(provider.verified(&token("4")).await.is_ok(), "known keys are enough");
}

// oidcproxydotnet/OidcProxy.Net#242: a new key under the name of the old one.
#[tokio::test]
async fn keys_are_fetched_again_for_a_new_one_of_an_old_name() {
    let idp = IdentityProvider::start().await;
    let provider = provider(&idp);
    let token = || idp.token(json!({"sub": "1", "aud": CLIENT_ID}));
    assert!(provider.verified(&token()).await.is_ok());
    idp.replace_key();
    assert!(provider.verified(&token()).await.is_ok());
    assert_eq!(idp.requests("/keys"), 2);
}

#[tokio::test]
async fn keys_of_an_issuer_that_cannot_be_reached_come_from_a_file() {
    let idp = IdentityProvider::start().await;
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("jwks.json");
    let write = || std::fs::write(&path, idp.keys()).unwrap();
    write();
    let issuer =
        Issuer::new(idp.issuer(), idp.issuer().parse().unwrap(), KeySource::File(path.clone())).unwrap();
    let verified = async |audience| {
        let token = idp.token(json!({"sub": "system:serviceaccount:ci:default", "aud": ["entrepot"]}));
        issuer.verify(&token, audience, SystemTime::now()).await.map(drop)
    };
    assert_eq!(verified("entrepot").await, Ok(()));
    assert!(matches!(verified("other").await, Err(ProviderError::Token(TokenError::Audience(_)))));
    idp.rotate_key();
    write();
    assert_eq!(verified("entrepot").await, Ok(()), "the file is read again");
    assert_eq!(idp.requests("/.well-known/openid-configuration"), 0);
}

// Row 78 of the traps.
#[tokio::test]
async fn a_logout_can_end_the_session_at_the_provider() {
    let idp = IdentityProvider::start().await;
    let address = provider(&idp).logout_address("https://m.example.com/").await.unwrap();
    assert!(
        address.as_str().starts_with(&format!("{}/logout?client_id=entrepot", idp.issuer())),
        "{address}"
    );
}
