//! One server at a time, and whose runs are whose.

use std::time::Duration;

use crate::setup::*;
use entrepot_catalog::{
    Catalog, Cause, Claim, Instance, InstanceId, LockHolder, NewRun, Orphans, RunId, RunOutcome, ServerLock,
};

fn server(name: &str) -> Instance {
    Instance { id: InstanceId::new(), name: name.to_owned(), started: at(7) }
}

async fn taken(catalog: &Catalog, server: &Instance) -> ServerLock {
    match catalog.claim(server).await.unwrap() {
        Claim::Ours(lock) => lock,
        Claim::Held(holder) => panic!("{holder:?} has it"),
    }
}

async fn held(catalog: &Catalog, server: &Instance) -> LockHolder {
    match catalog.claim(server).await.unwrap() {
        Claim::Ours(_) => panic!("nobody has it"),
        Claim::Held(holder) => holder,
    }
}

async fn begin(catalog: &Catalog, owner: &Instance, seconds: u64) -> RunId {
    let run = NewRun { rule: "a", cause: Cause::Schedule, part: None, owner: owner.id, at: at(seconds) };
    catalog.begin_run(&run).await.unwrap()
}

async fn outcome(catalog: &Catalog, run: RunId) -> RunOutcome {
    catalog.run(run).await.unwrap().unwrap().outcome
}

pub async fn a_second_one_is_refused(home: &Home) {
    let (first, second) = (home.open().await, home.open().await);
    let (one, two) = (server("one"), server("two"));
    let mut lock = taken(&first, &one).await;
    assert!(lock.is_held().await);
    assert_eq!(lock.predecessor(), None);
    let holder = held(&second, &two).await;
    assert_eq!((holder.name.as_deref(), holder.started), (Some("one"), Some(at(7))));
    assert_eq!(holder.session.is_some(), home.is_postgres());
    // Nor by the same process a second time.
    held(&first, &two).await;
    // What else works with the database does not mind.
    fill(&second, &hosted("local/a"), &image(&["1"]), &["1"]).await;
    drop(lock);
    let mut lock = until_free(&second, &two).await;
    assert!(lock.is_held().await);
    assert_eq!(lock.predecessor(), Some(one.id));
    assert_eq!(held(&first, &one).await.name.as_deref(), Some("two"));
}

/// PostgreSQL frees the lock once it has noticed that the session is gone.
async fn until_free(catalog: &Catalog, server: &Instance) -> ServerLock {
    for _ in 0..1000 {
        if let Claim::Ours(lock) = catalog.claim(server).await.unwrap() {
            return lock;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("the lock is never given back")
}

pub async fn a_lost_lock_is_noticed(home: &Home) {
    let (first, second) = (home.open().await, home.open().await);
    let (one, two) = (server("one"), server("two"));
    let mut lock = taken(&first, &one).await;
    home.break_lock(&held(&second, &two).await).await;
    assert!(!lock.is_held().await);
    drop(lock);
    let again = until_free(&first, &one).await;
    assert_eq!(again.predecessor(), Some(one.id));
    held(&second, &two).await;
}

pub async fn runs_of_servers_that_are_gone_were_interrupted(home: &Home) {
    let catalog = home.open().await;
    let (us, before, other) = (server("us"), server("before"), server("other"));
    let ours = begin(&catalog, &us, 0).await;
    let orphan = begin(&catalog, &before, 100).await;
    let theirs = begin(&catalog, &other, 0).await;
    let ownerless = begin(&catalog, &other, 100).await;
    home.meddle(&format!("UPDATE sync_run SET owner = NULL WHERE id = {}", id(ownerless))).await;
    catalog.heartbeat(other.id, at(50)).await.unwrap();
    let orphans =
        |seconds| Orphans { not_of: us.id, predecessor: Some(before.id), silent_since: at(seconds) };
    assert_eq!(catalog.interrupt_runs(&orphans(50), at(110)).await.unwrap(), 2);
    for (run, expected) in [
        (ours, RunOutcome::Running),
        (orphan, RunOutcome::Interrupted),
        (theirs, RunOutcome::Running),
        (ownerless, RunOutcome::Interrupted),
    ] {
        assert_eq!(outcome(&catalog, run).await, expected);
    }
    assert_eq!(catalog.run(orphan).await.unwrap().unwrap().ended, Some(at(110)));
    assert_eq!(catalog.interrupt_runs(&orphans(51), at(120)).await.unwrap(), 1);
    assert_eq!(outcome(&catalog, theirs).await, RunOutcome::Interrupted);
    assert_eq!(outcome(&catalog, ours).await, RunOutcome::Running);
    // A heartbeat brings nothing back.
    catalog.heartbeat(other.id, at(130)).await.unwrap();
    assert_eq!(outcome(&catalog, theirs).await, RunOutcome::Interrupted);
}

fn id(run: RunId) -> i64 {
    i64::from_str_radix(&run.to_string(), 16).unwrap()
}
