//! An address, and what it is reached with.

use crate::{address::Address, tls::Tls};

/// An engine's address and, over the network, the certificates for it. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Endpoint {
    address: Address,
    tls: Option<Tls>,
}

/// Why address and certificates do not go together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EndpointError {
    /// Whoever reaches an engine has all of its machine: without TLS everybody on the network would.
    #[error("an engine on another machine is reached by TLS only; give the certificates for it")]
    WithoutTls,
    /// A socket has no use for certificates.
    #[error("a socket is reached without certificates")]
    NeedlessTls,
}

impl Endpoint {
    /// Puts both together.
    ///
    /// # Errors
    /// An engine on another machine without certificates, or certificates for a socket.
    pub fn new(address: Address, tls: Option<Tls>) -> Result<Self, EndpointError> {
        match &tls {
            None if !address.is_local() => Err(EndpointError::WithoutTls),
            Some(_) if address.socket().is_some() => Err(EndpointError::NeedlessTls),
            _ => Ok(Self { address, tls }),
        }
    }

    /// Where it is.
    pub fn address(&self) -> &Address {
        &self.address
    }

    /// What it is reached with.
    pub fn tls(&self) -> Option<&Tls> {
        self.tls.as_ref()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_machine_needs_certificates() {
        let at = |text: &str| Endpoint::new(text.parse().unwrap(), None).err();
        assert_eq!(at("tcp://10.0.0.1:2375"), Some(EndpointError::WithoutTls));
        assert_eq!(at("tcp://127.0.0.1:2375"), None);
        assert_eq!(at("unix:///run/docker.sock"), None);
    }
}
