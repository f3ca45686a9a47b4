//! The table of crates in ARCHITECTURE.md, held against what cargo says; and the sizes of files and the names of types.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on ends")]

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use serde_json::Value;

/// What tests may import besides: the test kit, for `sync` what makes rules and reads reports, for `scheduler` what a run
/// speaks through, and for `server` what a real mirror is made of.
const TEST_IMPORTS: [(&str, &[&str]); 7] = [
    ("sync", &["importers", "guide"]),
    ("scheduler", &["remote"]),
    ("server", &["remote", "blobs", "catalog", "secrets"]),
    ("library", &["blobs"]),
    ("ssh", &["blobs", "catalog", "events", "mirror", "remote", "secrets", "vault"]),
    ("requests", &["blobs", "remote"]),
    ("keep", &["blobs", "remote"]),
];

/// The most lines that a source file may have.
const LONGEST_FILE: usize = 600;

/// In how many files types of one name may be defined: a name that stands in more says too little of each.
const MOST_FILES: usize = 4;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// A row of the table: a crate, and which of ours it may import.
struct Row {
    crate_name: String,
    imports: BTreeSet<String>,
}

/// The rows of the table in ARCHITECTURE.md, in its order.
fn table() -> Vec<Row> {
    let text = fs::read_to_string(root().join("ARCHITECTURE.md")).unwrap();
    let mut rows: Vec<Row> = Vec::new();
    for line in text
        .lines()
        .skip_while(|line| !line.starts_with("| floor |"))
        .take_while(|line| line.starts_with('|'))
    {
        let columns: Vec<&str> = line.split('|').map(str::trim).collect();
        let Some(crate_name) = columns[2].strip_prefix('`').and_then(|name| name.strip_suffix('`')) else {
            continue;
        };
        let imports = match columns[3] {
            "nothing" => BTreeSet::new(),
            "all of the above" => rows.iter().map(|row| row.crate_name.clone()).collect(),
            listed => listed.trim_matches('`').split(' ').map(str::to_owned).collect(),
        };
        rows.push(Row { crate_name: crate_name.to_owned(), imports });
    }
    assert!(rows.len() > 10, "the table of crates is not where it was");
    rows
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
    let rows = table();
    let table: BTreeMap<&str, &BTreeSet<String>> =
        rows.iter().map(|row| (row.crate_name.as_str(), &row.imports)).collect();
    let tests: BTreeMap<&str, &[&str]> = TEST_IMPORTS.into_iter().collect();
    let packages = packages();
    let found: BTreeSet<&str> = packages.iter().map(|package| package.folder.as_str()).collect();
    assert_eq!(found, table.keys().copied().collect(), "a crate is missing in the table, or is no more");
    for Package { folder, dependencies } in &packages {
        for (ours, for_tests) in dependencies {
            let allowed = table[folder.as_str()].contains(ours);
            let in_tests = ours == "testkit"
                || tests.get(folder.as_str()).is_some_and(|more| more.contains(&ours.as_str()));
            assert!(allowed || (*for_tests && in_tests), "`{folder}` may not import `{ours}`");
        }
    }
}

#[test]
fn nothing_is_imported_upward() {
    let mut above = BTreeSet::new();
    for Row { crate_name, imports } in table() {
        let upward: Vec<_> = imports.difference(&above).collect();
        assert!(
            upward.is_empty(),
            "`{crate_name}` stands above {upward:?} in the table and may not import it"
        );
        above.insert(crate_name);
    }
}

#[test]
fn every_dependency_is_named_in_the_workspace() {
    for Row { crate_name: folder, .. } in table() {
        let manifest = fs::read_to_string(root().join("crates").join(&folder).join("Cargo.toml")).unwrap();
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
    for path in sources() {
        let lines = fs::read_to_string(&path).unwrap().lines().count();
        assert!(lines <= LONGEST_FILE, "{}: {lines} lines", path.display());
    }
}

#[test]
fn a_type_name_has_one_meaning() {
    let mut files: BTreeMap<String, BTreeSet<PathBuf>> = BTreeMap::new();
    for path in sources().into_iter().filter(|path| !is_test(path)) {
        for (name, is_public) in types(&fs::read_to_string(&path).unwrap()) {
            if !is_conventional(&name, is_public) {
                files.entry(name).or_default().insert(path.clone());
            }
        }
    }
    let vague: Vec<String> = files
        .iter()
        .filter(|(_, files)| files.len() > MOST_FILES)
        .map(|(name, files)| format!("`{name}` is defined in {files:#?}"))
        .collect();
    assert!(vague.is_empty(), "say what each is, `UploadState` for `State`:\n{}", vague.join("\n"));
}

/// The types that a text defines, and whether each can be seen outside its file. Those within functions, `impl` blocks and
/// modules are indented, and belong to these; they are not among them.
fn types(text: &str) -> impl Iterator<Item = (String, bool)> + '_ {
    text.lines().filter_map(|line| {
        let is_public = line.starts_with("pub");
        let mut words = line.split(' ').skip_while(|word| word.starts_with("pub") || word.ends_with(')'));
        matches!(words.next()?, "struct" | "enum" | "trait" | "type" | "union").then_some(())?;
        let name = words.next()?.split(|char: char| !char.is_alphanumeric() && char != '_').next()?;
        Some((name.to_owned(), is_public))
    })
}

/// Two names mean the same wherever they stand: `Error` is the error of its crate, and `Raw`, which never leaves its file,
/// is what serde or the database reads before it is checked.
fn is_conventional(name: &str, is_public: bool) -> bool {
    name == "Error" || (name == "Raw" && !is_public)
}

fn is_test(path: &Path) -> bool {
    path.iter().any(|part| part == "tests" || part == "tests.rs")
}

/// All source files of all crates.
fn sources() -> Vec<PathBuf> {
    let mut files = Vec::new();
    for Row { crate_name, .. } in table() {
        collect(&root().join("crates").join(crate_name).join("src"), &mut files);
    }
    files
}

fn collect(dir: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(&path, files);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
}
