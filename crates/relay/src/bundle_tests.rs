use entrepot_rewrite::DocumentKind;

use super::*;
use crate::StackFile;

fn packed(name: &str, mode: u32, variables: &[usize]) -> serde_json::Value {
    serde_json::json!({ "name": name, "file": "relay/0", "mode": mode, "kind": "compose", "variables": variables })
}

fn bundle(sources: &[serde_json::Value], variables: &[serde_json::Value]) -> Vec<u8> {
    let document = serde_json::json!({
        "version": 1, "to": "r.test", "naming": "flatten", "map": [], "ignore": "",
        "sources": sources, "variables": variables, "environment": {},
    });
    document.to_string().into_bytes()
}

#[test]
fn what_a_stranger_says_of_a_bundle_is_not_believed() {
    let compose = |variables: &[usize]| packed("compose.yaml", 0o777, variables);
    let with = |name: &str| bundle(&[compose(&[0])], &[packed(name, 0o777, &[])]);
    for (bytes, told) in [
        (with(".git/hooks/pre-commit"), "the name \".git/hooks/pre-commit\" is that of a hidden file"),
        (with("/etc/cron.d/x"), "the name \"/etc/cron.d/x\" leads out of the directory"),
        (with("-oX"), "the name \"-oX\" has a part that begins with `-`"),
        (
            with("a\nb\u{1b}]0;x\u{7}"),
            "the name \"a\\nb\\u{1b}]0;x\\u{7}\" has characters that cannot be seen, or spaces at an end",
        ),
        (with("compose.yaml"), "two files would be at \"compose.yaml\""),
        (with("compose-mirror.yaml"), "two files would be at \"compose-mirror.yaml\""),
        (with("compose.yaml/x"), "two files would be at \"compose.yaml/x\""),
        (
            bundle(&[compose(&[])], &[packed(".env", 0o600, &[])]),
            "its files of variables are not those that its other files use",
        ),
        (
            bundle(&[compose(&[0, 7])], &[packed(".env", 0o600, &[])]),
            "its files of variables are not those that its other files use",
        ),
        (
            bundle(&[compose(&[0])], &[packed(".env", 0o600, &[1])]),
            "its files of variables are not those that its other files use",
        ),
        (bundle(&vec![compose(&[]); 1001], &[]), "more than 1000 files"),
    ] {
        assert_eq!(Manifest::read(&bytes).unwrap_err().to_string(), told);
    }
    let manifest = Manifest::read(&with(".env")).unwrap();
    let modes: Vec<u32> = manifest.files().map(|(packed, _)| packed.mode).collect();
    assert_eq!(modes, [0o644, 0o600]);
}

#[test]
fn depth_is_refused_and_not_followed() {
    for bytes in ["[".repeat(300_000) + &"]".repeat(300_000), "{\"a\":".repeat(300_000)] {
        assert!(matches!(Manifest::read(bytes.as_bytes()), Err(BundleError::Unreadable(_))));
    }
}

#[test]
fn what_is_packed_can_be_read() {
    let file = |name: &str, mode| File { name: name.to_owned(), text: String::new(), mode };
    let source = |name: &str, variables: &[usize]| StackFile {
        file: file(name, 0o755),
        kind: DocumentKind::Compose,
        variables: variables.to_vec(),
    };
    let wishes = RelayOptions {
        to: "r.test".to_owned(),
        naming: "flatten".to_owned(),
        map: Vec::new(),
        ignore: String::new(),
        environment: BTreeMap::new(),
    };
    let stack = Stack {
        sources: vec![source("./a/compose.yaml", &[0]), source("../b/other.yml", &[0, 1])],
        variables: vec![file("a/.env", 0o644), file("/srv/.env.prod", 0o600)],
        ..Stack::default()
    };
    let mut places = 0..;
    let place = |_: &File| format!("relay/{}", places.next().unwrap());
    let manifest = Manifest::new(&stack, wishes.clone(), place).unwrap();
    let read = Manifest::read(&serde_json::to_vec(&manifest).unwrap()).unwrap();
    let told: Vec<(&str, &str, u32)> =
        read.files().map(|(packed, _)| (packed.name.as_str(), packed.file.as_str(), packed.mode)).collect();
    assert_eq!(
        told,
        [
            ("a/compose.yaml", "relay/0", 0o644),
            ("other.yml", "relay/1", 0o644),
            ("a/.env", "relay/2", 0o600),
            (".env.prod", "relay/3", 0o600),
        ]
    );
    let hidden = Stack { sources: vec![source(".gitlab-ci.yml", &[])], ..Stack::default() };
    let refused = Manifest::new(&hidden, wishes.clone(), |_| String::new()).unwrap_err();
    assert_eq!(refused.to_string(), "the name \".gitlab-ci.yml\" is that of a hidden file");
    let twice = Stack { sources: vec![source("../x.yaml", &[]), source("x.yaml", &[])], ..Stack::default() };
    let refused = Manifest::new(&twice, wishes, |_| String::new()).unwrap_err();
    assert_eq!(refused.to_string(), "two files would be at \"x.yaml\"");
}
