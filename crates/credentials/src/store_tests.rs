//! Logins that are stored, found and removed, in files below a home directory of its own.

use std::{fs, os::unix::fs::PermissionsExt, path::Path};

use secrecy::ExposeSecret;

use super::*;
use crate::{AuthFilePaths, FoundLogins, Login, Logins};

fn home(files: &[(&str, &str)]) -> (tempfile::TempDir, AuthFilePaths) {
    let home = tempfile::tempdir().unwrap();
    for (name, text) in files {
        let path = home.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    let directory = home.path().to_str().unwrap();
    let paths = AuthFilePaths::new(|name| (name == "HOME").then_some(directory));
    (home, paths)
}

fn found(paths: &AuthFilePaths, host: &str) -> (Vec<String>, Vec<String>) {
    let (all, mut errors) = Logins::read(paths);
    let FoundLogins { logins, errors: more } = all.find(&host.parse().unwrap());
    errors.extend(more);
    let said = logins.iter().map(|Login { credential: Credential { username, password }, namespace }| {
        let namespace = namespace.as_ref().map_or("all", |name| name.as_str());
        format!("{username} {} {namespace}", password.expose_secret())
    });
    (said.collect(), errors.iter().map(ToString::to_string).collect())
}

#[test]
fn accounts_come_from_all_files_and_each_namespace_once() {
    let docker =
        r#"{"auths": {"quay.io": {"auth": "YTphOng="}, "https://index.docker.io/v1/": {"auth": "aDpo"}}}"#;
    let podman =
        r#"{"auths": {"quay.io": {"auth": "Yjpi"}, "quay.io/ascend": {"username": "c", "password": "c"}}}"#;
    let (_home, paths) = home(&[(".docker/config.json", docker), (".config/containers/auth.json", podman)]);
    assert_eq!(found(&paths, "quay.io").0, ["a a:x all", "c c ascend"]);
    assert_eq!(found(&paths, "docker.io").0, ["h h all"]);
    assert_eq!(found(&paths, "ghcr.io"), (vec![], vec![]));
}

#[test]
fn what_cannot_be_used_is_told_without_what_is_in_it() {
    let text = r#"{"auths": {"a.test": {"auth": "Y2FuYXJ5"}, "b.test": {"auth": "Og=="}, "c.test": {}}}"#;
    let (home, paths) = home(&[(".docker/config.json", text), (".config/containers/auth.json", "canary")]);
    let path = |name: &str| home.path().join(name).display().to_string();
    let (docker, podman) = (path(".docker/config.json"), path(".config/containers/auth.json"));
    let broken = format!("the logins in `{podman}` are not used: this is not such a file");
    for (host, fact) in [
        ("a.test", Some(format!("the login for `a.test` in `{docker}` cannot be read"))),
        ("b.test", None),
        ("c.test", None),
    ] {
        let told: Vec<String> = [broken.clone()].into_iter().chain(fact).collect();
        assert_eq!(found(&paths, host), (vec![], told));
    }
}

#[test]
fn an_identity_token_is_a_secret_of_its_own_kind() {
    let text = r#"{"auths": {"a.test": {"auth": "dTo=", "identitytoken": "canary"}}}"#;
    let (_home, paths) = home(&[(".docker/config.json", text)]);
    assert_eq!(found(&paths, "a.test").0, ["<token> canary all"]);
}

#[test]
fn a_login_is_added_and_taken_away_and_the_rest_stays() {
    let text = r#"{"HttpHeaders": {"x": "y"}, "auths": {"a.test": {"auth": "YTph", "more": 1}}}"#;
    let (home, paths) = home(&[(".docker/config.json", text)]);
    let path = home.path().join(".docker/config.json");
    let credential = Credential { username: "u".into(), password: "p:w".into() };
    let store = LoginStore::new(paths.clone());
    let target = "quay.io".parse().unwrap();
    assert_eq!(store.put(&target, &credential).unwrap(), StoredIn::File(path.clone()));
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(found(&paths, "quay.io").0, ["u p:w all"]);
    let namespace = "quay.io/ascend".parse().unwrap();
    let podman = home.path().join(".config/containers/auth.json");
    assert_eq!(store.put(&namespace, &credential).unwrap(), StoredIn::File(podman.clone()));

    let removed = store.remove(Some(&target)).unwrap();
    assert_eq!(removed, [RemovedLogin { name: "quay.io".into(), file: path.clone() }]);
    assert_eq!(found(&paths, "quay.io").0, ["u p:w ascend"]);
    assert_eq!(store.remove(Some(&target)).unwrap(), []);
    let read =
        |path: &Path| -> serde_json::Value { serde_json::from_slice(&fs::read(path).unwrap()).unwrap() };
    assert_eq!(read(&path), serde_json::from_str::<serde_json::Value>(text).unwrap());
    assert_eq!(store.remove(None).unwrap().len(), 2);
    assert_eq!(read(&podman)["auths"], serde_json::json!({}));
    assert_eq!(fs::read_dir(home.path().join(".docker")).unwrap().count(), 1);
}

#[test]
fn a_link_stays_a_link() {
    let (home, paths) = home(&[("real.json", "{}"), (".docker/x", "")]);
    let link = home.path().join(".docker/config.json");
    std::os::unix::fs::symlink(home.path().join("real.json"), &link).unwrap();
    let credential = Credential { username: "u".into(), password: "p".into() };
    LoginStore::new(paths.clone()).put(&"quay.io".parse().unwrap(), &credential).unwrap();
    assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
    assert_eq!(found(&paths, "quay.io").0, ["u p all"]);
}
