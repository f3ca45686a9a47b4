//! Files of other tools: made into rules, planned and synced. The real ones are beside the checkout, and may be absent.

use std::{
    collections::{BTreeMap, BTreeSet, btree_map::Entry},
    path::Path,
};

use entrepot_importers::{Imported, Input, format_list, import};
use entrepot_oci::Tag;
use entrepot_sync::{
    Place, RunVerdict,
    rules::{RuleSection, RuleSet, RuleSource, SyncRule},
};
use entrepot_testkit::{Capabilities, TestImage, TestRegistry};

use crate::{registries::TestRegistries, run::ran};

static NOTHING_SET: BTreeMap<String, String> = BTreeMap::new();

fn input<'a>(text: &'a str, to: Option<&'a str>) -> Input<'a> {
    Input { text, exclude: None, to, variables: &NOTHING_SET }
}

fn case(name: &str) -> Option<String> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/cases").join(name);
    let text = std::fs::read_to_string(&path).ok();
    if text.is_none() {
        println!("skipped: the real files are not at {}", path.display());
    }
    text
}

#[derive(serde::Deserialize)]
struct File {
    sync: Vec<RuleSection>,
}

// What is written can be read, and is valid.
fn valid(imported: &Imported) -> RuleSet {
    let text = imported.to_yaml();
    let file: File = serde_saphyr::from_str(&text).unwrap_or_else(|error| panic!("{error}\n{text}"));
    RuleSet::check(&file.sync).unwrap_or_else(|error| panic!("{error}\n{text}"))
}

#[test]
fn the_pairs_of_the_first_seed() {
    let Some(text) = case("ascend-gha-runners-sync-tools-image-sync.json") else { return };
    let imported = import(&input(&text, None)).unwrap();
    let rules = valid(&imported);
    let destinations: usize =
        rules.rules().iter().flat_map(|rule| &rule.sources).map(|source| source.destinations.len()).sum();
    // 82 pairs, three of which are there twice.
    assert_eq!((rules.rules().len(), destinations, imported.notes().len()), (41, 79, 3));
}

#[test]
fn the_list_of_the_fourth_seed() {
    let Some(text) = case("DaoCloud-public-image-mirror-mirror.txt") else { return };
    let Some(exclude) = case("DaoCloud-public-image-mirror-exclude.txt") else { return };
    assert_eq!(format_list(&text), text);
    let to = Some("m.example.com/{host}/{path}");
    let imported = import(&Input { exclude: Some(&exclude), ..input(&text, to) }).unwrap();
    let rules = valid(&imported);
    let sources: usize = rules.rules().iter().map(|rule| rule.sources.len()).sum();
    assert_eq!((rules.rules().len(), sources), (7, 512));
    let tags = |text: &str| text.split(' ').map(|tag| tag.parse().unwrap()).collect::<Vec<_>>();
    let chosen =
        rules.rules()[0].tags.select(&tags("v1.2.3 v1.2.3-alpha1 latest 1.20 sha256-0123456789ab 7"));
    assert_eq!(chosen, tags("1.20 v1.2.3"));
}

#[test]
fn the_example_of_regsync() {
    let Some(text) = case("regclient-regclient-regsync.yml") else { return };
    let imported = import(&input(&text, None)).unwrap();
    assert_eq!(valid(&imported).rules().len(), 4);
}

#[tokio::test]
async fn pairs_are_synced() {
    let (quay, hub, swr) =
        (TestRegistry::start().await, TestRegistry::start().await, TestRegistry::start().await);
    for (seed, repository) in ["ascend/cann", "ascend/python"].into_iter().enumerate() {
        for tag in ["8.0", "8.1"] {
            quay.put_image(repository, tag, &TestImage::random(seed as u64, 1, 1000));
        }
    }
    for tag in ["v1-CANN", "v1"] {
        hub.put_image("lmsysorg/sglang", tag, &TestImage::random(7, 1, 1000));
    }
    let text = r#"[
        {"src":"quay.io/ascend/cann","dest":"docker.io/ascendai/cann"},
        {"src":"quay.io/ascend/cann","dest":"swr.cn-southwest-2.myhuaweicloud.com/base/cann/cann"},
        {"src":"quay.io/ascend/cann","dest":"docker.io/ascendai/cann"},
        {"src":"quay.io/ascend/python","dest":"docker.io/ascendai/python"},
        {"src":"docker.io/lmsysorg/sglang","dest":"quay.io/ascend/sglang","tag_filter":"cann"}]"#;
    let imported = import(&input(text, None)).unwrap();
    let registries = TestRegistries::with_hosts(&[
        ("quay.io", &quay),
        ("docker.io", &hub),
        ("swr.cn-southwest-2.myhuaweicloud.com", &swr),
    ]);
    let sections = serde_json::to_string(&as_json(&imported)).unwrap();
    let (report, _) = ran(&registries, &sections, false).await;
    assert_eq!((report.verdict, report.totals.copied), (RunVerdict::Done, 7));
    assert!(hub.manifest("ascendai/cann", "8.1").is_some() && quay.manifest("ascend/sglang", "v1").is_none());
    assert!(quay.manifest("ascend/sglang", "v1-CANN").is_some());
    assert_eq!(ran(&registries, &sections, false).await.0.totals.up_to_date, 7);
}

// All that rules want, in registries that have such repositories: every source has each of these tags.
async fn synced_whole(imported: &Imported) -> usize {
    let tags = ["v1.2.3-cann-910b", "v1.2.3", "latest"];
    let (parsed, mut registries) = (valid(imported), BTreeMap::new());
    let places = |source: &RuleSource| {
        let targets = source.destinations.iter().map(|to| to.place.clone());
        targets.chain([source.place.clone()]).collect::<Vec<_>>()
    };
    let sources: Vec<(&SyncRule, &RuleSource)> = parsed
        .rules()
        .iter()
        .flat_map(|rule| rule.sources.iter().map(move |source| (rule, source)))
        .collect();
    for place in sources.iter().flat_map(|(_, source)| places(source)) {
        if let Entry::Vacant(vacant) = registries.entry(place.host().unwrap().to_string()) {
            let is_swr = vacant.key().starts_with("swr.");
            let registry = vacant.insert(TestRegistry::start().await);
            if is_swr {
                // Its pace is a test of its own.
                registry.capabilities(|all| *all = Capabilities { per_second: None, ..Capabilities::swr() });
            }
        }
    }
    let mut wanted = 0;
    for (seed, (rule, source)) in sources.iter().enumerate() {
        let Place::Registry { host, repository } = &source.place else { continue };
        let all: Vec<Tag> = tags.iter().map(|tag| tag.parse().unwrap()).collect();
        wanted += rule.tags.select(&all).len() * source.destinations.len();
        let image = TestImage::index([TestImage::random(seed as u64, 1, 100)]);
        tags.iter().for_each(|tag| registries[host.as_str()].put_image(repository.as_str(), tag, &image));
    }
    let hosts: Vec<(&str, &TestRegistry)> =
        registries.iter().map(|(host, registry)| (host.as_str(), registry)).collect();
    let registries = TestRegistries::with_hosts(&hosts);
    let sections = serde_json::to_string(&as_json(imported)).unwrap();
    let (report, _) = ran(&registries, &sections, false).await;
    assert_eq!((report.verdict, report.totals.copied), (RunVerdict::Done, wanted), "{:?}", report.totals);
    let (again, _) = ran(&registries, &sections, false).await;
    assert_eq!((again.verdict, again.totals.up_to_date), (RunVerdict::Done, wanted));
    wanted
}

#[tokio::test]
async fn the_pairs_of_the_first_seed_are_synced() {
    let Some(text) = case("ascend-gha-runners-sync-tools-image-sync.json") else { return };
    let imported = import(&input(&text, None)).unwrap();
    // 79 pairs of three tags, two of which want one of them.
    assert_eq!(synced_whole(&imported).await, 233);
}

#[tokio::test]
async fn the_list_of_the_fourth_seed_is_synced() {
    let Some(text) = case("DaoCloud-public-image-mirror-mirror.txt") else { return };
    let Some(exclude) = case("DaoCloud-public-image-mirror-exclude.txt") else { return };
    let to = Some("m.example.com/{host}/{path}");
    let imported = import(&Input { exclude: Some(&exclude), ..input(&text, to) }).unwrap();
    // 512 repositories of two tags that count as versions.
    assert_eq!(synced_whole(&imported).await, 1024);
}

// The file that was written, as another reader would have it.
fn as_json(imported: &Imported) -> serde_json::Value {
    let value: serde_json::Value = serde_saphyr::from_str(&imported.to_yaml()).unwrap();
    value["sync"].clone()
}

#[tokio::test]
async fn lists_are_synced() {
    let (hub, quay, mirror) =
        (TestRegistry::start().await, TestRegistry::start().await, TestRegistry::start().await);
    for tag in ["1.27", "1.27.1-alpine", "latest", "1.27-beta"] {
        hub.put_image("library/nginx", tag, &TestImage::random(1, 1, 1000));
    }
    quay.put_image("a/b", "stable", &TestImage::random(2, 1, 1000));
    let text = "docker.io/library/nginx\nquay.io/a/b:^stable$\n";
    let to = Some("m.example.com/{host}/{path}");
    let imported = import(&Input { exclude: Some(".*beta.*\n"), ..input(text, to) }).unwrap();
    let registries =
        TestRegistries::with_hosts(&[("docker.io", &hub), ("quay.io", &quay), ("m.example.com", &mirror)]);
    let sections = serde_json::to_string(&as_json(&imported)).unwrap();
    let (report, _) = ran(&registries, &sections, false).await;
    let copied: BTreeSet<String> = report
        .lines
        .iter()
        .map(|line| format!("{}:{}", line.target, line.target_tag.as_ref().unwrap()))
        .collect();
    assert_eq!(
        copied.into_iter().collect::<Vec<_>>(),
        [
            "m.example.com/docker.io/library/nginx:1.27",
            "m.example.com/docker.io/library/nginx:1.27.1-alpine",
            "m.example.com/quay.io/a/b:stable",
        ]
    );
    assert_eq!((report.verdict, report.totals.copied), (RunVerdict::Done, 3));
}
