//! How much is asked, and what is made of the answers.

use entrepot_oci::referrers_tag;
use entrepot_sync::{Plan, PlanAction, Registries, RunVerdict, Survey, plan};
use entrepot_testkit::{Action as Play, Fault, Match, ResourceKind, TestImage, TestRegistry};
use http::Method;
use std::sync::Arc;

use crate::{
    registries::{TestRegistries, rules},
    run::ran,
};

async fn planned(registries: &Arc<dyn Registries>, json: &str) -> Plan {
    let rules = rules(json);
    plan(&rules, &Survey::take(registries, &rules).await)
}

fn lists(registry: &TestRegistry) -> usize {
    registry.log().kind(ResourceKind::Tags).len()
}

fn heads(registry: &TestRegistry) -> usize {
    registry.log().heads().len()
}

#[tokio::test]
async fn an_unchanged_tag_costs_one_request_for_each_side() {
    let (source, x, y) =
        (TestRegistry::start().await, TestRegistry::start().await, TestRegistry::start().await);
    for seed in 0..20 {
        let image = TestImage::random(seed, 1, 10);
        for registry in [&source, &x, &y] {
            registry.put_image("a/b", &format!("v{seed}"), &image);
        }
    }
    let json = format!(
        r#"[{{"name":"one","from":"{s}/a/b","tags":{{"exclude":"v1?"}},"to":["{x}/a/b","{y}/a/b"]}},
            {{"name":"two","from":"{s}/a/b","tags":{{"include":"v1?"}},"to":["{x}/a/b"]}}]"#,
        s = source.host(),
        x = x.host(),
        y = y.host()
    );
    let plan = planned(&TestRegistries::plain(), &json).await;
    assert_eq!((plan.counts().in_sync, plan.steps.len(), plan.jobs.len()), (30, 30, 0));
    assert_eq!((lists(&source), heads(&source), source.log().len()), (1, 20, 21));
    assert_eq!((heads(&x), x.log().len()), (20, 20));
    assert_eq!((heads(&y), y.log().len()), (10, 10));
}

#[tokio::test]
async fn tags_that_never_change_cost_nothing_once_they_were_right() {
    let (source, x) = (TestRegistry::start().await, TestRegistry::start().await);
    let image = TestImage::random(1, 1, 10);
    source.put_image("a", "v1", &image);
    source.put_image("a", "latest", &image);
    x.put_image("a", "latest", &image);
    let registries = TestRegistries::plain();
    registries.cache().verify(&format!("{}/a:v1", x.host())).await;
    let json = format!(
        r#"[{{"name":"r","from":"{}/a","to":[{{"repository":"{}/a","immutable":"v*"}}]}}]"#,
        source.host(),
        x.host()
    );
    let plan = planned(&registries, &json).await;
    let actions: Vec<_> = plan.steps.iter().map(|step| step.action.word()).collect();
    assert_eq!(actions, ["up to date", "verified"]);
    assert_eq!((source.log().len(), x.log().len()), (2, 1));
}

#[tokio::test]
async fn long_lists_are_read_to_their_end() {
    let (source, x) = (TestRegistry::start().await, TestRegistry::start().await);
    let image = TestImage::random(1, 1, 10);
    for number in 0..20_000 {
        source.put_image("a", &format!("t{number}"), &image);
    }
    source.capabilities(|can| can.tags_page = Some(1000));
    let json = format!(
        r#"[{{"name":"r","from":"{}/a","tags":{{"match":"^t1999","latest":5}},"to":["{}/a"]}}]"#,
        source.host(),
        x.host()
    );
    let plan = planned(&TestRegistries::plain(), &json).await;
    let tags: Vec<_> = plan.steps.iter().map(|step| step.tag.as_ref().unwrap().to_string()).collect();
    assert_eq!(tags, ["t19995", "t19996", "t19997", "t19998", "t19999"]);
    assert!((20..=21).contains(&lists(&source)), "{}", lists(&source));
}

#[tokio::test]
async fn a_destination_that_is_down_costs_its_own_rows() {
    let (source, up, down) =
        (TestRegistry::start().await, TestRegistry::start().await, TestRegistry::start().await);
    source.put_image("a", "1", &TestImage::random(1, 1, 10));
    down.stop().await;
    let json = format!(
        r#"[{{"name":"r","from":"{}/a","to":["{}/a","{}/a"]}}]"#,
        source.host(),
        up.host(),
        down.host()
    );
    let plan = planned(&TestRegistries::plain(), &json).await;
    assert_eq!(plan.steps[0].action, PlanAction::Copy);
    let PlanAction::Failed { what, hint, at_source } = &plan.steps[1].action else { panic!() };
    let refused = format!("`{}` cannot be reached: the connection is refused (", down.host());
    assert!(what.starts_with(&refused), "{what}");
    assert!(hint.as_ref().unwrap().starts_with("look at the address and port under `endpoints`"), "{hint:?}");
    assert!(!at_source);
    assert_eq!(plan.jobs[0].targets.len(), 1);
}

#[tokio::test]
async fn a_source_that_fails_costs_its_own_rows() {
    let (source, x) = (TestRegistry::start().await, TestRegistry::start().await);
    source.put_image("a", "1", &TestImage::random(1, 1, 10));
    let json = format!(
        r#"[{{"name":"r","from":"{s}/{{gone,a}}","to":["{x}/{{name}}"]}}]"#,
        s = source.host(),
        x = x.host()
    );
    let plan = planned(&TestRegistries::plain(), &json).await;
    let PlanAction::Failed { what, .. } = &plan.steps[0].action else { panic!() };
    assert_eq!(*what, format!("there is no repository `{}/gone`", source.host()));
    assert_eq!(plan.steps[1].action, PlanAction::Copy);
}

#[tokio::test]
async fn what_passes_is_asked_again() {
    let (source, x) = (TestRegistry::start().await, TestRegistry::start().await);
    source.put_image("a", "1", &TestImage::random(1, 1, 10));
    source.fault(Fault::on(Match::manifests().head()).then(Play::status(503)));
    let json = format!(r#"[{{"name":"r","from":"{}/a","to":["{}/a"]}}]"#, source.host(), x.host());
    let plan = planned(&TestRegistries::plain(), &json).await;
    assert_eq!(plan.steps[0].action, PlanAction::Copy);
}

#[tokio::test]
async fn who_names_tags_need_not_list() {
    let (source, x) = (TestRegistry::start().await, TestRegistry::start().await);
    source.put_image("a", "1", &TestImage::random(1, 1, 10));
    source.fault(Fault::on(Match::tags()).then(Play::status(403)).always());
    let json =
        format!(r#"[{{"name":"r","from":"{}/a","tags":["1","2"],"to":["{}/a"]}}]"#, source.host(), x.host());
    let plan = planned(&TestRegistries::plain(), &json).await;
    let actions: Vec<_> = plan.steps.iter().map(|step| step.action.word()).collect();
    assert_eq!(actions, ["copy", "failed"]);
}

#[tokio::test]
async fn signatures_beside_an_image_are_looked_for() {
    let (source, x) = (TestRegistry::start().await, TestRegistry::start().await);
    let (image, other) = (TestImage::random(1, 1, 10), TestImage::random(2, 1, 10));
    let signature = TestImage::random(3, 1, 10);
    source.put_image("a", "v1", &image);
    source.put_image("a", "other", &other);
    for (about, ending) in [(&image, ".sig"), (&image, ".att"), (&other, ".sig")] {
        source.put_image("a", &format!("sha256-{}{ending}", about.digest().hex()), &signature);
    }
    let json = format!(
        r#"[{{"name":"r","from":"{}/a","tags":{{"match":"^v"}},"to":["{}/a"]}}]"#,
        source.host(),
        x.host()
    );
    let plan = planned(&TestRegistries::plain(), &json).await;
    assert_eq!(plan.steps.len(), 3);
    // Two tags of one signature are one job.
    assert_eq!(plan.jobs.iter().map(|job| job.targets.len()).collect::<Vec<_>>(), [1, 2]);
    assert_eq!((heads(&source), heads(&x)), (3, 3));
}

#[tokio::test]
async fn a_registry_that_hides_digests_is_asked_for_the_manifest() {
    let (source, x) = (TestRegistry::start().await, TestRegistry::start().await);
    let image = TestImage::random(1, 1, 10);
    source.put_image("a", "1", &image);
    x.put_image("a", "1", &image);
    source.capabilities(|can| can.digest_header = false);
    let json = format!(r#"[{{"name":"r","from":"{}/a","to":["{}/a"]}}]"#, source.host(), x.host());
    let plan = planned(&TestRegistries::plain(), &json).await;
    assert_eq!(plan.steps[0].action, PlanAction::UpToDate);
    assert_eq!(source.log().manifest_gets().len(), 1);
}

#[tokio::test]
async fn lists_of_referrers_are_looked_for_where_there_are_some() {
    let (source, target) = (TestRegistry::start().await, TestRegistry::start().await);
    source.capabilities(|capabilities| capabilities.referrers = false);
    let (plain, signed) = (TestImage::random(1, 1, 100), TestImage::random(2, 1, 100));
    let signature = TestImage::random(3, 1, 10).artifact("application/x-signature").refer_to(&signed);
    source.put_image("a/b", "plain", &plain);
    source.put_image("a/b", "signed", &signed);
    source.put_untagged("a/b", &signature);
    let json = format!(r#"[{{"name":"all","from":"{}/a/b","to":["{}/c/d"]}}]"#, source.host(), target.host());
    let (report, _) = ran(&TestRegistries::plain(), &json, false).await;
    assert_eq!(report.verdict, RunVerdict::Done);
    assert!(target.manifest("c/d", &signature.digest().to_string()).is_some());
    let lists = |image: &TestImage| {
        source.log().count(Method::GET, &format!("/manifests/{}", referrers_tag(image.digest())))
    };
    assert_eq!(lists(&plain), 0);
    assert!(lists(&signed) > 0);
    // That there is no API is found out once.
    assert_eq!(source.log().count(Method::GET, "/referrers/"), 1);
}

#[tokio::test]
async fn what_is_not_there_at_all_is_asked_for_once() {
    let (source, target) = (TestRegistry::start().await, TestRegistry::start().await);
    for tag in ["1", "2", "3", "4", "5"] {
        source.put_image("a/b", tag, &TestImage::random(1, 1, 100));
    }
    let json = format!(r#"[{{"name":"all","from":"{}/a/b","to":["{}/c/d"]}}]"#, source.host(), target.host());
    planned(&TestRegistries::plain(), &json).await;
    assert_eq!((heads(&source), lists(&source)), (5, 1));
    assert_eq!((heads(&target), lists(&target)), (1, 1));
    // With something there, each tag is asked for.
    target.put_image("c/d", "5", &TestImage::random(1, 1, 100));
    target.clear_log();
    planned(&TestRegistries::plain(), &json).await;
    assert_eq!((heads(&target), lists(&target)), (5, 1));
}
