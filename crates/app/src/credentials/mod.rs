//! The logins that people have on this machine, where Docker and the containers tools keep them.
//!
//! - where: `places`; whose an entry is: `key`; what is in a file: `file`; who keeps a secret for it: `helper`
//! - [`Wallet`] finds the accounts for a registry; `keep` adds and removes them
//!
//! Secrets leave this module as [`Credential`]s alone; no message has one, and what helpers print is never passed on.

mod file;
mod helper;
mod keep;
mod key;
mod places;

use std::collections::BTreeSet;

use entrepot_oci::Host;
use entrepot_remote::Credential;

pub(crate) use helper::Pair;
pub(crate) use keep::{Kept, Removed, Vault};
pub(crate) use key::Door;

use crate::config::{Environment, Warning};
use file::{AuthFile, Entry};
use helper::Helper;
use key::Key;

/// All logins of this user.
#[derive(Debug)]
pub(crate) struct Wallet {
    files: Vec<AuthFile>,
}

/// What was found for a registry.
#[derive(Debug, Default)]
pub(crate) struct Found {
    /// The accounts, each namespace once.
    pub(crate) credentials: Vec<Credential>,
    /// What could not be used.
    pub(crate) warnings: Vec<Warning>,
}

impl Wallet {
    /// Reads the files that are there. One that cannot be read is warned about and left out.
    pub(crate) fn open(environment: &Environment) -> (Self, Vec<Warning>) {
        let (mut files, mut warnings) = (Vec::new(), Vec::new());
        for path in places::to_read(environment) {
            match AuthFile::read(&path) {
                Ok(Some(file)) => files.push(file),
                Ok(None) => {}
                Err(warning) => warnings.push(warning),
            }
        }
        (Self { files }, warnings)
    }

    /// The accounts for `host`. What an earlier file says of a namespace wins over later ones. Helpers are run, so this
    /// may take a while.
    pub(crate) fn find(&self, host: &Host) -> Found {
        let (mut found, mut settled) = (Found::default(), BTreeSet::new());
        for file in &self.files {
            for (key, login) in file.logins(host) {
                if settled.contains(&key.namespace) {
                    continue;
                }
                match credential(file, &key, login) {
                    Ok(None) => continue,
                    Ok(Some(credential)) => found.credentials.push(credential),
                    Err(warning) => found.warnings.push(warning),
                }
                settled.insert(key.namespace);
            }
        }
        found
    }
}

fn credential(file: &AuthFile, key: &Key, login: Entry) -> Result<Option<Credential>, Warning> {
    let pair = match login {
        Entry::Pair(pair) => Some(pair),
        Entry::Helper { name, server } => Helper::new(&name)?.get(&server)?,
        Entry::IdentityToken => return Err(identity_token(key, &format!("`{}`", file.path.display()))),
        Entry::Unreadable => {
            return Err(Warning {
                what: format!("the login for `{key}` in `{}` cannot be read", file.path.display()),
                hint: format!("log in again: `entrepot login {key}`"),
            });
        }
    };
    match pair {
        Some(pair) if pair.is_identity_token() => Err(identity_token(key, "its credential helper")),
        Some(pair) => Ok(Some(Credential {
            username: pair.username,
            password: pair.password,
            namespace: key.namespace.clone(),
            endpoint: None,
        })),
        None => Ok(None),
    }
}

fn identity_token(key: &Key, place: &str) -> Warning {
    Warning {
        what: format!("the login for `{key}` in {place} is an identity token, which is not supported"),
        hint: format!("log in with a user name and a password or access token: `entrepot login {key}`"),
    }
}

#[cfg(test)]
mod tests {
    use std::{fs, os::unix::fs::PermissionsExt, path::Path};

    use secrecy::ExposeSecret;

    use super::*;

    fn home(files: &[(&str, &str)]) -> (tempfile::TempDir, Environment) {
        let home = tempfile::tempdir().unwrap();
        for (name, text) in files {
            let path = home.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        let environment = Environment::from([("HOME", home.path().to_str().unwrap())]);
        (home, environment)
    }

    fn found(environment: &Environment, host: &str) -> (Vec<String>, Vec<String>) {
        let (wallet, mut warnings) = Wallet::open(environment);
        let Found { credentials, warnings: more } = wallet.find(&host.parse().unwrap());
        warnings.extend(more);
        let said = credentials.iter().map(|Credential { username, password, namespace, .. }| {
            let namespace = namespace.as_ref().map_or("all", |name| name.as_str());
            format!("{username} {} {namespace}", password.expose_secret())
        });
        (said.collect(), warnings.into_iter().map(|warning| warning.what).collect())
    }

    #[test]
    fn accounts_come_from_all_files_and_each_namespace_once() {
        let docker = r#"{"auths": {"quay.io": {"auth": "YTphOng="}, "https://index.docker.io/v1/": {"auth": "aDpo"}}}"#;
        let podman = r#"{"auths": {"quay.io": {"auth": "Yjpi"}, "quay.io/ascend": {"username": "c", "password": "c"}}}"#;
        let (_home, environment) =
            home(&[(".docker/config.json", docker), (".config/containers/auth.json", podman)]);
        assert_eq!(found(&environment, "quay.io").0, ["a a:x all", "c c ascend"]);
        assert_eq!(found(&environment, "docker.io").0, ["h h all"]);
        assert_eq!(found(&environment, "ghcr.io"), (vec![], vec![]));
    }

    #[test]
    fn what_cannot_be_used_is_told_without_what_is_in_it() {
        let text = r#"{"auths": {"a.test": {"auth": "Y2FuYXJ5"}, "b.test": {"identitytoken": "canary"}, "c.test": {}}}"#;
        let (home, environment) =
            home(&[(".docker/config.json", text), (".config/containers/auth.json", "canary")]);
        let path = |name: &str| home.path().join(name).display().to_string();
        let (docker, podman) = (path(".docker/config.json"), path(".config/containers/auth.json"));
        let broken = format!("the logins in `{podman}` are not used: this is not such a file");
        for (host, fact) in [
            ("a.test", Some(format!("the login for `a.test` in `{docker}` cannot be read"))),
            (
                "b.test",
                Some(format!(
                    "the login for `b.test` in `{docker}` is an identity token, which is not supported"
                )),
            ),
            ("c.test", None),
        ] {
            let told: Vec<String> = [broken.clone()].into_iter().chain(fact).collect();
            assert_eq!(found(&environment, host), (vec![], told));
        }
    }

    #[test]
    fn a_login_is_added_and_taken_away_and_the_rest_stays() {
        let text = r#"{"HttpHeaders": {"x": "y"}, "auths": {"a.test": {"auth": "YTph", "more": 1}}}"#;
        let (home, environment) = home(&[(".docker/config.json", text)]);
        let path = home.path().join(".docker/config.json");
        let pair = Pair { username: "u".into(), password: "p:w".into() };
        let vault = Vault::new(&environment);
        let door = "quay.io".parse().unwrap();
        assert_eq!(vault.put(&door, &pair).unwrap(), Kept::File(path.clone()));
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(found(&environment, "quay.io").0, ["u p:w all"]);
        let namespace = "quay.io/ascend".parse().unwrap();
        let podman = home.path().join(".config/containers/auth.json");
        assert_eq!(vault.put(&namespace, &pair).unwrap(), Kept::File(podman.clone()));

        let removed = vault.take(Some(&door)).unwrap();
        assert_eq!(removed, [Removed { name: "quay.io".into(), file: path.clone() }]);
        assert_eq!(found(&environment, "quay.io").0, ["u p:w ascend"]);
        assert_eq!(vault.take(Some(&door)).unwrap(), []);
        let read =
            |path: &Path| -> serde_json::Value { serde_json::from_slice(&fs::read(path).unwrap()).unwrap() };
        assert_eq!(read(&path), serde_json::from_str::<serde_json::Value>(text).unwrap());
        assert_eq!(vault.take(None).unwrap().len(), 2);
        assert_eq!(read(&podman)["auths"], serde_json::json!({}));
        assert_eq!(fs::read_dir(home.path().join(".docker")).unwrap().count(), 1);
    }

    #[test]
    fn a_link_stays_a_link() {
        let (home, environment) = home(&[("real.json", "{}"), (".docker/x", "")]);
        let link = home.path().join(".docker/config.json");
        std::os::unix::fs::symlink(home.path().join("real.json"), &link).unwrap();
        let pair = Pair { username: "u".into(), password: "p".into() };
        Vault::new(&environment).put(&"quay.io".parse().unwrap(), &pair).unwrap();
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
        assert_eq!(found(&environment, "quay.io").0, ["u p all"]);
    }
}
