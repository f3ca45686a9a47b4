//! Whole runs: planned, copied, reported, and nothing left to do the second time.

use std::sync::Arc;

use entrepot_guide::{GuideLanguage, RuleStandings, badge, guide, log};
use entrepot_oci::Digest;
use entrepot_sync::{
    CopyEvent, Options, Plan, Registries, Report, ReportState, RunVerdict, apply, check, prepare,
};
use entrepot_testkit::{RateLimit, TestImage, TestRegistry};
use http::Method;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tokio_util::sync::CancellationToken;

use crate::registries::{TestRegistries, rules};

pub(crate) async fn planned(registries: &Arc<dyn Registries>, json: &str) -> Plan {
    prepare(registries, &rules(json), &CancellationToken::new()).await.unwrap()
}

pub(crate) async fn ran(
    registries: &Arc<dyn Registries>,
    json: &str,
    prune: bool,
) -> (Report, UnboundedReceiver<CopyEvent>) {
    let (sender, events) = unbounded_channel();
    let options = Options { prune, ..Options::default() };
    let plan = planned(registries, json).await;
    (apply(registries, plan, options, CancellationToken::new(), sender).await, events)
}

fn tag_of(registry: &TestRegistry, repository: &str, tag: &str) -> Option<Digest> {
    registry.manifest(repository, tag).map(|bytes| Digest::of(&bytes))
}

#[tokio::test]
async fn the_second_run_has_nothing_to_do() {
    let (source, x, y) =
        (TestRegistry::start().await, TestRegistry::start().await, TestRegistry::start().await);
    let (one, two) = (TestImage::random(1, 2, 1000), TestImage::random(2, 2, 1000).docker());
    let index = TestImage::index([one.clone(), two.clone().with_platform("linux/arm64")]);
    let signature = TestImage::random(3, 1, 10);
    source.put_image("a/one", "1.0", &one);
    source.put_image("a/one", "1", &one);
    source.put_image("a/one", "latest", &index);
    source.put_image("a/one", &format!("sha256-{}.sig", index.digest().hex()), &signature);
    source.put_image("a/two", "2", &two);
    let registries = TestRegistries::plain();
    let json = format!(
        r#"[{{"name":"all","from":"{s}/a/{{one,two}}","to":["{x}/b/{{name}}","{y}/{{path}}"]}}]"#,
        s = source.host(),
        x = x.host(),
        y = y.host()
    );
    let (report, mut events) = ran(&registries, &json, false).await;
    assert_eq!((report.verdict, report.totals.copied, report.totals.wanted()), (RunVerdict::Done, 10, 10));
    assert_eq!(tag_of(&x, "b/one", "latest"), Some(*index.digest()));
    assert_eq!(tag_of(&y, "a/two", "2"), Some(*two.digest()));
    // Every blob was read once, for both destinations and all tags.
    let blobs: std::collections::BTreeSet<String> =
        source.log().blob_gets().iter().map(|request| request.path.clone()).collect();
    assert_eq!(source.log().blob_gets().len(), blobs.len());
    let mut settled = Vec::new();
    while let Ok(event) = events.try_recv() {
        if let CopyEvent::Settled { job, row, .. } = event {
            settled.push((job, row.target_reference.to_string()));
        }
    }
    // Three images, and behind them what belongs to one.
    assert_eq!(settled.len(), 10);
    let last = settled.iter().map(|(job, _)| *job).max().unwrap();
    assert!(
        settled.iter().filter(|(job, _)| *job == last).all(|(_, tag)| tag.ends_with(".sig")),
        "{settled:?}"
    );
    for registry in [&source, &x, &y] {
        registry.clear_log();
    }
    let (report, _) = ran(&registries, &json, false).await;
    assert_eq!(
        (report.verdict, report.totals.up_to_date, report.totals.wanted()),
        (RunVerdict::Done, 10, 10)
    );
    assert_eq!((source.log().heads().len(), source.log().len()), (5, 7));
    assert_eq!((x.log().heads().len(), x.log().len(), y.log().len()), (5, 5, 5));
    let checked = check(&registries, &rules(&json), &CancellationToken::new()).await.unwrap();
    assert!(checked.len() == 1 && checked[0].1.is_in_sync());
}

#[tokio::test]
async fn one_that_fails_costs_its_own_lines() {
    let (source, up, down) =
        (TestRegistry::start().await, TestRegistry::start().await, TestRegistry::start().await);
    let image = TestImage::random(1, 1, 100);
    source.put_image("a", "1", &image);
    source.put_image("b", "1", &image);
    down.stop().await;
    let json = format!(
        r#"[{{"name":"a","from":"{s}/a","to":["{u}/a","{d}/a"]}},
            {{"name":"b","from":"{s}/b","tags":{{"match":"^v"}},"to":["{u}/b"]}}]"#,
        s = source.host(),
        u = up.host(),
        d = down.host()
    );
    let (report, _) = ran(&TestRegistries::plain(), &json, false).await;
    assert_eq!((report.verdict, report.verdict.exit_code()), (RunVerdict::Failed, 1));
    assert_eq!((report.totals.copied, report.totals.failed), (1, 2));
    assert_eq!(tag_of(&up, "a", "1"), Some(*image.digest()));
    let States { words, .. } = states(&report);
    assert_eq!(words, ["copied", "failed", "failed"]);
    let rules: Vec<_> = report.rules.iter().map(|rule| (rule.rule.as_str(), rule.totals.in_sync())).collect();
    assert_eq!(rules, [("a", 1), ("b", 0)]);
}

struct States {
    words: Vec<&'static str>,
}

fn states(report: &Report) -> States {
    States { words: report.lines.iter().map(|line| line.state.word()).collect() }
}

#[tokio::test]
async fn extra_tags_go_only_when_told_to() {
    let (source, x) = (TestRegistry::start().await, TestRegistry::start().await);
    let (image, old) = (TestImage::random(1, 1, 100), TestImage::random(2, 1, 100));
    source.put_image("a", "1", &image);
    for tag in ["0.9", "0.8", "1"] {
        x.put_image("a", tag, &old);
    }
    let json = format!(
        r#"[{{"name":"a","from":"{}/a","to":[{{"repository":"{}/a","prune":"review","backup":"old-{{tag}}"}}]}}]"#,
        source.host(),
        x.host()
    );
    let registries = TestRegistries::plain();
    let (report, _) = ran(&registries, &json, false).await;
    assert_eq!((report.totals.copied, report.totals.extra, report.totals.removed), (1, 2, 0));
    assert_eq!(tag_of(&x, "a", "old-1"), Some(*old.digest()));
    assert_eq!(x.log().count(Method::DELETE, "/"), 0);
    let (report, _) = ran(&registries, &json, true).await;
    assert_eq!((report.totals.up_to_date, report.totals.extra, report.totals.removed), (1, 0, 2));
    assert_eq!((tag_of(&x, "a", "0.9"), tag_of(&x, "a", "0.8")), (None, None));
    assert_eq!(tag_of(&x, "a", "1"), Some(*image.digest()));
    assert_eq!(tag_of(&x, "a", "old-1"), Some(*old.digest()));
}

#[tokio::test]
async fn a_registry_that_removes_nothing_says_so() {
    let (source, x) = (TestRegistry::start().await, TestRegistry::start().await);
    let image = TestImage::random(1, 1, 100);
    source.put_image("a", "1", &image);
    x.put_image("a", "1", &image);
    x.put_image("a", "0", &image);
    x.capabilities(|can| can.delete = false);
    let json = format!(
        r#"[{{"name":"a","from":"{}/a","to":[{{"repository":"{}/a","prune":"review"}}]}}]"#,
        source.host(),
        x.host()
    );
    let (report, _) = ran(&TestRegistries::plain(), &json, true).await;
    let ReportState::Failed { what, hint, .. } = &report.lines[1].state else { panic!("{:?}", report.lines) };
    assert_eq!(*what, format!("`{}` does not remove single tags", x.host()));
    assert_eq!(
        hint.as_deref(),
        Some("remove it where the registry is looked after, or leave `prune` at `off`")
    );
}

#[tokio::test]
async fn what_never_changes_is_verified_by_the_run() {
    let (source, x) = (TestRegistry::start().await, TestRegistry::start().await);
    source.put_image("a", "v1", &TestImage::random(1, 1, 100));
    let json = format!(
        r#"[{{"name":"a","from":"{}/a","to":[{{"repository":"{}/a","immutable":"v*"}}]}}]"#,
        source.host(),
        x.host()
    );
    let registries = TestRegistries::plain();
    assert_eq!(ran(&registries, &json, false).await.0.totals.copied, 1);
    source.clear_log();
    x.clear_log();
    assert_eq!(ran(&registries, &json, false).await.0.totals.up_to_date, 1);
    assert_eq!((source.log().len(), x.log().len()), (1, 0));
}

#[tokio::test]
async fn another_form_is_the_same_by_record() {
    let (source, x) = (TestRegistry::start().await, TestRegistry::start().await);
    let index = TestImage::index([
        TestImage::random(1, 1, 100),
        TestImage::random(2, 1, 100).with_platform("linux/arm64"),
    ]);
    source.put_image("a", "1", &index);
    let json = format!(
        r#"[{{"name":"a","from":"{}/a","to":[{{"repository":"{}/a","format":"docker","platforms":["linux/arm64"]}}]}}]"#,
        source.host(),
        x.host()
    );
    let registries = TestRegistries::plain();
    assert_eq!(ran(&registries, &json, false).await.0.totals.copied, 1);
    assert_ne!(tag_of(&x, "a", "1"), Some(*index.digest()));
    source.clear_log();
    x.clear_log();
    let plan = planned(&registries, &json).await;
    assert_eq!(plan.steps[0].action.word(), "same, converted");
    assert_eq!((source.log().len(), x.log().len()), (2, 1));
}

#[tokio::test]
async fn a_budget_is_left_alone() {
    let (source, x) = (TestRegistry::start().await, TestRegistry::start().await);
    for seed in 0..5 {
        source.put_image("a", &format!("v{seed}"), &TestImage::random(seed, 1, 100));
    }
    source.capabilities(|can| {
        can.rate_limit =
            Some(RateLimit { limit: 100, remaining: 12, puts: false, retry_after: None, window: 21_600 });
    });
    let json = format!(r#"[{{"name":"a","from":"{}/a","to":["{}/a"]}}]"#, source.host(), x.host());
    let (report, _) = ran(&TestRegistries::with_reserve(10), &json, false).await;
    assert_eq!((report.totals.copied, report.totals.postponed), (2, 3));
    assert_eq!(report.verdict, RunVerdict::Behind);
}

#[tokio::test]
async fn a_run_that_is_stopped_says_so() {
    let (source, x) = (TestRegistry::start().await, TestRegistry::start().await);
    source.put_image("a", "1", &TestImage::random(1, 1, 100));
    let json = format!(r#"[{{"name":"a","from":"{}/a","to":["{}/a"]}}]"#, source.host(), x.host());
    let registries = TestRegistries::plain();
    let plan = planned(&registries, &json).await;
    let cancel = CancellationToken::new();
    cancel.cancel();
    assert!(prepare(&registries, &rules(&json), &cancel).await.is_none());
    let (sender, _events) = unbounded_channel();
    let report = apply(&registries, plan, Options::default(), cancel, sender).await;
    assert_eq!((report.verdict, report.totals.cancelled), (RunVerdict::Behind, 1));
}

#[tokio::test]
async fn readers_are_told() {
    let (source, x) = (TestRegistry::start().await, TestRegistry::start().await);
    let (image, old) = (TestImage::random(1, 1, 100), TestImage::random(2, 1, 100));
    for tag in ["1", "2", "v3"] {
        source.put_image("a", tag, &image);
    }
    x.put_image("a", "1", &image);
    x.put_image("a", "v3", &old);
    let json = format!(
        r#"[{{"name":"a","title":"A","from":"{}/a","to":[{{"repository":"{}/a","immutable":"v*"}}]}}]"#,
        source.host(),
        x.host()
    );
    let (report, _) = ran(&TestRegistries::plain(), &json, false).await;
    let (s, x) = (format!("{}/a", source.host()), format!("{}/a", x.host()));
    let said: Vec<String> = log(&report)
        .lines()
        .map(|line| line.split_once(' ').unwrap().1.replace(&s, "A").replace(&x, "B"))
        .collect();
    assert_eq!(
        said,
        [
            "SYNCHRONIZED: A:1 and B:1 are in synchronized",
            "SYNCHRONIZE: synchronize from A:2 to B:2",
            "SYNCHRONIZED: A:2 and B:2 are in synchronized",
            "NOT-SYNCHRONIZED: A:v3 and B:v3 are not in synchronized",
            "NOT-SYNCHRONIZED-TAGS: A and B are not in synchronized",
            "INFO: A and B are not in synchronized, there are not synchronized tags 1: v3",
        ]
    );
    assert!(badge("sync", report.totals.in_sync(), report.totals.wanted()).contains(">2/3</text>"));
    let text = guide(&rules(&json), &RuleStandings::from(&report), GuideLanguage::English, report.started);
    assert!(text.contains("| 2/3 |"), "{text}");
    let value = serde_json::to_value(&report).unwrap();
    assert_eq!(
        (&value["verdict"], &value["totals"]["kept"], &value["lines"][1]["state"]),
        (&"done".into(), &1.into(), &"copied".into())
    );
    assert_eq!(value["rules"][0]["up_to_date"], 1);
}
