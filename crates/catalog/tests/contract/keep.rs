//! Keep lists: how their images stand, and their runs.

use entrepot_catalog::{Catalog, KeepCounts, KeepImageRecord, KeepOutcome, KeepRunRecord, KeepState};
use entrepot_oci::Digest;

use crate::setup::{Home, at};

fn image(name: &str, state: KeepState) -> KeepImageRecord {
    let is_kept = state == KeepState::Kept;
    KeepImageRecord {
        list: "daily".to_owned(),
        image: name.to_owned(),
        state,
        digest: is_kept.then(|| Digest::of(name.as_bytes())),
        problem: (!is_kept).then(|| "it is away".to_owned()),
        checked: at(7),
    }
}

async fn end(catalog: &Catalog, id: i64, is_whole: bool) -> KeepRunRecord {
    let counts = KeepCounts { kept: 2, failed: 1, postponed: 0 };
    let run = KeepRunRecord {
        id,
        list: "daily".to_owned(),
        started: at(1),
        finished: Some(at(9)),
        outcome: KeepOutcome::Failed,
        counts,
        bytes: 1 << 40,
    };
    catalog.end_keep_run(&run, is_whole).await.unwrap();
    run
}

pub async fn images_stand_as_they_were_seen_last(home: &Home) {
    let catalog = home.open().await;
    let run = catalog.begin_keep_run("daily", at(1)).await.unwrap();
    for (name, state) in [("b:1", KeepState::Kept), ("a:1", KeepState::Failed), ("c:1", KeepState::Kept)] {
        catalog.note_keep_image(run, &image(name, state)).await.unwrap();
    }
    let counts = catalog.keep_counts("daily").await.unwrap();
    assert_eq!((counts, counts.total()), (KeepCounts { kept: 2, failed: 1, postponed: 0 }, 3));
    assert_eq!(catalog.keep_counts("other").await.unwrap(), KeepCounts::default());
    let page = catalog.keep_images(("daily", ""), None, 2).await.unwrap();
    assert_eq!((page.rows[0].clone(), page.more), (image("a:1", KeepState::Failed), true));
    let page = catalog.keep_images(("daily", "b:1"), None, 2).await.unwrap();
    assert_eq!((page.rows, page.more), (vec![image("c:1", KeepState::Kept)], false));
    let failed = catalog.keep_images(("daily", ""), Some(KeepState::Failed), 9).await.unwrap();
    assert_eq!(failed.rows.len(), 1);
    catalog.note_keep_image(run, &image("b:1", KeepState::Postponed)).await.unwrap();
    let known = catalog.keep_images(("daily", "a:1"), None, 1).await.unwrap().rows.remove(0);
    assert_eq!(
        (known.state, known.digest),
        (KeepState::Postponed, Some(Digest::of(b"b:1"))),
        "what was kept stays"
    );
}

pub async fn runs_end_once_and_forget_what_is_of_the_list_no_more(home: &Home) {
    let catalog = home.open().await;
    let first = catalog.begin_keep_run("daily", at(1)).await.unwrap();
    catalog.note_keep_image(first, &image("gone:1", KeepState::Kept)).await.unwrap();
    assert_eq!(catalog.last_keep_run("daily").await.unwrap().unwrap().outcome, KeepOutcome::Running);
    let ended = end(&catalog, first, true).await;
    assert_eq!(catalog.last_keep_run("daily").await.unwrap(), Some(ended));
    let second = catalog.begin_keep_run("daily", at(11)).await.unwrap();
    catalog.note_keep_image(second, &image("a:1", KeepState::Kept)).await.unwrap();
    end(&catalog, second, false).await;
    assert_eq!(catalog.keep_counts("daily").await.unwrap().total(), 2, "a part says nothing about the rest");
    let third = catalog.begin_keep_run("daily", at(21)).await.unwrap();
    catalog.note_keep_image(third, &image("a:1", KeepState::Kept)).await.unwrap();
    end(&catalog, third, true).await;
    assert_eq!(catalog.keep_counts("daily").await.unwrap().total(), 1);
    catalog.begin_keep_run("daily", at(31)).await.unwrap();
    assert_eq!(catalog.interrupt_keep_runs(at(32)).await.unwrap(), 1);
    let last = catalog.last_keep_run("daily").await.unwrap().unwrap();
    assert_eq!((last.outcome, last.finished), (KeepOutcome::Interrupted, Some(at(32))));
}
