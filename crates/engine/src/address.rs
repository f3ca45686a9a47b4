//! Where an engine listens.

use std::{
    fmt,
    net::IpAddr,
    path::{Path, PathBuf},
    str::FromStr,
};

/// The longest path of a socket that the system takes.
const MAX_SOCKET_PATH: usize = 107;

/// Where an engine listens: `unix:///run/docker.sock` or `tcp://gpu-1.lan:2376`.
///
/// ```
/// use entrepot_engine::Address;
///
/// let address: Address = "tcp://gpu-1.lan".parse()?;
/// assert_eq!(address.to_string(), "tcp://gpu-1.lan:2376");
/// # Ok::<(), entrepot_engine::AddressError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Address(EngineLocation);

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum EngineLocation {
    Unix(PathBuf),
    Tcp { host: String, port: u16 },
}

/// Why a text is no address of an engine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AddressError {
    /// It begins with neither of the two.
    #[error("an engine's address begins with `unix://` or `tcp://`")]
    Scheme,
    /// The socket's path is not absolute, or too long.
    #[error("a socket is named by its absolute path, of at most 107 bytes: `unix:///run/docker.sock`")]
    Path,
    /// The host is missing or has other characters than host names have.
    #[error("the host is a name or an IP address: `tcp://gpu-1.lan:2376`")]
    Host,
    /// The port is no number from 1 to 65535.
    #[error("the port is a number from 1 to 65535")]
    Port,
}

impl Address {
    /// The port of Docker with TLS.
    pub const DEFAULT_PORT: u16 = 2376;

    /// The path of the socket, if it is one.
    pub fn socket(&self) -> Option<&Path> {
        match &self.0 {
            EngineLocation::Unix(path) => Some(path),
            EngineLocation::Tcp { .. } => None,
        }
    }

    /// Host and port, if it is reached over the network.
    pub fn host_and_port(&self) -> Option<(&str, u16)> {
        match &self.0 {
            EngineLocation::Unix(_) => None,
            EngineLocation::Tcp { host, port } => Some((host, *port)),
        }
    }

    /// Whether no packet leaves this machine.
    pub fn is_local(&self) -> bool {
        let Some((host, _)) = self.host_and_port() else { return true };
        host == "localhost" || host.parse().is_ok_and(|address: IpAddr| address.is_loopback())
    }
}

impl FromStr for Address {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        if let Some(path) = text.strip_prefix("unix://") {
            let is_path = path.starts_with('/') && path.len() <= MAX_SOCKET_PATH && !path.contains('\0');
            return if is_path {
                Ok(Self(EngineLocation::Unix(path.into())))
            } else {
                Err(AddressError::Path)
            };
        }
        let rest = text.strip_prefix("tcp://").ok_or(AddressError::Scheme)?;
        let (host, port) = host_and_port(rest.strip_suffix('/').unwrap_or(rest))?;
        Ok(Self(EngineLocation::Tcp { host: host.to_ascii_lowercase(), port }))
    }
}

fn host_and_port(text: &str) -> Result<(&str, u16), AddressError> {
    let (host, port) = match text.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((host, rest)) if is_ipv6(host) => (host, rest.strip_prefix(':').or_else(|| empty(rest))),
        Some(_) => return Err(AddressError::Host),
        None => text.split_once(':').map_or((text, Some("")), |(host, port)| (host, Some(port))),
    };
    let is_name = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_');
    if host.is_empty() || host.len() > 253 || !(is_ipv6(host) || host.bytes().all(is_name)) {
        return Err(AddressError::Host);
    }
    match port.ok_or(AddressError::Port)? {
        "" if !text.ends_with(':') => Ok((host, Address::DEFAULT_PORT)),
        port if port.bytes().all(|byte| byte.is_ascii_digit()) => match port.parse() {
            Ok(port @ 1..) => Ok((host, port)),
            _ => Err(AddressError::Port),
        },
        _ => Err(AddressError::Port),
    }
}

fn empty(text: &str) -> Option<&str> {
    text.is_empty().then_some(text)
}

fn is_ipv6(host: &str) -> bool {
    host.parse::<std::net::Ipv6Addr>().is_ok()
}

impl fmt::Display for Address {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            EngineLocation::Unix(path) => write!(formatter, "unix://{}", path.display()),
            EngineLocation::Tcp { host, port } if host.contains(':') => {
                write!(formatter, "tcp://[{host}]:{port}")
            }
            EngineLocation::Tcp { host, port } => write!(formatter, "tcp://{host}:{port}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read_and_written() {
        for (text, written, is_local) in [
            ("unix:///run/docker.sock", "unix:///run/docker.sock", true),
            ("tcp://GPU-1.lan", "tcp://gpu-1.lan:2376", false),
            ("tcp://gpu-1.lan:2375/", "tcp://gpu-1.lan:2375", false),
            ("tcp://127.0.0.1:2375", "tcp://127.0.0.1:2375", true),
            ("tcp://localhost:1", "tcp://localhost:1", true),
            ("tcp://[::1]:2375", "tcp://[::1]:2375", true),
            ("tcp://[fd00::1]", "tcp://[fd00::1]:2376", false),
        ] {
            let address: Address = text.parse().unwrap();
            assert_eq!((address.to_string().as_str(), address.is_local()), (written, is_local), "{text}");
            assert_eq!(address.to_string().parse(), Ok(address));
        }
    }

    #[test]
    fn other_texts_are_refused_with_a_reason() {
        let long = format!("unix:///{}", "x".repeat(200));
        for (text, reason) in [
            ("", AddressError::Scheme),
            ("http://a", AddressError::Scheme),
            ("ssh://a", AddressError::Scheme),
            ("unix://run/docker.sock", AddressError::Path),
            (&long, AddressError::Path),
            ("tcp://", AddressError::Host),
            ("tcp://a b:1", AddressError::Host),
            ("tcp://user@a:1", AddressError::Host),
            ("tcp://a/b:1", AddressError::Host),
            ("tcp://[a]:1", AddressError::Host),
            ("tcp://a:", AddressError::Port),
            ("tcp://a:0", AddressError::Port),
            ("tcp://a:+1", AddressError::Port),
            ("tcp://a:65536", AddressError::Port),
            ("tcp://[::1]x", AddressError::Port),
        ] {
            assert_eq!(text.parse::<Address>(), Err(reason), "{text}");
        }
    }
}
