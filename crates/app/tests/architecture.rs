//! The walls between the crates, held against what cargo says.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on ends")]

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use serde_json::Value;

/// Which of our crates each may import; lower floors first.
const IMPORTS: [(&str, &[&str]); 15] = [
    ("oci", &[]),
    ("files", &[]),
    ("remote", &["oci"]),
    ("blobs", &["oci"]),
    ("catalog", &["oci"]),
    ("rewrite", &["oci"]),
    ("api", &["oci"]),
    ("mirror", &["oci", "remote", "blobs", "catalog"]),
    ("sync", &["oci", "files", "remote"]),
    ("relay", &["oci", "rewrite"]),
    ("scheduler", &["oci", "catalog", "sync"]),
    ("migrate", &["oci", "remote", "sync", "rewrite"]),
    ("server", &["oci", "api", "mirror", "sync", "catalog", "scheduler", "rewrite"]),
    (
        "app",
        &[
            "oci",
            "files",
            "remote",
            "blobs",
            "catalog",
            "rewrite",
            "api",
            "mirror",
            "sync",
            "relay",
            "scheduler",
            "migrate",
            "server",
        ],
    ),
    ("testkit", &["oci"]),
];

/// What tests may import besides: the test kit, for `scheduler` what a run speaks through, and for `server` what a
/// real mirror is made of.
const TEST_IMPORTS: [(&str, &[&str]); 2] =
    [("scheduler", &["remote"]), ("server", &["remote", "blobs", "catalog"])];

/// The most lines that a source file may have.
const LONGEST_FILE: usize = 600;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

struct Package {
    folder: String,
    dependencies: Vec<(String, bool)>,
}

fn packages() -> Vec<Package> {
    let cargo = std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned());
    let output = Command::new(cargo)
        .args(["metadata", "--no-deps", "--offline", "--format-version", "1"])
        .current_dir(root())
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let metadata: Value = serde_json::from_slice(&output.stdout).unwrap();
    metadata["packages"].as_array().unwrap().iter().map(package).collect()
}

fn package(value: &Value) -> Package {
    let manifest = Path::new(value["manifest_path"].as_str().unwrap());
    let folder = manifest.parent().unwrap().file_name().unwrap().to_str().unwrap().to_owned();
    let name = value["name"].as_str().unwrap();
    let expected = if folder == "app" { "entrepot".to_owned() } else { format!("entrepot-{folder}") };
    assert_eq!(name, expected, "packages are named after their folder");
    let dependencies = value["dependencies"].as_array().unwrap().iter().filter_map(|dependency| {
        let ours = dependency["name"].as_str()?.strip_prefix("entrepot-")?;
        Some((ours.to_owned(), dependency["kind"] == "dev"))
    });
    Package { dependencies: dependencies.collect(), folder }
}

#[test]
fn crates_import_only_what_they_may() {
    let table: BTreeMap<&str, &[&str]> = IMPORTS.into_iter().collect();
    let tests: BTreeMap<&str, &[&str]> = TEST_IMPORTS.into_iter().collect();
    let packages = packages();
    let found: BTreeSet<&str> = packages.iter().map(|package| package.folder.as_str()).collect();
    assert_eq!(found, table.keys().copied().collect(), "a crate is missing in the table, or is no more");
    for Package { folder, dependencies } in &packages {
        for (ours, for_tests) in dependencies {
            let allowed = table[folder.as_str()].contains(&ours.as_str());
            let in_tests = ours == "testkit"
                || tests.get(folder.as_str()).is_some_and(|more| more.contains(&ours.as_str()));
            assert!(allowed || (*for_tests && in_tests), "`{folder}` may not import `{ours}`");
        }
    }
}

#[test]
fn nothing_is_imported_upward() {
    let floors: Vec<&str> = IMPORTS.iter().map(|(folder, _)| *folder).collect();
    for (index, (folder, imports)) in IMPORTS.iter().enumerate() {
        for import in *imports {
            assert!(floors[..index].contains(import), "`{folder}` is not above `{import}`");
        }
    }
}

#[test]
fn every_dependency_is_named_in_the_workspace() {
    for (folder, _) in IMPORTS {
        let manifest = fs::read_to_string(root().join("crates").join(folder).join("Cargo.toml")).unwrap();
        let mut in_dependencies = false;
        for line in manifest.lines().map(str::trim) {
            if line.starts_with('[') {
                in_dependencies = line.ends_with("dependencies]");
                assert!(!line.contains("dependencies."), "{folder}: {line}: write `name.workspace = true`");
            } else if in_dependencies && !line.is_empty() && !line.starts_with('#') {
                let from_workspace = line.contains(".workspace = true") || line.contains("workspace = true");
                assert!(
                    from_workspace && !line.contains("version"),
                    "{folder}: {line}: write `name.workspace = true`"
                );
            }
        }
    }
}

#[test]
fn no_file_is_too_long() {
    for (folder, _) in IMPORTS {
        look(&root().join("crates").join(folder).join("src"));
    }
}

fn look(dir: &Path) {
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            look(&path);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let lines = fs::read_to_string(&path).unwrap().lines().count();
            assert!(lines <= LONGEST_FILE, "{}: {lines} lines", path.display());
        }
    }
}
