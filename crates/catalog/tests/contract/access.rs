//! Accounts, API tokens, signing keys, audit.

use std::time::{Duration, SystemTime};

use entrepot_catalog::{
    AccountChange, AccountFilter, AccountKind, AccountOrder, ApiTokenFilter, AuditEntry, AuditFilter,
    AuditOutcome, Catalog, MAX_SESSIONS, NewAccount, NewApiToken, NewGrant, NewSession, RenewedSecret,
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

fn renewed(hash: &Digest, former_ends: SystemTime) -> RenewedSecret {
    RenewedSecret { hash: *hash, former_ends }
}

fn session(id: &str, account: i64) -> NewSession {
    NewSession {
        id: id.to_owned(),
        account,
        hash: Digest::of(id.as_bytes()),
        ends: at(100),
        address: Some("10.0.0.7".to_owned()),
        agent: None,
    }
}

async fn session_ids(catalog: &Catalog, account: Option<i64>) -> Vec<String> {
    let page = catalog.sessions(account, "", 500).await.unwrap();
    page.rows.into_iter().map(|row| row.id).collect()
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
    assert!(catalog.remove_account(id, None).await.unwrap());
    assert!(!catalog.remove_account(id, None).await.unwrap());
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
    assert!(catalog.renew_api_token("one", None, &renewed(&second, at(60)), at(10)).await.unwrap());
    let found = catalog.api_token("one").await.unwrap().unwrap();
    let secrets: Vec<_> =
        found.secrets.iter().map(|secret| (secret.hash, secret.ends, secret.used)).collect();
    assert_eq!(secrets, [(second, None, None), (first, Some(at(60)), Some(at(5)))]);
    assert_eq!((found.account, found.expires, found.scopes.as_str()), (account, Some(at(100)), "pull:**"));
    assert!(catalog.renew_api_token("one", None, &renewed(&third, at(70)), at(20)).await.unwrap());
    let hashes: Vec<_> =
        catalog.api_token("one").await.unwrap().unwrap().secrets.iter().map(|secret| secret.hash).collect();
    assert_eq!(hashes, [third, second], "two at most");
    let revision = catalog.api_token("one").await.unwrap().unwrap().revision;
    assert_eq!(revision, 3, "it rises with every change");
    for other in [1, 2, 4] {
        assert!(
            !catalog.renew_api_token("one", Some(other), &renewed(&first, at(80)), at(30)).await.unwrap()
        );
        assert!(!catalog.remove_api_token("one", Some(other)).await.unwrap());
    }
    assert_eq!(catalog.api_token("one").await.unwrap().unwrap().secrets[0].hash, third, "nothing is done");
    assert!(catalog.renew_api_token("one", Some(3), &renewed(&first, at(80)), at(30)).await.unwrap());
    assert!(catalog.remove_api_token("one", Some(4)).await.unwrap());
    assert!(!catalog.renew_api_token("none", None, &renewed(&third, at(70)), at(20)).await.unwrap());
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
    assert!(catalog.remove_api_token("a", None).await.unwrap());
    assert!(!catalog.remove_api_token("a", None).await.unwrap());
    catalog.remove_account(alice, None).await.unwrap();
    assert_eq!(ids(None).await, ["b1"]);
    assert!(catalog.add_api_token(&token("d", alice), at(1)).await.is_err(), "no account, no token");
    assert_eq!(catalog.api_token("d").await.unwrap(), None);
}

pub async fn sessions_are_found_and_end(home: &Home) {
    let catalog = home.open().await;
    let (alice, bob) = (added(&catalog, "alice").await, added(&catalog, "bob").await);
    for (id, account) in [("b", alice), ("a", alice), ("c", bob)] {
        assert!(catalog.add_session(&session(id, account), at(1)).await.unwrap());
    }
    let found = catalog.session("a").await.unwrap().unwrap();
    assert_eq!((found.account, found.account_name.as_str(), found.hash), (alice, "alice", Digest::of(b"a")));
    assert_eq!((found.created, found.used, found.ends), (at(1), at(1), at(100)));
    assert_eq!((found.address.as_deref(), found.agent), (Some("10.0.0.7"), None));
    catalog.session_used("a", at(7)).await.unwrap();
    assert_eq!(catalog.session("a").await.unwrap().unwrap().used, at(7));
    assert_eq!(session_ids(&catalog, None).await, ["a", "b", "c"]);
    let page = catalog.sessions(Some(alice), "a", 1).await.unwrap();
    assert_eq!((page.rows[0].id.as_str(), page.more), ("b", false));
    assert!(catalog.remove_session("b").await.unwrap());
    assert!(!catalog.remove_session("b").await.unwrap());
    assert_eq!(catalog.session("b").await.unwrap(), None);
    assert_eq!(catalog.remove_sessions(alice).await.unwrap(), 1);
    assert_eq!(session_ids(&catalog, None).await, ["c"]);
}

pub async fn sessions_end_with_what_they_stand_on(home: &Home) {
    let catalog = home.open().await;
    let (alice, bob) = (added(&catalog, "alice").await, added(&catalog, "bob").await);
    let change =
        async |change: AccountChange| catalog.change_account(alice, None, &change, at(2)).await.unwrap();
    let begin = async |id: &str, account| catalog.add_session(&session(id, account), at(2)).await.unwrap();
    begin("a", alice).await;
    begin("b", bob).await;
    change(AccountChange { role: Some("admin".to_owned()), ..AccountChange::default() }).await;
    assert_eq!(session_ids(&catalog, None).await, ["a", "b"], "another role, the same person");
    change(AccountChange { password: Some("x".to_owned()), ..AccountChange::default() }).await;
    assert_eq!(session_ids(&catalog, None).await, ["b"], "another password");
    begin("c", alice).await;
    change(AccountChange { is_disabled: Some(true), ..AccountChange::default() }).await;
    assert_eq!(session_ids(&catalog, None).await, ["b"], "disabled");
    assert!(!begin("d", alice).await, "none begins either");
    catalog.remove_account(bob, None).await.unwrap();
    assert!(session_ids(&catalog, None).await.is_empty(), "removed");
    assert!(!begin("e", bob).await);
}

pub async fn sessions_of_an_account_are_bounded(home: &Home) {
    let catalog = home.open().await;
    let (alice, bob) = (added(&catalog, "alice").await, added(&catalog, "bob").await);
    let old = NewSession { ends: at(5), ..session("old", bob) };
    assert!(catalog.add_session(&old, at(1)).await.unwrap());
    for number in 0..MAX_SESSIONS {
        let new = session(&format!("{number:03}"), alice);
        assert!(catalog.add_session(&new, at(2)).await.unwrap());
    }
    assert_eq!(session_ids(&catalog, None).await.len(), MAX_SESSIONS + 1);
    for number in 1..MAX_SESSIONS {
        catalog.session_used(&format!("{number:03}"), at(4)).await.unwrap();
    }
    assert!(catalog.add_session(&session("new", alice), at(5)).await.unwrap());
    let ids = session_ids(&catalog, None).await;
    assert_eq!(ids.len(), MAX_SESSIONS, "the one that has ended is gone, and the one least recently used");
    assert!(!ids.iter().any(|id| id == "old" || id == "000"), "{ids:?}");
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
    let filter = AuditFilter {
        actor: Some("owner".to_owned()),
        before: Some(all.rows[0].id),
        ..AuditFilter::default()
    };
    let rest = catalog.audit(&filter, 2).await.unwrap();
    assert_eq!((rest.rows[0].entry.clone(), rest.rows.len(), rest.more), (entry("owner", "1"), 1, false));
    assert_eq!(catalog.trim_audit(at(3)).await.unwrap(), 2);
    assert_eq!(catalog.audit(&AuditFilter::default(), 9).await.unwrap().rows.len(), 1);
}

pub async fn accounts_are_found_and_ordered(home: &Home) {
    let catalog = home.open().await;
    for name in ["carol", "alice", "bob_1"] {
        added(&catalog, name).await;
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    let names = async |filter: AccountFilter| -> Vec<String> {
        let rows = catalog.find_accounts(&filter, 10).await.unwrap().rows;
        rows.into_iter().map(|row| row.name).collect()
    };
    let by = |order| AccountFilter { order, ..AccountFilter::default() };
    assert_eq!(names(by(AccountOrder::Name)).await, ["alice", "bob_1", "carol"]);
    assert_eq!(names(by(AccountOrder::NameBack)).await, ["carol", "bob_1", "alice"]);
    assert_eq!(names(by(AccountOrder::Age)).await, ["carol", "alice", "bob_1"]);
    assert_eq!(names(by(AccountOrder::AgeBack)).await, ["bob_1", "alice", "carol"]);
    for order in [AccountOrder::Name, AccountOrder::NameBack, AccountOrder::Age, AccountOrder::AgeBack] {
        let (mut paged, mut filter) = (Vec::new(), by(order));
        loop {
            let page = catalog.find_accounts(&filter, 1).await.unwrap();
            filter.after = page.rows.last().map(|row| row.cursor(order));
            paged.extend(page.rows.into_iter().map(|row| row.name));
            if !page.more {
                break;
            }
        }
        assert_eq!(paged, names(by(order)).await, "{order:?}");
    }
    let search = |text: &str| AccountFilter { search: Some(text.to_owned()), ..AccountFilter::default() };
    assert_eq!(names(search("b_")).await, ["bob_1"], "an underscore is itself");
    assert_eq!(names(search("%")).await, Vec::<String>::new());
    let none = AccountFilter { role: Some("admin".to_owned()), ..AccountFilter::default() };
    assert_eq!(names(none).await, Vec::<String>::new());
    let local = AccountFilter {
        kind: Some(AccountKind::Local),
        is_disabled: Some(false),
        ..AccountFilter::default()
    };
    assert_eq!(names(local).await.len(), 3);
}

pub async fn tokens_that_end_soon_come_first(home: &Home) {
    let catalog = home.open().await;
    let account = added(&catalog, "alice").await;
    for (id, end) in [("a", Some(30)), ("b", Some(10)), ("c", None), ("d", Some(20)), ("e", Some(10))] {
        let new = NewApiToken { expires: end.map(at), ..token(id, account) };
        catalog.add_api_token(&new, at(1)).await.unwrap();
    }
    let mut filter = ApiTokenFilter { ends_before: Some(at(30)), ..ApiTokenFilter::default() };
    let mut found = Vec::new();
    loop {
        let page = catalog.find_api_tokens(&filter, 1).await.unwrap();
        filter.after = page.rows.last().map(|row| row.cursor(&filter));
        assert!(page.rows.iter().all(|row| row.secrets.len() == 1));
        found.extend(page.rows.into_iter().map(|row| row.id));
        if !page.more {
            break;
        }
    }
    assert_eq!(found, ["b", "e", "d"]);
    assert_eq!(catalog.count_ending_tokens(at(11), at(31)).await.unwrap(), 2);
    let all = catalog.find_api_tokens(&ApiTokenFilter::default(), 9).await.unwrap().rows;
    assert_eq!(all.len(), 5);
}

pub async fn grants_end_with_the_account_that_they_are_to(home: &Home) {
    let catalog = home.open().await;
    let alice = added(&catalog, "alice").await;
    let grant = |subject: &str| NewGrant {
        subject: subject.to_owned(),
        repositories: "local/a/** docker.io/acme/*".to_owned(),
        may: "pull,push".to_owned(),
        created_by: "owner".to_owned(),
    };
    let first = catalog.add_grant(&grant("account:alice"), at(1)).await.unwrap();
    tokio::time::sleep(Duration::from_millis(2)).await;
    let second = catalog.add_grant(&grant("role:user"), at(2)).await.unwrap();
    let known = catalog.grants().await.unwrap();
    assert_eq!(known.iter().map(|row| row.id).collect::<Vec<_>>(), [first, second]);
    assert_eq!(
        (known[0].subject.as_str(), known[0].may.as_str(), known[0].created),
        ("account:alice", "pull,push", at(1))
    );
    assert!(!catalog.remove_account(alice, Some(7)).await.unwrap(), "not as it was seen");
    assert_eq!(catalog.grants().await.unwrap().len(), 2);
    assert!(catalog.remove_account(alice, Some(1)).await.unwrap());
    assert_eq!(catalog.grants().await.unwrap().iter().map(|row| row.id).collect::<Vec<_>>(), [second]);
    assert!(catalog.remove_grant(second).await.unwrap());
    assert!(!catalog.remove_grant(second).await.unwrap());
}

pub async fn the_audit_is_searched(home: &Home) {
    let catalog = home.open().await;
    let entry = |action: &str, outcome| AuditEntry {
        actor: "owner".to_owned(),
        action: action.to_owned(),
        object: "alice".to_owned(),
        address: None,
        outcome,
        request_id: None,
        detail: None,
    };
    let begun = SystemTime::now();
    for (action, outcome) in [
        ("login", AuditOutcome::Refused),
        ("account.create", AuditOutcome::Done),
        ("login", AuditOutcome::Refused),
        ("account.role", AuditOutcome::Refused),
    ] {
        catalog.add_audit(&entry(action, outcome), SystemTime::now()).await.unwrap();
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    let found = async |filter: AuditFilter| -> Vec<String> {
        let rows = catalog.audit(&filter, 9).await.unwrap().rows;
        rows.into_iter().map(|row| row.entry.action).collect()
    };
    let usual = AuditFilter::default;
    assert_eq!(found(AuditFilter { action: Some("login".to_owned()), ..usual() }).await, ["login", "login"]);
    assert_eq!(found(AuditFilter { outcome: Some(AuditOutcome::Done), ..usual() }).await, ["account.create"]);
    assert_eq!(found(AuditFilter { object: Some("bob".to_owned()), ..usual() }).await, Vec::<String>::new());
    assert_eq!(found(AuditFilter { since: Some(begun), ..usual() }).await.len(), 4);
    assert_eq!(found(AuditFilter { until: Some(begun), ..usual() }).await.len(), 0);
    let both =
        AuditFilter { actor: Some("owner".to_owned()), action: Some("account.role".to_owned()), ..usual() };
    assert_eq!(found(both).await, ["account.role"]);
}
