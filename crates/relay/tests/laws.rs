//! What holds for every plan.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on ends")]

use std::collections::BTreeSet;

use entrepot_relay::{File, Plan, PlanError, Stack, StackFile, plan};
use entrepot_rewrite::{DocumentKind, Naming, Reason, Rules, Variables};
use proptest::prelude::*;

const ROOT: &str = "r.test/ns";

fn file(name: &str, text: &str) -> File {
    File { name: name.to_owned(), text: text.to_owned(), mode: 0o644 }
}

fn stack(compose: &str, env: &str) -> Stack {
    let source =
        StackFile { file: file("compose.yaml", compose), kind: DocumentKind::Compose, variables: vec![0] };
    Stack { sources: vec![source], variables: vec![file(".env", env)], ..Stack::default() }
}

fn rules(naming: Naming) -> Rules {
    Rules { naming, ..Rules::default() }
}

fn namings() -> [Naming; 3] {
    let root = || ROOT.parse().unwrap();
    [
        Naming::Flatten(root()),
        Naming::Prefix(root()),
        Naming::Template(format!("{ROOT}/{{name}}").parse().unwrap()),
    ]
}

/// How a service names its image.
#[derive(Clone, Debug)]
struct Written {
    image: String,
    way: Way,
}

#[derive(Clone, Copy, Debug)]
enum Way {
    Plain,
    Default,
    TagInVariable,
    WholeInVariable,
    HostInVariable,
    Built,
}

fn written() -> impl Strategy<Value = Written> {
    let hosts = prop::sample::select(vec!["", "ghcr.io/", "quay.io/", "lab.test/"]);
    let names = prop::sample::select(vec!["a", "b", "team/a", "team/b", "team/sub/a"]);
    let tags = prop::sample::select(vec![":1", ":2", ":latest"]);
    let ways = prop::sample::select(vec![
        Way::Plain,
        Way::Default,
        Way::TagInVariable,
        Way::WholeInVariable,
        Way::HostInVariable,
        Way::Built,
    ]);
    (hosts, names, tags, ways)
        .prop_map(|(host, name, tag, way)| Written { image: format!("{host}{name}{tag}"), way })
}

fn texts(all: &[Written]) -> (String, String) {
    let (mut compose, mut env) = ("services:\n".to_owned(), "SECRET=canary\n".to_owned());
    for (number, Written { image, way }) in all.iter().enumerate() {
        let (name, tag) = image.rsplit_once(':').unwrap();
        let text = match way {
            Way::Plain | Way::Built => image.clone(),
            Way::Default => format!("${{UNSET:-{image}}}"),
            Way::TagInVariable => {
                env += &format!("TAG{number}={tag}\n");
                format!("{name}:${{TAG{number}:-none}}")
            }
            Way::WholeInVariable => {
                env += &format!("WHOLE{number}={image}\n");
                format!("$WHOLE{number}")
            }
            Way::HostInVariable => {
                let (host, rest) = image
                    .split_once('/')
                    .filter(|(host, _)| host.contains('.'))
                    .unwrap_or(("docker.io", image));
                env += &format!("HOST{number}={host}\n");
                format!("${{HOST{number}}}/{rest}")
            }
        };
        compose += &format!("  s{number}:\n    image: \"{text}\" # as it is\n");
        if matches!(way, Way::Built) {
            compose += "    build: .\n";
        }
    }
    (compose, env)
}

/// The stack as the plan says it will be.
fn afterwards(compose: &str, env: &str, plan: &Plan) -> Stack {
    let new = plan.variables[0].as_ref().map_or(env, |written| &written.text);
    assert_eq!(compose.lines().count(), plan.files[0].text.lines().count());
    assert_eq!(env.lines().count(), new.lines().count());
    stack(&plan.files[0].text, new)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn what_is_named_afterwards_is_what_is_copied(all in prop::collection::vec(written(), 1..8)) {
        let (compose, env) = texts(&all);
        for naming in namings() {
            let rules = rules(naming);
            let planned = match plan(&stack(&compose, &env), &rules) {
                Ok(planned) => planned,
                Err(PlanError::Collision(collision)) => {
                    prop_assert_ne!(collision.first, collision.second);
                    continue;
                }
                Err(other) => panic!("{other}"),
            };
            // Each image once, and no two with one name.
            let sources: BTreeSet<String> = planned.entries.iter().map(|entry| entry.source.to_string()).collect();
            let targets: BTreeSet<String> = planned.entries.iter().map(|entry| entry.target.to_string()).collect();
            prop_assert_eq!(sources.len(), planned.entries.len());
            prop_assert_eq!(targets.len(), planned.entries.len());
            // Every service is either a user of an image, or left and told of.
            let users: usize = planned.entries.iter().map(|entry| entry.users.len()).sum();
            prop_assert_eq!(users + planned.left.len(), all.len());
            let built = all.iter().filter(|one| matches!(one.way, Way::Built)).count();
            prop_assert_eq!(planned.left.len(), built);

            // Read again, the files name what was copied, and nothing is left to do.
            let again = plan(&afterwards(&compose, &env, &planned), &rules).unwrap();
            prop_assert!(again.entries.is_empty());
            let named: BTreeSet<String> = again
                .left
                .iter()
                .filter(|kept| kept.left.reason == Reason::AlreadyThere)
                .filter_map(|kept| kept.left.found.as_ref()?.image().map(|image| image.to_string()))
                .collect();
            prop_assert_eq!(named, targets);
        }
    }
}

#[test]
fn a_variable_that_cannot_have_the_new_name_stays() {
    let map = entrepot_rewrite::Map::read(["docker.io/team/app:1=r.test/x:one"]).unwrap();
    let rules = Rules { map, ..Rules::default() };
    let stack = stack("services: {a: {image: \"$NAME:1\"}}\n", "NAME=team/app\n");
    let planned = plan(&stack, &rules).unwrap();
    assert!(planned.entries.is_empty() && planned.variables == [None]);
    assert_eq!(planned.left[0].left.reason, Reason::InPieces);
}

#[test]
fn several_files_share_images_and_variables() {
    let mut two = stack("services: {a: {image: $DB}, b: {image: nginx}}\n", "DB=mysql:8\n");
    let other =
        file("other.yaml", "services: {c: {image: \"nginx:latest\"}, d: {image: $DB}, e: {image: $T}}\n");
    two.sources.push(StackFile { file: other, kind: DocumentKind::Compose, variables: vec![0] });
    two.environment = Variables::of_environment([("T".to_owned(), "quay.io/t:1".to_owned())]);
    let planned = plan(&two, &rules(Naming::Flatten(ROOT.parse().unwrap()))).unwrap();
    let told: Vec<(String, usize)> =
        planned.entries.iter().map(|entry| (entry.source.to_string(), entry.users.len())).collect();
    let expected =
        [("docker.io/library/nginx:latest", 2), ("quay.io/t:1", 1), ("docker.io/library/mysql:8", 2)];
    assert_eq!(told, expected.map(|(name, users)| (name.to_owned(), users)));
    assert_eq!(planned.variables[0].as_ref().unwrap().text, "DB=r.test/ns/mysql:8\n");
    assert_eq!(planned.files[1].text.matches("r.test/ns/").count(), 2);
}

#[test]
fn of_two_files_that_set_one_variable_the_later_counts() {
    let mut stack = stack("services: {a: {image: $DB}}\n", "DB=mysql:8\n");
    stack.variables.push(file("later.env", "DB=postgres:17\n"));
    stack.sources[0].variables.push(1);
    let planned = plan(&stack, &rules(Naming::Flatten(ROOT.parse().unwrap()))).unwrap();
    let sources: Vec<String> = planned.entries.iter().map(|entry| entry.source.to_string()).collect();
    assert_eq!(sources, ["docker.io/library/postgres:17"]);
    assert_eq!(planned.variables[1].as_ref().unwrap().text, "DB=r.test/ns/postgres:17\n");
}

#[test]
fn a_variable_is_changed_only_if_that_does_for_all_its_users() {
    let root = || ROOT.parse().unwrap();
    // The tag stands in the file that uses the variable.
    let open = stack("services: {a: {image: \"$NAME:1\"}}\n", "NAME=team/app\n");
    let planned = plan(&open, &rules(Naming::Flatten(root()))).unwrap();
    assert_eq!(planned.entries[0].target.to_string(), "r.test/ns/team-app:1");
    assert_eq!(
        planned.files[0],
        entrepot_relay::RewrittenFile { text: open.sources[0].file.text.clone(), changed: 0 }
    );
    assert_eq!(
        planned.variables[0].as_ref().map(|file| (file.text.as_str(), file.changed)),
        Some(("NAME=r.test/ns/team-app\n", 1))
    );
    // One user needs another tag than the variable can have.
    let map = entrepot_rewrite::Map::read(["docker.io/team/app:2=r.test/ns/team-app:two"]).unwrap();
    let both = stack("services: {a: {image: \"$NAME:1\"}, b: {image: \"$NAME:2\"}}\n", "NAME=team/app\n");
    let planned = plan(&both, &Rules { map, ..rules(Naming::Flatten(root())) }).unwrap();
    assert!(planned.entries.is_empty() && planned.variables == [None]);
    let left: Vec<_> = planned.left.iter().map(|kept| (&kept.left.place[..], &kept.left.reason)).collect();
    assert_eq!(left, [("services.a.image", &Reason::InPieces), ("services.b.image", &Reason::InPieces)]);
}

#[test]
fn what_holds_an_image_that_is_ignored_stays_for_that_reason() {
    let stack = stack("services: {a: {image: $DB}}\n", "DB=r.test/ns/mysql:8\n");
    let planned = plan(&stack, &rules(Naming::Flatten(ROOT.parse().unwrap()))).unwrap();
    assert!(planned.entries.is_empty() && planned.variables == [None]);
    assert_eq!(planned.left[0].left.reason, Reason::AlreadyThere);
}

#[test]
fn two_images_with_one_name_are_no_plan() {
    let clash = stack("services: {a: {image: a.test/x/b}, b: {image: b.test/x/b}}\n", "");
    let refused = plan(&clash, &rules(Naming::Flatten(ROOT.parse().unwrap())));
    assert!(matches!(refused, Err(PlanError::Collision(_))), "{refused:?}");
    let held = stack("services: {a: {image: a.test/x/b}, b: {image: $B}}\n", "B=b.test/x/b\n");
    let refused = plan(&held, &rules(Naming::Flatten(ROOT.parse().unwrap())));
    assert!(matches!(refused, Err(PlanError::Collision(_))), "{refused:?}");
}

#[test]
fn all_services_that_share_an_anchor_are_users_and_what_is_left_behind_is_known() {
    let compose = "x-base: &base {image: 'nginx:1'}\nservices:\n  a: {<<: *base}\n  b: {<<: *base}\n  c: {image: '${NOPE}'}\n  \
                   d: {image: mine, build: .}\n  e: {command: docker pull x/y:1}\n";
    let planned = plan(&stack(compose, ""), &rules(namings()[0].clone())).unwrap();
    let users: Vec<&str> = planned.entries[0].users.iter().map(|user| user.place.as_str()).collect();
    assert_eq!(users, ["services.a.image", "services.b.image"]);
    // What is built there, or only mentioned, is not pulled.
    let behind: Vec<&str> = planned.behind().map(|kept| kept.left.text.as_str()).collect();
    assert_eq!(behind, ["${NOPE}"]);
}
