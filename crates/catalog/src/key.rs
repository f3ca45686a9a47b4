//! Which repository: its name and where it comes from.
//!
//! In SQL a key is two texts: the path people write, and the origin, which tells a hosted `a.b/c` from `c` at host `a.b`.

use std::{borrow::Cow, fmt};

use entrepot_oci::{Host, Repository};

use crate::error::Error;

/// Where the content of a repository comes from.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Origin {
    /// Pushed here.
    Hosted,
    /// Fetched from a registry.
    Upstream(Host),
}

/// One repository among all that we hold.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct RepoKey {
    /// Where it comes from.
    pub origin: Origin,
    /// Its name there.
    pub repository: Repository,
}

impl RepoKey {
    /// The origin as it is stored: the host, or nothing if hosted.
    pub(crate) fn origin_text(&self) -> &str {
        match &self.origin {
            Origin::Hosted => "",
            Origin::Upstream(host) => host.as_str(),
        }
    }

    /// The name as people write it, without a copy where there is none to make: each request asks for it.
    pub fn full_name(&self) -> Cow<'_, str> {
        let repository = self.repository.as_str();
        match &self.origin {
            Origin::Hosted => Cow::Borrowed(repository),
            Origin::Upstream(host) => Cow::Owned([host.as_str(), "/", repository].concat()),
        }
    }

    /// Reads what [`fmt::Display`] and [`Self::origin_text`] wrote.
    pub(crate) fn read(path: &str, origin: &str) -> Result<Self, Error> {
        let bad = || Error::Content { what: "repository" };
        if origin.is_empty() {
            let repository = path.parse().map_err(|_| bad())?;
            return Ok(Self { origin: Origin::Hosted, repository });
        }
        let name = path.strip_prefix(origin).and_then(|rest| rest.strip_prefix('/')).ok_or_else(bad)?;
        Ok(Self {
            origin: Origin::Upstream(origin.parse().map_err(|_| bad())?),
            repository: name.parse().map_err(|_| bad())?,
        })
    }
}

/// As people write it: `quay.io/a/b`; hosted, `a/b`.
impl fmt::Display for RepoKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.full_name())
    }
}

impl fmt::Debug for RepoKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn round_trips() {
        let repository: Repository = "a/b".parse().unwrap();
        let hosted = RepoKey { origin: Origin::Hosted, repository: repository.clone() };
        let upstream = RepoKey { origin: Origin::Upstream("quay.io:5000".parse().unwrap()), repository };
        assert_eq!((hosted.to_string(), upstream.to_string()), ("a/b".into(), "quay.io:5000/a/b".into()));
        for key in [hosted, upstream] {
            assert_eq!(RepoKey::read(&key.to_string(), key.origin_text()).unwrap(), key);
        }
        for (path, origin) in [("a/b", "quay.io"), ("quay.io", "quay.io"), ("A", ""), ("x..y/a", "x..y")] {
            assert!(RepoKey::read(path, origin).is_err(), "{path}");
        }
    }
}
