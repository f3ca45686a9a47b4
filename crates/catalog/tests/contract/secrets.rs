//! Credentials, and the sealed values of all tables.

use entrepot_catalog::{Catalog, NewCredential, SealedRow, SealedTable, SigningKeyRecord};

use crate::setup::{Home, at};

fn credential(name: &str) -> NewCredential {
    NewCredential {
        id: format!("id-of-{name}"),
        name: name.to_owned(),
        host: "quay.io".to_owned(),
        namespace: Some("acme".to_owned()),
        endpoint: None,
        username: "robot".to_owned(),
        sealed: format!("1.k.{name}"),
    }
}

async fn added(catalog: &Catalog, name: &str) {
    assert!(catalog.add_credential(&credential(name), at(1)).await.unwrap());
}

pub async fn credentials_have_unique_names(home: &Home) {
    let catalog = home.open().await;
    added(&catalog, "quay.io").await;
    let again = NewCredential { id: "other".to_owned(), ..credential("quay.io") };
    assert!(!catalog.add_credential(&again, at(2)).await.unwrap());
    let found = catalog.credential("quay.io").await.unwrap().unwrap();
    assert_eq!((found.host.as_str(), found.username.as_str()), ("quay.io", "robot"));
    assert_eq!((found.namespace.as_deref(), found.endpoint.as_deref()), (Some("acme"), None));
    assert_eq!((found.revision, found.created, found.changed), (1, at(1), at(1)));
    let revision = catalog.credential("quay.io").await.unwrap().unwrap().revision;
    assert!(!catalog.remove_credential("quay.io", Some(revision + 1)).await.unwrap());
    assert!(catalog.remove_credential("quay.io", Some(revision)).await.unwrap());
    assert!(!catalog.remove_credential("quay.io", None).await.unwrap());
    assert_eq!(catalog.credential("quay.io").await.unwrap(), None);
}

pub async fn one_that_exists_is_read_beside_its_server(home: &Home) {
    if !home.is_postgres() {
        assert!(Catalog::open_to_read(&home.location).await.unwrap().is_none(), "nothing is made");
    }
    let catalog = home.open().await;
    added(&catalog, "quay.io").await;
    let beside = Catalog::open_to_read(&home.location).await.unwrap().unwrap();
    assert_eq!(beside.credentials("", 10).await.unwrap(), catalog.credentials("", 10).await.unwrap());
    added(&catalog, "docker.io").await;
    assert_eq!(beside.credentials("", 10).await.unwrap().rows.len(), 2);
    beside.close().await;
    home.meddle("UPDATE _sqlx_migrations SET version = 9999 WHERE version = 1").await;
    assert!(Catalog::open_to_read(&home.location).await.unwrap().is_none(), "of another version");
}

pub async fn credentials_change_only_as_they_were_seen(home: &Home) {
    let catalog = home.open().await;
    added(&catalog, "quay.io").await;
    let seen = catalog.credential("quay.io").await.unwrap().unwrap();
    assert!(catalog.change_credential(&seen, "other", "1.k.new", at(2)).await.unwrap());
    assert!(!catalog.change_credential(&seen, "third", "1.k.x", at(3)).await.unwrap());
    let now = catalog.credential("quay.io").await.unwrap().unwrap();
    assert_eq!((now.username.as_str(), now.sealed.as_str()), ("other", "1.k.new"));
    assert_eq!((now.revision, now.changed), (2, at(2)));
}

pub async fn credentials_come_in_pages(home: &Home) {
    let catalog = home.open().await;
    for name in ["b", "a", "B", "c/d"] {
        added(&catalog, name).await;
    }
    let page = catalog.credentials("", 3).await.unwrap();
    let names = |rows: &[entrepot_catalog::CredentialRecord]| {
        rows.iter().map(|row| row.name.clone()).collect::<Vec<_>>().join(" ")
    };
    assert_eq!((names(&page.rows).as_str(), page.more), ("B a b", true));
    let page = catalog.credentials("b", 3).await.unwrap();
    assert_eq!((names(&page.rows).as_str(), page.more), ("c/d", false));
}

pub async fn sealed_values_are_replaced_unless_they_changed(home: &Home) {
    let catalog = home.open().await;
    added(&catalog, "a").await;
    let key = SigningKeyRecord { id: "s".to_owned(), sealed: "1.k.s".to_owned(), created: at(1) };
    catalog.add_signing_key(&key).await.unwrap();
    crate::nodes::added(&catalog, "a", Some("1.k.n")).await;
    for table in SealedTable::ALL {
        let page = catalog.sealed(table, "", 10).await.unwrap();
        assert_eq!((page.rows.len(), page.more), (1, false), "{table:?}");
        let row = &page.rows[0];
        catalog.reseal(table, row, "1.l.new").await.unwrap();
        // By somebody who saw it before that.
        catalog.reseal(table, row, "1.l.late").await.unwrap();
        let now = catalog.sealed(table, "", 10).await.unwrap();
        assert_eq!(now.rows, [SealedRow { sealed: "1.l.new".to_owned(), ..row.clone() }]);
        assert!(catalog.sealed(table, &row.id, 10).await.unwrap().rows.is_empty());
        assert_eq!(catalog.forget_sealed(table).await.unwrap(), 1);
        assert!(catalog.sealed(table, "", 10).await.unwrap().rows.is_empty());
    }
}
