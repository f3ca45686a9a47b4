//! Finding the logins for a registry.

use std::{collections::BTreeSet, path::Path};

use entrepot_oci::{Host, Repository};

use crate::{
    auth_file::{AuthEntry, AuthFile},
    credential::Credential,
    error::Error,
    helper::Helper,
    paths::AuthFilePaths,
    target::LoginTarget,
};

/// All logins of a user, as the files had them when they were read.
#[derive(Debug)]
pub struct Logins {
    files: Vec<AuthFile>,
}

/// One login at a registry.
#[derive(Clone, Debug)]
pub struct Login {
    /// The account.
    pub credential: Credential,
    /// The only repository that it is for, with those below it; `None` for the whole registry.
    pub namespace: Option<Repository>,
}

/// The logins for one registry.
#[derive(Debug, Default)]
pub struct FoundLogins {
    /// The logins, at most one for each namespace.
    pub logins: Vec<Login>,
    /// Why other logins for the registry cannot be used.
    pub errors: Vec<Error>,
}

impl Logins {
    /// Reads the files that exist. The errors are those of files that cannot be read and are left out.
    pub fn read(paths: &AuthFilePaths) -> (Self, Vec<Error>) {
        let (mut files, mut errors) = (Vec::new(), Vec::new());
        for path in paths.to_read() {
            match AuthFile::read(&path) {
                Ok(Some(file)) => files.push(file),
                Ok(None) => {}
                Err(error) => errors.push(error),
            }
        }
        (Self { files }, errors)
    }

    /// Reads one file.
    ///
    /// # Errors
    /// It cannot be read, or is something else.
    pub fn read_file(path: &Path) -> Result<Self, Error> {
        Ok(Self { files: AuthFile::read(path)?.into_iter().collect() })
    }

    /// The registries that the files name.
    pub fn hosts(&self) -> BTreeSet<Host> {
        self.files.iter().flat_map(AuthFile::hosts).collect()
    }

    /// The logins for `host`. An earlier file takes precedence over later ones for the same namespace. Blocks while
    /// helpers run, up to 30 s for each.
    pub fn find(&self, host: &Host) -> FoundLogins {
        let (mut found, mut settled) = (FoundLogins::default(), BTreeSet::new());
        for file in &self.files {
            for (target, entry) in file.logins(host) {
                let namespace = target.namespace().cloned();
                if settled.contains(&namespace) {
                    continue;
                }
                match credential(file, &target, entry) {
                    Ok(None) => continue,
                    Ok(Some(credential)) => {
                        found.logins.push(Login { credential, namespace: namespace.clone() });
                    }
                    Err(error) => found.errors.push(error),
                }
                settled.insert(namespace);
            }
        }
        found
    }
}

fn credential(file: &AuthFile, target: &LoginTarget, entry: AuthEntry) -> Result<Option<Credential>, Error> {
    match entry {
        AuthEntry::Credential(credential) => Ok(Some(credential)),
        AuthEntry::Helper { name, server } => Helper::new(&name)?.get(&server),
        AuthEntry::Unreadable => {
            Err(Error::UnreadableEntry { target: target.clone(), path: file.path.clone() })
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use secrecy::ExposeSecret as _;

    use super::*;

    #[test]
    fn a_file_names_its_registries() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("config.json");
        let text = r#"{
            "auths": {"https://index.docker.io/v1/": {"auth": "bWU6Y2FuYXJ5"}, "quay.io/acme": {"auth": "bWU6Y2FuYXJ5"},
                      "https://index.docker.io/v1/access-token": {}, "ftp://x": {}},
            "credHelpers": {"gcr.io": "nothing-of-that-name"}
        }"#;
        fs::write(&path, text).unwrap();
        let logins = Logins::read_file(&path).unwrap();
        let hosts: Vec<String> = logins.hosts().iter().map(ToString::to_string).collect();
        assert_eq!(hosts, ["docker.io", "gcr.io", "quay.io"]);
        let found = logins.find(&"quay.io".parse().unwrap()).logins;
        assert_eq!(found[0].namespace.as_ref().map(Repository::as_str), Some("acme"));
        assert_eq!(found[0].credential.password.expose_secret(), "canary");
        assert_eq!(logins.find(&"gcr.io".parse().unwrap()).errors.len(), 1);
        assert!(Logins::read_file(&directory.path().join("none")).unwrap().hosts().is_empty());
    }
}
