//! Whose an entry of a credentials file is: `quay.io`, `quay.io/ascend`, `https://index.docker.io/v1/`.

use std::{fmt, str::FromStr};

use entrepot_oci::{Host, HostError, Repository, RepositoryError};

/// How Docker has always called Docker Hub in its files and to its helpers.
const DOCKER_HUB: &str = "https://index.docker.io/v1/";

/// A registry, or a namespace of it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Key {
    pub(super) host: Host,
    pub(super) namespace: Option<Repository>,
}

/// A registry, or a namespace of it, as people write it: `quay.io`, `quay.io/ascend`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Door(Key);

/// Why a text is neither.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum DoorError {
    /// In front of the slash.
    #[error(transparent)]
    Host(#[from] HostError),
    /// Behind it.
    #[error(transparent)]
    Namespace(#[from] RepositoryError),
}

impl Key {
    /// Reads a key of a file. `None`: not one of ours to use.
    pub(super) fn of_file(text: &str) -> Option<Self> {
        let (is_url, rest) = match text.split_once("://") {
            Some(("http" | "https", rest)) => (true, rest),
            Some(_) => return None,
            None => (false, text),
        };
        let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
        // Docker takes whole URLs, and means the host.
        let namespace = match path.trim_end_matches('/') {
            _ if is_url => None,
            "" | "v1" | "v2" => None,
            path => Some(path.parse().ok()?),
        };
        Some(Self { host: host.parse().ok()?, namespace })
    }

    /// How it is written to a file, and called to a helper.
    pub(super) fn to_file(&self) -> String {
        if self.host.is_docker_hub() && self.namespace.is_none() {
            DOCKER_HUB.to_owned()
        } else {
            self.to_string()
        }
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.host.fmt(f)?;
        self.namespace.iter().try_for_each(|namespace| write!(f, "/{namespace}"))
    }
}

impl Door {
    /// The registry.
    pub(crate) fn host(&self) -> &Host {
        &self.0.host
    }

    /// The namespace.
    pub(crate) fn namespace(&self) -> Option<&Repository> {
        self.0.namespace.as_ref()
    }

    pub(super) fn key(&self) -> &Key {
        &self.0
    }
}

impl FromStr for Door {
    type Err = DoorError;

    fn from_str(text: &str) -> Result<Self, DoorError> {
        // What people copy from a browser or from Docker's own messages.
        if let Some(key) = Key::of_file(text).filter(|_| text.contains("://")) {
            return Ok(Self(key));
        }
        let (host, namespace) = text.split_once('/').map_or((text, None), |(host, path)| (host, Some(path)));
        let namespace = namespace.filter(|path| !path.is_empty()).map(str::parse).transpose()?;
        Ok(Self(Key { host: host.parse()?, namespace }))
    }
}

impl fmt::Display for Door {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_of_all_times_are_read() {
        for (text, read) in [
            ("quay.io", Some("quay.io")),
            ("quay.io/ascend", Some("quay.io/ascend")),
            ("https://index.docker.io/v1/", Some("docker.io")),
            ("index.docker.io/v1/", Some("docker.io")),
            ("docker.io", Some("docker.io")),
            ("https://lab.test:5000/anything/", Some("lab.test:5000")),
            ("http://127.0.0.1:5000", Some("127.0.0.1:5000")),
            ("https://index.docker.io/v1/access-token", Some("docker.io")),
            ("quay.io/", Some("quay.io")),
            ("ftp://quay.io", None),
            ("quay.io/Ascend", None),
            ("", None),
        ] {
            assert_eq!(Key::of_file(text).map(|key| key.to_string()).as_deref(), read, "{text}");
        }
    }

    #[test]
    fn docker_hub_is_written_as_docker_does() {
        for (text, written) in [
            ("docker.io", "https://index.docker.io/v1/"),
            ("docker.io/library", "docker.io/library"),
            ("quay.io", "quay.io"),
        ] {
            assert_eq!(text.parse::<Door>().unwrap().key().to_file(), written);
        }
    }

    #[test]
    fn doors_are_what_people_write() {
        for (text, meant) in [
            ("quay.io/ascend/cann", "quay.io/ascend/cann"),
            ("quay.io/", "quay.io"),
            ("https://quay.io/v2/", "quay.io"),
        ] {
            assert_eq!(text.parse::<Door>().unwrap().to_string(), meant);
        }
        assert!(matches!("quay io".parse::<Door>(), Err(DoorError::Host(_))));
        assert!(matches!("quay.io/A".parse::<Door>(), Err(DoorError::Namespace(_))));
    }
}
