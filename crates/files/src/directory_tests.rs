use std::{io::Read as _, os::unix::fs::symlink};

use rustix::fs::mkfifoat;
use tempfile::TempDir;

use super::*;

/// A directory `in` with files and links, and a file outside it.
fn scene() -> (TempDir, Directory) {
    let root = tempfile::tempdir().unwrap();
    let at = |name: &str| root.path().join(name);
    fs::create_dir_all(at("in/deep")).unwrap();
    fs::create_dir(at("out")).unwrap();
    for name in ["in/file", "in/deep/file", "out/file"] {
        fs::write(at(name), name).unwrap();
    }
    symlink("../out", at("in/away")).unwrap();
    symlink("deep", at("in/near")).unwrap();
    symlink("../out/file", at("in/link")).unwrap();
    mkfifoat(CWD, at("in/pipe"), Mode::RWXU).unwrap();
    symlink("in", at("chosen")).unwrap();
    // Links on the way to the directory itself are followed: the user chose that path.
    let directory = Directory::open(&at("chosen")).unwrap();
    (root, directory)
}

fn text(file: io::Result<File>) -> String {
    let mut text = String::new();
    file.unwrap().read_to_string(&mut text).unwrap();
    text
}

#[test]
fn files_below_are_opened() {
    let (_root, directory) = scene();
    assert_eq!(text(directory.read(Path::new("file"))), "in/file");
    assert_eq!(text(directory.read(Path::new("./deep/file"))), "in/deep/file");
    assert_eq!(text(directory.update(Path::new("deep/file"))), "in/deep/file");
    assert_eq!(text(directory.update_or_make(Path::new("new/file"))), "");
    assert!(directory.has(Path::new("new/file")).unwrap() && !directory.has(Path::new("none/file")).unwrap());
    directory.remove(Path::new("new/file")).unwrap();
    let mut names = directory.names().unwrap();
    names.sort();
    assert_eq!(names, ["away", "deep", "file", "link", "near", "new", "pipe"]);
}

#[test]
fn what_leads_elsewhere_is_refused() {
    let (root, directory) = scene();
    let leads_out = "it leads out of the directory";
    for (path, why) in [
        ("away/file", "`away` is a link, and links are not followed here"),
        ("near/file", "`near` is a link, and links are not followed here"),
        ("link", "`link` is a link, and links are not followed here"),
        ("../out/file", leads_out),
        ("deep/../../out/file", leads_out),
        ("/etc/passwd", leads_out),
        ("", "it is no name of a file"),
        (".", "it is no name of a file"),
        ("deep", "it is not a regular file"),
        ("pipe", "it is not a regular file"),
    ] {
        assert_eq!(directory.read(Path::new(path)).unwrap_err().to_string(), why, "{path}");
    }
    for path in ["away/new", "link", "pipe", "../out/new"] {
        assert!(directory.update_or_make(Path::new(path)).is_err(), "{path}");
    }
    assert_eq!(fs::read_dir(root.path().join("out")).unwrap().count(), 1);
    assert!(!directory.has(Path::new("link")).unwrap() && !directory.has(Path::new("pipe")).unwrap());
}

#[test]
fn a_file_that_the_user_named_is_a_regular_one() {
    let (root, _) = scene();
    assert_eq!(text(open(&root.path().join("in/link"))), "out/file");
    for path in ["in/pipe", "in"] {
        let why = open(&root.path().join(path)).unwrap_err().to_string();
        assert_eq!(why, "it is not a regular file", "{path}");
    }
    assert_eq!(open(Path::new("/dev/zero")).unwrap_err().to_string(), "it is not a regular file");
}
