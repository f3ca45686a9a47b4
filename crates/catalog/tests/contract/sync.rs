//! Runs, what they did, and how copies stand.

use std::time::Duration;

use crate::setup::*;
use entrepot_catalog::{
    Catalog, Cause, Copy, CopyCounts, CopyOutcome, InstanceId, KEPT_RUNS, NewRun, Orphans, RunCopy, RunEnd,
    RunId, RunOutcome, SettledCopies, SourceTag,
};

fn copy(tag: &str, target: &str) -> Copy {
    Copy {
        source: "quay.io/a/b".into(),
        reference: tag.into(),
        target: target.into(),
        target_reference: tag.into(),
    }
}

fn done(tag: &str, target: &str, outcome: CopyOutcome) -> RunCopy {
    let failed = outcome == CopyOutcome::Failed;
    RunCopy {
        copy: copy(tag, target),
        digest: (!failed).then(|| blob(tag)),
        outcome,
        problem: failed.then(|| "no such repository".into()),
        hint: failed.then(|| "make it".into()),
        written: 7,
        mounted: 2,
        present: 1,
        took: Duration::from_millis(12),
    }
}

fn end(seconds: u64) -> RunEnd {
    let counts = CopyCounts { copied: 1, equal: 2, kept: 6, failed: 3, postponed: 4, cancelled: 5 };
    let outcome = RunOutcome::Failed;
    RunEnd { at: at(seconds), outcome, problem: None, counts, written: 70, read: 60 }
}

async fn begin(catalog: &Catalog, rule: &str, seconds: u64) -> RunId {
    begin_part(catalog, rule, None, seconds).await
}

async fn record(catalog: &Catalog, settled: &SettledCopies<'_>) -> u64 {
    catalog.record_copies(settled).await.unwrap()
}

async fn begin_part(catalog: &Catalog, rule: &str, part: Option<&str>, seconds: u64) -> RunId {
    let run = NewRun { rule, cause: Cause::Schedule, part, owner: InstanceId::new(), at: at(seconds) };
    catalog.begin_run(&run).await.unwrap()
}

pub async fn runs_are_remembered(home: &Home) {
    let catalog = home.open().await;
    let id = begin(&catalog, "cann", 1).await;
    let running = catalog.run(id).await.unwrap().unwrap();
    assert_eq!((running.outcome, running.ended, running.cause), (RunOutcome::Running, None, Cause::Schedule));
    catalog.end_run(id, "cann", &end(9)).await.unwrap();
    let ended = catalog.run(id).await.unwrap().unwrap();
    assert_eq!((ended.rule.as_str(), ended.started, ended.ended), ("cann", at(1), Some(at(9))));
    assert_eq!((ended.counts, ended.written, ended.read), (end(9).counts, 70, 60));
    assert_eq!(ended.outcome, RunOutcome::Failed);
    assert_eq!(catalog.run("1".parse().unwrap()).await.unwrap(), None);
}

pub async fn the_latest_runs_come_first_and_the_oldest_go(home: &Home) {
    let catalog = home.open().await;
    let other = begin(&catalog, "other", 0).await;
    let mut ids = Vec::new();
    for number in 0..KEPT_RUNS as u64 + 3 {
        let id = begin(&catalog, "a", number).await;
        record(
            &catalog,
            &SettledCopies {
                run: id,
                rule: "a",
                first: 1,
                copies: &[done("1", "x", CopyOutcome::Copied)],
                at: at(1),
            },
        )
        .await;
        catalog.end_run(id, "a", &end(number)).await.unwrap();
        ids.push(id);
    }
    let all = catalog.runs(Some("a"), None, 1000).await.unwrap();
    // Those begun within one millisecond come in an order of their own.
    assert_eq!((all.rows.len(), all.more), (KEPT_RUNS, false));
    assert!(all.rows.is_sorted_by(|a, b| a.id > b.id));
    let page = catalog.runs(Some("a"), Some(all.rows[1].id), 2).await.unwrap();
    assert_eq!((page.rows.as_slice(), page.more), (&all.rows[2..4], true));
    assert_eq!(catalog.runs(None, None, 1000).await.unwrap().rows.len(), KEPT_RUNS + 1);
    assert!(catalog.run(other).await.unwrap().is_some());
    let gone: Vec<_> = ids.iter().filter(|id| !all.rows.iter().any(|run| run.id == **id)).collect();
    assert_eq!(gone.len(), 3);
    assert!(catalog.run_copies(*gone[0], 0, 9).await.unwrap().rows.is_empty());
}

pub async fn the_last_whole_run_counts(home: &Home) {
    let catalog = home.open().await;
    assert_eq!(catalog.last_whole_run("a").await.unwrap(), None);
    let whole = begin(&catalog, "a", 1).await;
    assert_eq!(catalog.last_whole_run("a").await.unwrap(), None);
    catalog.end_run(whole, "a", &end(2)).await.unwrap();
    let part = begin_part(&catalog, "a", Some("quay.io/a/b:1"), 3).await;
    catalog.end_run(part, "a", &end(4)).await.unwrap();
    assert_eq!(catalog.run(part).await.unwrap().unwrap().part.as_deref(), Some("quay.io/a/b:1"));
    begin(&catalog, "a", 5).await;
    let all = Orphans { not_of: InstanceId::new(), predecessor: None, silent_since: at(6) };
    assert_eq!(catalog.interrupt_runs(&all, at(6)).await.unwrap(), 1);
    assert_eq!(catalog.last_whole_run("a").await.unwrap(), Some(at(1)));
}

pub async fn a_run_keeps_what_it_did(home: &Home) {
    let catalog = home.open().await;
    let id = begin(&catalog, "a", 1).await;
    let first = [
        done("1", "x", CopyOutcome::Copied),
        done("2", "x", CopyOutcome::Equal),
        done("3", "x", CopyOutcome::Failed),
    ];
    let next =
        record(&catalog, &SettledCopies { run: id, rule: "a", first: 1, copies: &first, at: at(2) }).await;
    assert_eq!(next, 3);
    let more: Vec<_> = (0..250).map(|tag| done(&format!("m{tag:03}"), "x", CopyOutcome::Postponed)).collect();
    assert_eq!(
        record(&catalog, &SettledCopies { run: id, rule: "a", first: next, copies: &more, at: at(3) }).await,
        253
    );
    assert_eq!(
        record(&catalog, &SettledCopies { run: id, rule: "a", first: 253, copies: &[], at: at(3) }).await,
        253
    );
    let rows = catalog.run_copies(id, 0, 2).await.unwrap();
    assert_eq!((rows.rows, rows.more), (vec![(1, first[0].clone()), (2, first[2].clone())], true));
    let rest = catalog.run_copies(id, 2, 1000).await.unwrap();
    assert_eq!((rest.rows.len(), rest.rows[249].0, rest.more), (250, 252, false));
    assert_eq!(
        catalog.copy_counts("a").await.unwrap(),
        CopyCounts { copied: 1, equal: 1, kept: 0, failed: 1, postponed: 250, cancelled: 0 }
    );
}

pub async fn the_last_word_about_a_copy_stands(home: &Home) {
    let catalog = home.open().await;
    let id = begin(&catalog, "a", 1).await;
    let all = [
        done("2", "y", CopyOutcome::Copied),
        done("1", "y", CopyOutcome::Copied),
        done("1", "x", CopyOutcome::Failed),
        done("1", "x", CopyOutcome::Copied),
        done("10", "x", CopyOutcome::Failed),
    ];
    record(&catalog, &SettledCopies { run: id, rule: "a", first: 1, copies: &all, at: at(10) }).await;
    record(
        &catalog,
        &SettledCopies {
            run: id,
            rule: "a",
            first: 9,
            copies: &[done("1", "y", CopyOutcome::Failed)],
            at: at(20),
        },
    )
    .await;
    record(
        &catalog,
        &SettledCopies {
            run: id,
            rule: "b",
            first: 20,
            copies: &[done("9", "y", CopyOutcome::Equal)],
            at: at(20),
        },
    )
    .await;

    let listing = catalog.copies("a", &SourceTag::default(), 2).await.unwrap();
    let told: Vec<_> = listing
        .rows
        .iter()
        .map(|row| (row.copy.reference.as_str(), row.copy.target.as_str(), row.outcome, row.synced))
        .collect();
    assert_eq!(
        told,
        [
            ("1", "x", CopyOutcome::Copied, Some(at(10))),
            ("1", "y", CopyOutcome::Failed, Some(at(10))),
            ("10", "x", CopyOutcome::Failed, None),
        ]
    );
    assert!(listing.more);
    assert_eq!(listing.rows[1].problem.as_deref(), Some("no such repository"));
    assert_eq!(listing.rows[1].digest, Some(blob("1")), "what is not known any better stays");
    let after = SourceTag { source: "quay.io/a/b".into(), reference: "10".into() };
    let rest = catalog.copies("a", &after, 2).await.unwrap();
    assert_eq!((rest.rows.len(), rest.more), (1, false));

    assert_eq!(catalog.forget_copies("a", at(20)).await.unwrap(), 3);
    let left = catalog.copies("a", &SourceTag::default(), 9).await.unwrap();
    assert_eq!(left.rows.len(), 1);
    assert_eq!(catalog.copies("b", &SourceTag::default(), 9).await.unwrap().rows.len(), 1);
    assert!(catalog.copies("c", &SourceTag::default(), 9).await.unwrap().rows.is_empty());
}

pub async fn other_forms_and_verified_tags(home: &Home) {
    let catalog = home.open().await;
    let (source, one, two) = (blob("s"), blob("1"), blob("2"));
    assert_eq!(catalog.converted(&source, "docker").await.unwrap(), None);
    catalog.remember_converted(&source, "docker", &one).await.unwrap();
    catalog.remember_converted(&source, "linux/arm64", &one).await.unwrap();
    catalog.remember_converted(&source, "docker", &two).await.unwrap();
    assert_eq!(catalog.converted(&source, "docker").await.unwrap(), Some(two));
    assert_eq!(catalog.converted(&source, "linux/arm64").await.unwrap(), Some(one));
    assert!(!catalog.is_verified("quay.io/a:1").await.unwrap());
    for seconds in [1, 2] {
        catalog.set_verified("quay.io/a:1", at(seconds)).await.unwrap();
    }
    assert!(catalog.is_verified("quay.io/a:1").await.unwrap());
}
