use std::{
    fs,
    io::Write as _,
    os::unix::fs::{PermissionsExt as _, symlink},
};

use super::*;

fn draft(path: &Path, text: &str) -> Draft {
    let draft = Draft::at(path, Readers::Owner).unwrap();
    draft.file().write_all(text.as_bytes()).unwrap();
    draft
}

#[test]
fn a_file_is_there_when_it_is_whole() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("file");
    let first = draft(&path, "first");
    assert!(!path.exists() && first.beside(&path).exists());
    first.replace().unwrap();
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    drop(draft(&path, "given up"));
    draft(&path, "second").replace().unwrap();
    assert_eq!(draft(&path, "third").put_new().unwrap_err().kind(), io::ErrorKind::AlreadyExists);
    assert_eq!(fs::read_to_string(&path).unwrap(), "second");
    draft(&directory.path().join("new"), "new").put_new().unwrap();
    let mut names: Vec<_> =
        fs::read_dir(&directory).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    names.sort();
    assert_eq!(names, ["file", "new"]);
}

#[test]
fn two_drafts_have_two_names() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("file");
    let [one, other] = ["one", "other"].map(|text| draft(&path, text));
    assert_ne!(one.beside(&path), other.beside(&path));
}

#[test]
fn a_link_gives_way_and_keeps_what_it_leads_to() {
    let directory = tempfile::tempdir().unwrap();
    let at = |name: &str| directory.path().join(name);
    fs::write(at("victim"), "mine").unwrap();
    symlink("victim", at("file")).unwrap();
    assert!(draft(&at("file"), "new").put_new().is_err());
    draft(&at("file"), "new").replace().unwrap();
    assert_eq!(fs::read_to_string(at("victim")).unwrap(), "mine");
    assert!(fs::symlink_metadata(at("file")).unwrap().is_file());
}

#[test]
fn directories_on_the_way_are_made_and_links_are_not_followed() {
    let root = tempfile::tempdir().unwrap();
    fs::create_dir(root.path().join("out")).unwrap();
    fs::create_dir(root.path().join("in")).unwrap();
    symlink("../out", root.path().join("in/away")).unwrap();
    let directory = Directory::open(&root.path().join("in")).unwrap();
    Draft::below(&directory, Path::new("a/b/file"), Readers::Owner).unwrap().replace().unwrap();
    assert!(root.path().join("in/a/b/file").is_file());
    let aside = Draft::aside(&directory, Path::new("a/other"), Readers::Usual).unwrap();
    assert!(directory.names().unwrap().iter().any(|name| name.to_string_lossy().starts_with(DRAFT)));
    aside.put_new().unwrap();
    assert!(root.path().join("in/a/other").is_file());
    for path in ["away/file", "../out/file", "/etc/none"] {
        assert!(Draft::below(&directory, Path::new(path), Readers::Owner).is_err(), "{path}");
    }
    assert_eq!(fs::read_dir(root.path().join("out")).unwrap().count(), 0);
}
