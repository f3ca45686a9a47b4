//! Registry hosts: the part of an image name before the repository.

use std::{fmt, str::FromStr, sync::Arc};

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A registry host with an optional port, in lower case: `docker.io`, `localhost:5000`, `[::1]:5000`. Each host has one
/// spelling: addresses are shortened, ports with leading zeros are refused, and the port of HTTPS, 443, is left out unless
/// the name would not look like a host without it.
/// The names of Docker Hub are one: `index.docker.io`, `registry-1.docker.io` and `registry.hub.docker.com` become
/// `docker.io`.
///
/// ```
/// use entrepot_oci::Host;
///
/// let hub: Host = "index.docker.io".parse()?;
/// assert!(hub.is_docker_hub());
/// assert_eq!(hub.as_str(), "docker.io");
///
/// let local: Host = "LOCALHOST:5000".parse()?;
/// assert_eq!((local.as_str(), local.name()), ("localhost:5000", "localhost"));
/// # Ok::<(), entrepot_oci::HostError>(())
/// ```
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Host(Arc<str>);

/// The port of a registry that does not say one.
const HTTPS_PORT: &str = "443";

/// The registries mirrored by default, with their labels below a mirror's domain. They match DaoCloud's public
/// mirror.
pub const ALIASES: [(&str, &str); 9] = [
    ("docker.elastic.co", "elastic"),
    ("docker.io", "docker"),
    ("gcr.io", "gcr"),
    ("ghcr.io", "ghcr"),
    ("k8s.gcr.io", "k8s-gcr"),
    ("registry.k8s.io", "k8s"),
    ("mcr.microsoft.com", "mcr"),
    ("nvcr.io", "nvcr"),
    ("quay.io", "quay"),
];

/// The text is not a host.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a registry host is a domain name or an address, with an optional `:port`")]
pub struct HostError;

impl Host {
    /// Docker Hub.
    pub fn docker_hub() -> Self {
        Self("docker.io".into())
    }

    /// The whole host, including its port if there is one.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The host without its port.
    pub fn name(&self) -> &str {
        split_port(&self.0).0
    }

    /// True for Docker Hub, where single-part repositories belong to `library/`.
    pub fn is_docker_hub(&self) -> bool {
        &*self.0 == "docker.io"
    }

    /// True if the first part of an image name is a host rather than the start of a repository:
    /// it contains a `.` or a `:`, or is `localhost`.
    ///
    /// ```
    /// use entrepot_oci::Host;
    ///
    /// assert!(Host::looks_like_one("quay.io") && Host::looks_like_one("registry:5000"));
    /// assert!(!Host::looks_like_one("library"));
    /// ```
    pub fn looks_like_one(part: &str) -> bool {
        part.contains(['.', ':']) || part == "localhost"
    }
}

fn split_port(text: &str) -> (&str, Option<&str>) {
    match text.rsplit_once(':') {
        Some((name, port)) if !port.contains(']') => (name, Some(port)),
        _ => (text, None),
    }
}

// The canonical spelling of the part before the port.
fn canonical(name: &str) -> Option<String> {
    if let Some(address) = name.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
        return address.parse::<std::net::Ipv6Addr>().ok().map(|address| format!("[{address}]"));
    }
    let is_name = name.len() <= 253
        && name.split('.').all(|label| {
            !label.is_empty()
                && label.len() <= 63
                && !label.starts_with('-')
                && !label.ends_with('-')
                && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
        });
    is_name.then(|| name.to_ascii_lowercase())
}

// `u16` would also accept `+5` and `05`; port 0 cannot be connected to.
fn is_port(port: &str) -> bool {
    port.bytes().all(|byte| byte.is_ascii_digit()) && !port.starts_with('0') && port.parse::<u16>().is_ok()
}

impl FromStr for Host {
    type Err = HostError;

    fn from_str(text: &str) -> Result<Self, HostError> {
        let (name, port) = split_port(text);
        let name = canonical(name).ok_or(HostError)?;
        if port.is_some_and(|port| !is_port(port)) {
            return Err(HostError);
        }
        // Without its port, `registry:443` would read as a repository of Docker Hub.
        let port = port.filter(|port| *port != HTTPS_PORT || !Self::looks_like_one(&name));
        Ok(Self(match port {
            Some(port) => format!("{name}:{port}").into(),
            None => match name.as_str() {
                "index.docker.io" | "registry-1.docker.io" | "registry.hub.docker.com" => "docker.io".into(),
                other => other.into(),
            },
        }))
    }
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl fmt::Debug for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for Host {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Host {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_hosts() {
        for (text, name) in [
            ("quay.io", "quay.io"),
            ("localhost:5000", "localhost"),
            ("[::1]:5000", "[::1]"),
            ("GHCR.io", "ghcr.io"),
            ("[0::A]:5000", "[::a]"),
        ] {
            assert_eq!(text.parse::<Host>().unwrap().name(), name);
        }
        for bad in [
            "", "a..b", "-a.io", "a:0", "a:70000", "a:+5", "a:05", "a:", "a/b", "user@h", "[::g]", "a_b.io",
            "é.io",
        ] {
            assert!(bad.parse::<Host>().is_err(), "{bad}");
        }
    }

    #[test]
    fn the_port_of_https_is_no_part_of_a_name() {
        for (text, host) in [
            ("quay.io:443", "quay.io"),
            ("LOCALHOST:443", "localhost"),
            ("127.0.0.1:443", "127.0.0.1"),
            ("[::1]:443", "[::1]"),
            ("registry:443", "registry:443"),
            ("quay.io:80", "quay.io:80"),
            ("quay.io:4430", "quay.io:4430"),
        ] {
            assert_eq!(text.parse::<Host>().unwrap().as_str(), host);
        }
    }

    #[test]
    fn docker_hub_has_one_name() {
        for name in [
            "docker.io",
            "index.docker.io",
            "registry-1.docker.io",
            "registry.hub.docker.com",
            "docker.io:443",
            "index.docker.io:443",
        ] {
            assert!(name.parse::<Host>().unwrap().is_docker_hub());
        }
    }
}
