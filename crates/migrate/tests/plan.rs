//! What a plan says, made of facts that no registry had to be asked for.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on ends")]

use std::{collections::BTreeMap, time::Duration};

use entrepot_migrate::{
    Facts, ImageSummary, Inspection, KnownAccounts, ListOrigin, Migration, MigrationSection, Moves,
    NamesSection, Plan, Problem, ReportLanguage, Severity, markdown,
};
use entrepot_oci::Digest;
use entrepot_remote::PullQuota;
use entrepot_sync::{
    Format, Place, Plan as Copies, PlanAction, PlanStep,
    rules::{TagsSection, TextList},
};

fn migration(to: &str, source: Option<&str>) -> Migration {
    let section = MigrationSection {
        from: "docker.io/team".to_owned(),
        to: to.to_owned(),
        repositories: TextList::default(),
        names: NamesSection::Same,
        tags: TagsSection::default(),
        documents: TextList::default(),
        login: None,
        source: source.map(str::to_owned),
    };
    Migration::check(&section).unwrap()
}

/// One image with one layer of a size, a label or none, and this budget.
fn plan(migration: &Migration, (layer, label): (u64, Option<&str>), budget: Option<(u64, u64)>) -> Plan {
    let moves = Moves::of(migration, &["app".to_owned()]);
    let (source, target) = (moves.moves[0].source.clone(), moves.moves[0].target.clone());
    let digest = Digest::of(b"image");
    let mut copies = Copies::default();
    copies.steps.push(PlanStep {
        rule: "app".to_owned(),
        source: source.clone(),
        tag: Some("1".parse().unwrap()),
        digest: Some(digest),
        target,
        target_tag: Some("1".parse().unwrap()),
        before: None,
        action: PlanAction::Copy,
    });
    let summary = ImageSummary {
        platforms: vec!["linux/amd64".to_owned()],
        manifests: 3,
        is_oci: true,
        blobs: BTreeMap::from([(Digest::of(b"layer"), layer)]),
        referrers: Some(0),
        source: label.map(str::to_owned),
        ..ImageSummary::default()
    };
    let budget = budget.map(|(limit, remaining)| PullQuota {
        limit,
        remaining,
        window: Some(Duration::from_secs(21_600)),
    });
    let images: BTreeMap<(Place, Digest), ImageSummary> = BTreeMap::from([((source, digest), summary)]);
    Plan::new(Facts {
        migration,
        moves: &moves,
        origin: ListOrigin::Written,
        copies: &copies,
        inspection: &Inspection { images, failures: Vec::new(), budget, reserve: 10 },
        documents: Vec::new(),
        accounts: KnownAccounts { source: false, target: true },
        chunk: Some(128 << 20),
        format: Format::Keep,
    })
}

fn problems(plan: &Plan) -> Vec<(Severity, &str)> {
    plan.problems.iter().map(|Problem { severity, what, .. }| (*severity, what.as_str())).collect()
}

#[test]
fn a_layer_that_is_too_large_is_in_the_way() {
    let ghcr = migration("ghcr.io/team", None);
    let large = plan(&ghcr, (11_000_000_000, None), None);
    assert!(!large.ready);
    assert_eq!(
        problems(&large),
        [
            (Severity::Stops, "its largest layer has 10.2 GiB, and GHCR takes 10 GB at most"),
            (
                Severity::Notes,
                "GHCR ends every request of an upload after 10 minutes: the largest layer (10.2 GiB) in one request \
                 needs 17.4 MiB/s"
            ),
        ]
    );
    assert_eq!(
        large.problems[1].hint.as_deref(),
        Some("nothing to do: layers go in pieces of 128.0 MiB, for which 218.4 KiB/s will do")
    );
    assert_eq!(problems(&plan(&ghcr, (1000, None), None)), []);
    assert_eq!(problems(&plan(&migration("quay.io/team", None), (11_000_000_000, None), None)), []);
}

#[test]
fn a_budget_that_is_too_small_is_told() {
    let quay = migration("quay.io/team", None);
    assert_eq!(problems(&plan(&quay, (1, None), Some((100, 13)))), []);
    let scarce = plan(&quay, (1, None), Some((100, 12)));
    assert!(scarce.ready, "it goes on when there is more");
    assert_eq!(
        problems(&scarce),
        [(
            Severity::Warns,
            "the copies take 3 manifests of a budget of which 12 are left, 10 of them for others"
        )]
    );
    assert!(
        markdown(&scarce, ReportLanguage::English).contains(
            "The copies take 3 manifests; 12 of 100 in 6 h are left, 10 of them for others. Not enough at once: 2 windows.\n"
        )
    );
    assert!(scarce.quota.is_some() && plan(&quay, (1, None), None).quota.is_none());
}

#[test]
fn what_links_a_package_is_looked_for() {
    let source = "https://github.com/team/app";
    let task = |source: Option<&str>, label: Option<&str>| {
        let plan = plan(&migration("ghcr.io/team", source), (1, label), None);
        let all: Vec<String> = plan.checklist.into_iter().map(|task| task.what).collect();
        all.into_iter().find(|what| what.contains("onnect") || what.contains("link:")).unwrap()
    };
    for (label, what) in [
        (
            Some("https://github.com/Team/app.git"),
            "Nothing to link: every image names the source in its label",
        ),
        (None, "Connect each package to the repository: no image names its source in a label"),
        (
            Some("https://github.com/old/app"),
            "Connect these packages to the repository: docker.io/team/app (https://github.com/old/app)",
        ),
    ] {
        let problems = task(Some(source), label);
        assert!(problems.starts_with(what), "{problems}");
    }
}

#[test]
fn every_registry_has_its_checklist() {
    for (to, what) in [
        ("ghcr.io/team", "Make the packages public, if they are to be"),
        ("quay.io/team", "Make the repositories below `quay.io/team` public"),
        ("registry.cn-hangzhou.aliyuncs.com/team", "Switch on the automatic creation of repositories"),
        ("swr.cn-north-4.myhuaweicloud.com/team", "Create the organization of"),
        ("123456789012.dkr.ecr.eu-west-1.amazonaws.com/team", "Create every repository below"),
        ("registry.gitlab.com/team", "See that `registry.gitlab.com/team` begins with the path of a project"),
        ("harbor.example.com/team", "Create the project of"),
        ("europe-docker.pkg.dev/project/team", "Create the repository of"),
        ("team.azurecr.io", "Leave the images at `docker.io/team` until nobody pulls them any more"),
    ] {
        let plan = plan(&migration(to, None), (1, None), None);
        assert!(plan.checklist.iter().any(|task| task.what.starts_with(what)), "{to}: {:?}", plan.checklist);
    }
}

#[test]
fn names_that_cannot_be_are_in_the_way() {
    let personal = migration("registry.cn-hangzhou.aliyuncs.com/team", None);
    let names = ["a/b".to_owned(), "c".to_owned()];
    let moves = Moves::of(&personal, &names);
    assert_eq!(moves.moves.len(), 1);
    assert_eq!(
        moves.problems[0].what,
        "`team/a/b` has 3 parts, and the personal edition of ACR holds names of exactly 2"
    );
    assert_eq!(moves.rules.rules().len(), 1);
}
