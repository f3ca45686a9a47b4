//! Accounts, API tokens, signing keys, audit.

use std::time::{Duration, SystemTime};

use entrepot_catalog::{
    AccountChange, AccountKind, AuditEntry, AuditFilter, AuditOutcome, Catalog, NewAccount, NewApiToken,
    SigningKeyRecord,
};
use entrepot_oci::Digest;

use crate::setup::{Home, at};

fn account(name: &str) -> NewAccount {
    NewAccount {
        name: name.to_owned(),
        kind: AccountKind::Local,
        subject: None,
        role: "user".to_owned(),
        password: Some("$argon2id$x".to_owned()),
        groups: vec!["ml".to_owned(), "a b".to_owned()],
    }
}

async fn added(catalog: &Catalog, name: &str) -> i64 {
    catalog.add_account(&account(name), at(1)).await.unwrap().unwrap()
}

fn token(id: &str, account: i64) -> NewApiToken {
    NewApiToken {
        id: id.to_owned(),
        account,
        name: "ci".to_owned(),
        scopes: "pull:**".to_owned(),
        hash: Digest::of(id.as_bytes()),
        expires: Some(at(100)),
    }
}

pub async fn accounts_have_unique_names(home: &Home) {
    let catalog = home.open().await;
    assert!(!catalog.has_passwords().await.unwrap());
    let id = added(&catalog, "alice").await;
    assert_eq!(catalog.add_account(&account("alice"), at(2)).await.unwrap(), None);
    let found = catalog.account_by_name("alice").await.unwrap().unwrap();
    assert_eq!((found.id, found.role.as_str(), found.revision), (id, "user", 1));
    assert_eq!(found.groups, ["ml", "a b"]);
    assert_eq!(catalog.account(id).await.unwrap().unwrap(), found);
    assert!(catalog.has_passwords().await.unwrap());
    assert!(catalog.remove_account(id).await.unwrap());
    assert!(!catalog.remove_account(id).await.unwrap());
    assert_eq!(catalog.account(id).await.unwrap(), None);
}

pub async fn accounts_change_only_as_they_were_seen(home: &Home) {
    let catalog = home.open().await;
    let id = added(&catalog, "alice").await;
    let disable = AccountChange { is_disabled: Some(true), ..AccountChange::default() };
    assert!(!catalog.change_account(id, Some(7), &disable, at(2)).await.unwrap());
    assert!(catalog.change_account(id, Some(1), &disable, at(3)).await.unwrap());
    let now = catalog.account(id).await.unwrap().unwrap();
    assert_eq!((now.is_disabled, now.revision, now.changed), (true, 2, at(3)));
    assert_eq!(now.password.as_deref(), Some("$argon2id$x"), "the rest stays");
    assert!(!catalog.has_passwords().await.unwrap(), "nobody can log in to a disabled account");
    let change = AccountChange { groups: Some(Vec::new()), role: Some("admin".to_owned()), ..disable };
    assert!(catalog.change_account(id, None, &change, at(4)).await.unwrap());
    let now = catalog.account(id).await.unwrap().unwrap();
    assert_eq!((now.groups.len(), now.role.as_str()), (0, "admin"));
}

pub async fn accounts_from_elsewhere_are_found_by_subject(home: &Home) {
    let catalog = home.open().await;
    let subject = Some("https://id.example.com 42".to_owned());
    let new =
        NewAccount { kind: AccountKind::Oidc, subject: subject.clone(), password: None, ..account("alice") };
    let id = catalog.add_account(&new, at(1)).await.unwrap().unwrap();
    let found = catalog.account_by_subject(AccountKind::Oidc, "https://id.example.com 42").await.unwrap();
    assert_eq!(found.map(|found| found.id), Some(id));
    assert_eq!(
        catalog.account_by_subject(AccountKind::Ldap, "https://id.example.com 42").await.unwrap(),
        None
    );
    catalog.account_logged_in(id, at(9)).await.unwrap();
    assert_eq!(catalog.account(id).await.unwrap().unwrap().last_login, Some(at(9)));
}

pub async fn accounts_come_in_pages(home: &Home) {
    let catalog = home.open().await;
    for name in ["carol", "alice", "bob"] {
        added(&catalog, name).await;
    }
    let first = catalog.accounts("", 2).await.unwrap();
    let names: Vec<_> = first.rows.iter().map(|row| row.name.as_str()).collect();
    assert_eq!((names, first.more), (vec!["alice", "bob"], true));
    let rest = catalog.accounts("bob", 2).await.unwrap();
    assert_eq!((rest.rows[0].name.as_str(), rest.rows.len(), rest.more), ("carol", 1, false));
}

pub async fn tokens_are_renewed_with_grace(home: &Home) {
    let catalog = home.open().await;
    let account = added(&catalog, "alice").await;
    catalog.add_api_token(&token("one", account), at(1)).await.unwrap();
    let (first, second, third) = (Digest::of(b"one"), Digest::of(b"2"), Digest::of(b"3"));
    catalog.api_token_used("one", &first, at(5)).await.unwrap();
    assert!(catalog.renew_api_token("one", &second, at(60), at(10)).await.unwrap());
    let found = catalog.api_token("one").await.unwrap().unwrap();
    let secrets: Vec<_> =
        found.secrets.iter().map(|secret| (secret.hash, secret.ends, secret.used)).collect();
    assert_eq!(secrets, [(second, None, None), (first, Some(at(60)), Some(at(5)))]);
    assert_eq!((found.account, found.expires, found.scopes.as_str()), (account, Some(at(100)), "pull:**"));
    assert!(catalog.renew_api_token("one", &third, at(70), at(20)).await.unwrap());
    let hashes: Vec<_> =
        catalog.api_token("one").await.unwrap().unwrap().secrets.iter().map(|secret| secret.hash).collect();
    assert_eq!(hashes, [third, second], "two at most");
    assert!(!catalog.renew_api_token("none", &third, at(70), at(20)).await.unwrap());
}

pub async fn tokens_go_with_their_account(home: &Home) {
    let catalog = home.open().await;
    let (alice, bob) = (added(&catalog, "alice").await, added(&catalog, "bob").await);
    for (id, account) in [("a", alice), ("b", bob), ("c", alice)] {
        catalog.add_api_token(&token(id, account), at(1)).await.unwrap();
    }
    let ids = async |account| -> Vec<String> {
        let rows = catalog.api_tokens(account, "", 10).await.unwrap().rows;
        rows.into_iter().map(|row| format!("{}{}", row.id, row.secrets.len())).collect()
    };
    assert_eq!(
        (ids(None).await, ids(Some(alice)).await),
        (vec!["a1".into(), "b1".into(), "c1".into()], vec!["a1".into(), "c1".into()])
    );
    assert!(catalog.remove_api_token("a").await.unwrap());
    assert!(!catalog.remove_api_token("a").await.unwrap());
    catalog.remove_account(alice).await.unwrap();
    assert_eq!(ids(None).await, ["b1"]);
    assert!(catalog.add_api_token(&token("d", alice), at(1)).await.is_err(), "no account, no token");
    assert_eq!(catalog.api_token("d").await.unwrap(), None);
}

pub async fn keys_are_kept_sealed(home: &Home) {
    let catalog = home.open().await;
    let key = |id: &str, created: SystemTime| SigningKeyRecord {
        id: id.to_owned(),
        sealed: "1.k.sealed".to_owned(),
        created,
    };
    catalog.add_signing_key(&key("old", at(1))).await.unwrap();
    catalog.add_signing_key(&key("new", at(2))).await.unwrap();
    assert_eq!(catalog.signing_keys().await.unwrap(), [key("new", at(2)), key("old", at(1))]);
    catalog.remove_signing_key("old").await.unwrap();
    assert_eq!(catalog.signing_keys().await.unwrap(), [key("new", at(2))]);
}

pub async fn the_audit_is_read_backwards(home: &Home) {
    let catalog = home.open().await;
    let entry = |actor: &str, object: &str| AuditEntry {
        actor: actor.to_owned(),
        action: "account.create".to_owned(),
        object: object.to_owned(),
        address: Some("10.0.0.7".to_owned()),
        outcome: AuditOutcome::Refused,
        request_id: Some("r1".to_owned()),
        detail: None,
    };
    for (second, actor) in [(1, "owner"), (2, "account:alice"), (3, "owner")] {
        catalog.add_audit(&entry(actor, &second.to_string()), at(second)).await.unwrap();
        // Keys rise with time, by the millisecond.
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    let all = catalog.audit(&AuditFilter::default(), 2).await.unwrap();
    assert_eq!(all.rows.iter().map(|row| row.entry.object.as_str()).collect::<Vec<_>>(), ["3", "2"]);
    assert!(all.more);
    let filter = AuditFilter { actor: Some("owner".to_owned()), before: Some(all.rows[0].id) };
    let rest = catalog.audit(&filter, 2).await.unwrap();
    assert_eq!((rest.rows[0].entry.clone(), rest.rows.len(), rest.more), (entry("owner", "1"), 1, false));
    assert_eq!(catalog.trim_audit(at(3)).await.unwrap(), 2);
    assert_eq!(catalog.audit(&AuditFilter::default(), 9).await.unwrap().rows.len(), 1);
}
