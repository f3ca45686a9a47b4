//! Whose a login is: `quay.io`, `quay.io/ascend`, `https://index.docker.io/v1/`.

use std::{fmt, str::FromStr};

use entrepot_oci::{Host, HostError, Repository, RepositoryError};

/// The key under which Docker keeps the login of Docker Hub in files and with helpers.
const DOCKER_HUB: &str = "https://index.docker.io/v1/";

/// A registry, or a namespace of it, that somebody logs in to: `quay.io`, `quay.io/ascend`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct LoginTarget {
    host: Host,
    namespace: Option<Repository>,
}

/// Why a text is not a registry or a namespace of one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LoginTargetError {
    /// The part before the first slash is not a host.
    #[error(transparent)]
    Host(#[from] HostError),
    /// The part after the first slash is not a repository name.
    #[error(transparent)]
    Namespace(#[from] RepositoryError),
}

impl LoginTarget {
    /// The whole registry at `host`.
    pub(crate) fn registry(host: Host) -> Self {
        Self { host, namespace: None }
    }

    /// The registry.
    pub fn host(&self) -> &Host {
        &self.host
    }

    /// The only repository that the login is for, with those below it; `None` for the whole registry.
    pub fn namespace(&self) -> Option<&Repository> {
        self.namespace.as_ref()
    }

    /// Reads a key of a credentials file. `None` if it is for something other than a registry.
    pub(crate) fn from_file_key(text: &str) -> Option<Self> {
        let (is_url, rest) = match text.split_once("://") {
            Some(("http" | "https", rest)) => (true, rest),
            Some(_) => return None,
            None => (false, text),
        };
        let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
        // Docker takes whole URLs, and only their host counts.
        let namespace = match path.trim_end_matches('/') {
            _ if is_url => None,
            "" | "v1" | "v2" => None,
            path => Some(path.parse().ok()?),
        };
        Some(Self { host: host.parse().ok()?, namespace })
    }

    /// The key in a credentials file, which is also what a helper is asked for.
    pub(crate) fn to_file_key(&self) -> String {
        if self.host.is_docker_hub() && self.namespace.is_none() {
            DOCKER_HUB.to_owned()
        } else {
            self.to_string()
        }
    }
}

impl FromStr for LoginTarget {
    type Err = LoginTargetError;

    fn from_str(text: &str) -> Result<Self, LoginTargetError> {
        // URLs are copied from a browser or from Docker's messages.
        if let Some(target) = Self::from_file_key(text).filter(|_| text.contains("://")) {
            return Ok(target);
        }
        let (host, namespace) = text.split_once('/').map_or((text, None), |(host, path)| (host, Some(path)));
        let namespace = namespace.filter(|path| !path.is_empty()).map(str::parse).transpose()?;
        Ok(Self { host: host.parse()?, namespace })
    }
}

impl fmt::Display for LoginTarget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.host.fmt(f)?;
        self.namespace.iter().try_for_each(|namespace| write!(f, "/{namespace}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_of_every_version_of_docker_are_read() {
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
            assert_eq!(
                LoginTarget::from_file_key(text).map(|target| target.to_string()).as_deref(),
                read,
                "{text}"
            );
        }
    }

    #[test]
    fn docker_hub_is_written_as_docker_does() {
        for (text, written) in [
            ("docker.io", "https://index.docker.io/v1/"),
            ("docker.io/library", "docker.io/library"),
            ("quay.io", "quay.io"),
        ] {
            assert_eq!(text.parse::<LoginTarget>().unwrap().to_file_key(), written);
        }
    }

    #[test]
    fn targets_are_read_as_people_write_them() {
        for (text, meant) in [
            ("quay.io/ascend/cann", "quay.io/ascend/cann"),
            ("quay.io/", "quay.io"),
            ("https://quay.io/v2/", "quay.io"),
        ] {
            assert_eq!(text.parse::<LoginTarget>().unwrap().to_string(), meant);
        }
        assert!(matches!("quay io".parse::<LoginTarget>(), Err(LoginTargetError::Host(_))));
        assert!(matches!("quay.io/A".parse::<LoginTarget>(), Err(LoginTargetError::Namespace(_))));
    }
}
