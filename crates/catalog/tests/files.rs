//! Files that are no catalog, and addresses that lead nowhere: each fails with a message that names the matter.

#![allow(clippy::unwrap_used, reason = "outside of test functions, but only for them")]

use std::{fs::Permissions, os::unix::fs::PermissionsExt, path::Path};

use entrepot_catalog::{Catalog, Error, FileProblem, Location};

async fn problem(path: &Path) -> FileProblem {
    match Catalog::open(&Location::Sqlite(path.to_owned())).await {
        Err(Error::File { problem, path: named, .. }) if named == path => problem,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_directory_or_a_missing_one() {
    let dir = tempfile::tempdir().unwrap();
    assert_eq!(problem(dir.path()).await, FileProblem::Unopenable);
    let missing = dir.path().join("missing/catalog.db");
    assert_eq!(problem(&missing).await, FileProblem::Unopenable);
    let error = Catalog::open(&Location::Sqlite(missing.clone())).await.unwrap_err();
    assert_eq!(error.to_string(), format!("the database file `{}` cannot be opened", missing.display()));
}

#[tokio::test]
async fn another_kind_of_file() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("catalog.db");
    let text = "this is not a database. ".repeat(1000);
    std::fs::write(&path, &text).unwrap();
    assert_eq!(problem(&path).await, FileProblem::NotADatabase);
    assert_eq!(std::fs::read_to_string(&path).unwrap(), text, "it is left as it was");
}

#[tokio::test]
async fn a_damaged_one() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("catalog.db");
    Catalog::open(&Location::Sqlite(path.clone())).await.unwrap().close().await;
    let mut bytes = std::fs::read(&path).unwrap();
    bytes[100..].fill(0xA5);
    std::fs::write(&path, bytes).unwrap();
    assert_eq!(problem(&path).await, FileProblem::Damaged);
}

#[tokio::test]
async fn one_that_cannot_be_written() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("catalog.db");
    Catalog::open(&Location::Sqlite(path.clone())).await.unwrap().close().await;
    for closed in [&path, &dir.path().to_owned()] {
        let mut permissions = std::fs::metadata(closed).unwrap().permissions();
        permissions.set_readonly(true);
        std::fs::set_permissions(closed, permissions).unwrap();
    }
    if std::fs::File::options().write(true).open(&path).is_ok() {
        println!("skipped: this user may write anything");
        return;
    }
    assert!(matches!(problem(&path).await, FileProblem::ReadOnly | FileProblem::Unopenable));
}

// A19: whatever the mask for new files is, and where an older version left it open.
#[tokio::test]
async fn it_is_for_its_owner_alone() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("catalog.db");
    let name = |suffix: &str| dir.path().join(format!("catalog.db{suffix}"));
    let mode = |suffix: &str| std::fs::metadata(name(suffix)).unwrap().permissions().mode() & 0o777;
    let all = ["", "-wal", "-shm"];
    let catalog = Catalog::open(&Location::Sqlite(path.clone())).await.unwrap();
    assert_eq!(all.map(mode), [0o600; 3]);
    for suffix in all {
        std::fs::set_permissions(name(suffix), Permissions::from_mode(0o666)).unwrap();
    }
    let second = Catalog::open(&Location::Sqlite(path)).await.unwrap();
    assert_eq!(all.map(mode), [0o600; 3]);
    second.close().await;
    catalog.ping().await.unwrap();
    catalog.close().await;
}

#[tokio::test]
async fn the_password_is_never_told() {
    // Port 1 refuses; the other address is malformed.
    for url in ["postgres://me:s3cret@127.0.0.1:1/db", "postgres://me:s3cret@127.0.0.1:x/db"] {
        let location = Location::Postgres(url.into());
        let error = Catalog::open(&location).await.unwrap_err();
        assert!(matches!(error, Error::Connect(_) | Error::Address), "{error}");
        let mut told = format!("{error:?} {error} {location:?}");
        let mut cause = std::error::Error::source(&error);
        while let Some(source) = cause {
            told.push_str(&format!("{source} {source:?}"));
            cause = source.source();
        }
        assert!(!told.contains("s3cret"), "{told}");
    }
}
