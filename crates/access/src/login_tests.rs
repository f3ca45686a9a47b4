//! What a refused login costs and says does not tell which names there are.

use std::sync::atomic::Ordering;

use entrepot_catalog::{Catalog, Location};
use entrepot_secrets::Keyring;

use super::*;
use crate::{audit::Audit, error::ChangeError, manage::AccountUpdate, role::Role, rules::Rules};

const PASSWORD: &str = "correct horse battery";

async fn yard(directory: &tempfile::TempDir) -> Access {
    let catalog = Catalog::open(&Location::Sqlite(directory.path().join("access.db"))).await.unwrap();
    let access = Access::open(catalog, Keyring::generate(), Rules::default()).await.unwrap();
    let by = Audit { actor: "owner".to_owned(), address: None, request_id: None };
    let add = async |name: &str, password: Option<&str>| -> Result<(), ChangeError> {
        access.create_account(&name.parse().unwrap(), Role::User, password.map(Into::into), &by).await
    };
    add("alice", Some(PASSWORD)).await.unwrap();
    add("gone", Some(PASSWORD)).await.unwrap();
    add("robot", None).await.unwrap();
    let disable = AccountUpdate { is_disabled: Some(true), ..AccountUpdate::default() };
    access.change_account(&"gone".parse().unwrap(), disable, &by).await.unwrap();
    access
}

// A clock would lie on a busy machine; what takes the time is the hash.
#[tokio::test]
async fn an_unknown_name_costs_one_hash_like_a_known_one() {
    let directory = tempfile::tempdir().unwrap();
    let access = yard(&directory).await;
    let mut told = Vec::new();
    for (name, password) in [
        ("alice", "wrong password"),
        ("nobody", "wrong password"),
        ("gone", PASSWORD),
        ("robot", PASSWORD),
        ("not a:name", "wrong password"),
        ("", "wrong password"),
    ] {
        let before = access.0.passwords.comparisons.load(Ordering::Relaxed);
        let error = access.login(name, &password.into(), None).await.unwrap_err();
        let cost = access.0.passwords.comparisons.load(Ordering::Relaxed) - before;
        told.push((name, cost, error.to_string()));
    }
    let expected = "the user name or the password is wrong";
    assert!(told.iter().all(|(_, cost, text)| *cost == 1 && text == expected), "{told:?}");
}

#[tokio::test]
async fn a_client_that_sends_its_password_with_every_request_costs_one_hash() {
    let directory = tempfile::tempdir().unwrap();
    let access = yard(&directory).await;
    for _ in 0..20 {
        access.login("alice", &PASSWORD.into(), None).await.unwrap();
    }
    assert_eq!(access.0.passwords.comparisons.load(Ordering::Relaxed), 1);
}

#[tokio::test]
async fn guesses_are_slowed_down_for_unknown_names_as_for_known_ones() {
    let directory = tempfile::tempdir().unwrap();
    let access = yard(&directory).await;
    let outcomes = async |name: &str| -> Vec<bool> {
        let mut all = Vec::new();
        for guess in 0..8 {
            let error = access.login(name, &format!("guess {guess}").into(), None).await.unwrap_err();
            all.push(matches!(error, LoginError::Throttled(_)));
        }
        all
    };
    assert_eq!(outcomes("alice").await, outcomes("nobody").await);
}
