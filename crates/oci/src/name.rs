//! The `<name>` of a request path: a repository, optionally with a registry host as prefix.

use std::{fmt, str::FromStr};

use crate::{Host, Repository, RepositoryError};

/// A name as requested: `library/nginx`, `docker.io/library/nginx` or `localhost:5000/x`. Its meaning is up to the
/// mirror, since a hosted prefix may look like a host.
///
/// ```
/// use entrepot_oci::Name;
///
/// let name: Name = "localhost:5000/team/app".parse()?;
/// let (host, repository) = name.split_host().unwrap();
/// assert_eq!((host.as_str(), repository), ("localhost:5000", "team/app"));
///
/// let name: Name = "team/app".parse()?;
/// assert!(name.split_host().is_none());
/// # Ok::<(), entrepot_oci::RepositoryError>(())
/// ```
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Name {
    text: Box<str>,
    // Length of the host prefix, if there is one.
    host: Option<usize>,
}

impl Name {
    /// The whole name.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The host prefix and the rest; `None` if the first part is not a host.
    pub fn split_host(&self) -> Option<(Host, &str)> {
        let at = self.host?;
        Some((self.text[..at].parse().ok()?, &self.text[at + 1..]))
    }

    /// The whole name as a repository; `None` if it contains a port.
    pub fn repository(&self) -> Option<Repository> {
        self.text.parse().ok()
    }
}

impl FromStr for Name {
    type Err = RepositoryError;

    fn from_str(text: &str) -> Result<Self, RepositoryError> {
        if text.len() > 255 {
            return Err(RepositoryError::Length);
        }
        let split = text.split_once('/').filter(|(first, _)| Host::looks_like_one(first));
        let host = match split {
            Some((host, rest)) => {
                host.parse::<Host>().map_err(|_| RepositoryError::Characters)?;
                rest.parse::<Repository>()?;
                Some(host.len())
            }
            None => {
                text.parse::<Repository>()?;
                None
            }
        };
        Ok(Self { text: text.into(), host })
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.text)
    }
}

impl fmt::Debug for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tells_hosts_from_repositories() {
        let name: Name = "localhost:5000/a/b".parse().unwrap();
        assert_eq!(name.split_host().unwrap().0.as_str(), "localhost:5000");
        assert_eq!(name.split_host().unwrap().1, "a/b");
        assert_eq!(name.repository(), None);
        let name: Name = "library/nginx".parse().unwrap();
        assert!(name.split_host().is_none());
        for bad in ["docker.io/", "a:0/x", "docker.io//x", "..", "../x", "a/../b", "DOCKER/x"] {
            assert!(bad.parse::<Name>().is_err(), "{bad}");
        }
    }
}
