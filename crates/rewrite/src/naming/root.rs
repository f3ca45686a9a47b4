//! The common prefix of new names: a registry, optionally with a namespace.

use std::{fmt, str::FromStr};

use entrepot_oci::{Host, Repository};

use super::{NewName, target};
use crate::{DocumentImage, Reason};

/// A registry, optionally with a namespace: `m.daocloud.io`, `registry.cn-heyuan.aliyuncs.com/mirrors`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Root {
    host: Host,
    path: Option<Repository>,
}

/// The text is not a registry with an optional namespace.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a registry, with or without a namespace")]
pub struct RootError(pub String);

impl Root {
    /// The registry.
    pub fn host(&self) -> &Host {
        &self.host
    }

    // True if the name starts with this root.
    pub(super) fn holds(&self, image: &DocumentImage) -> bool {
        let name = image.repository.as_str();
        self.host == image.host
            && self
                .path
                .as_ref()
                .is_none_or(|path| name.strip_prefix(path.as_str()).is_some_and(|rest| rest.starts_with('/')))
    }

    // The name `rest` below this root.
    pub(super) fn join(&self, rest: &str) -> Result<NewName, Reason> {
        match &self.path {
            Some(path) => target(self.host.as_str(), &format!("{path}/{rest}")),
            None => target(self.host.as_str(), rest),
        }
    }
}

impl FromStr for Root {
    type Err = RootError;

    fn from_str(text: &str) -> Result<Self, RootError> {
        let error = || RootError(text.to_owned());
        let whole = text.trim_end_matches('/');
        let (host, path) = whole.split_once('/').map_or((whole, None), |(host, path)| (host, Some(path)));
        if !Host::looks_like_one(host) {
            return Err(error());
        }
        let path = path.map(str::parse).transpose().map_err(|_| error())?;
        Ok(Self { host: host.parse().map_err(|_| error())?, path })
    }
}

impl fmt::Display for Root {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.path {
            Some(path) => write!(f, "{}/{path}", self.host),
            None => self.host.fmt(f),
        }
    }
}
