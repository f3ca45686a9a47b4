//! The common part of names: a registry, optionally with a namespace.

use std::fmt;

use entrepot_oci::{Host, ImageRef, Repository};
use entrepot_sync::Place;

use crate::error::MigrationError;

/// A registry, optionally with a namespace: `docker.io/aibrix`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Root {
    host: Host,
    namespace: Option<Repository>,
}

impl Root {
    /// Parses a root.
    pub(crate) fn parse(text: &str) -> Result<Self, MigrationError> {
        let whole = text.trim_end_matches('/');
        let (host, path) = whole.split_once('/').map_or((whole, None), |(host, path)| (host, Some(path)));
        if !Host::looks_like_one(host) {
            return Err(MigrationError::new(
                format!("`{text}` does not say which registry"),
                format!("put it in front: `docker.io/{whole}`"),
            ));
        }
        let host: Host = host.parse().map_err(|error: entrepot_oci::HostError| {
            MigrationError::new(format!("`{host}` is not a registry"), error.to_string())
        })?;
        let namespace = path.map(|path| {
            path.parse::<Repository>().map_err(|error| {
                let hint = format!("write a namespace alone, without tag or digest: {error}");
                MigrationError::new(format!("`{path}` is not a namespace"), hint)
            })
        });
        Ok(Self { host, namespace: namespace.transpose()? })
    }

    /// The registry.
    pub fn host(&self) -> &Host {
        &self.host
    }

    /// The namespace, if there is one.
    pub fn namespace(&self) -> Option<&Repository> {
        self.namespace.as_ref()
    }

    /// The repository `name` below this root; the full text, if it is not a valid name.
    pub(crate) fn join(&self, name: &str) -> Result<Place, String> {
        let path = match &self.namespace {
            Some(namespace) => format!("{namespace}/{name}"),
            None => name.to_owned(),
        };
        let repository = ImageRef::repository_on(&self.host, &path).map_err(|_| path)?;
        Ok(Place::Registry { host: self.host.clone(), repository })
    }

    /// The name of a repository below this root, if it is below.
    pub(crate) fn below<'r>(&self, host: &Host, repository: &'r Repository) -> Option<&'r str> {
        if *host != self.host {
            return None;
        }
        match &self.namespace {
            Some(namespace) => repository.as_str().strip_prefix(namespace.as_str())?.strip_prefix('/'),
            None => Some(repository.as_str()),
        }
    }
}

impl fmt::Display for Root {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.namespace {
            Some(namespace) => write!(f, "{}/{namespace}", self.host),
            None => self.host.fmt(f),
        }
    }
}
