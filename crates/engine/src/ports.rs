//! Which ports of its machine lead to a container.

use std::{collections::BTreeSet, net::IpAddr};

/// A port of the machine that leads to a port of the container, over TCP.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Publish {
    /// The port in the container.
    pub container: u16,
    /// The port of the machine.
    pub host: u16,
    /// The address of the machine; without one, all of them.
    pub address: Option<IpAddr>,
}

/// All published ports of a container.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ports(BTreeSet<Publish>);

/// Why ports cannot be published.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PortsError {
    /// Port 0 would be any port.
    #[error("a port is a number from 1 to 65535")]
    Zero,
    /// Two ports cannot have one port of the machine.
    #[error("a port of the machine leads to one port of the container")]
    Twice,
}

impl Ports {
    /// Puts ports together.
    ///
    /// # Errors
    /// One of them is 0, or two have the same port of the machine.
    pub fn new(ports: impl IntoIterator<Item = Publish>) -> Result<Self, PortsError> {
        let ports: BTreeSet<Publish> = ports.into_iter().collect();
        if ports.iter().any(|port| port.container == 0 || port.host == 0) {
            return Err(PortsError::Zero);
        }
        let hosts: BTreeSet<_> = ports.iter().map(|port| port.host).collect();
        if hosts.len() == ports.len() { Ok(Self(ports)) } else { Err(PortsError::Twice) }
    }

    /// Each of them.
    pub fn iter(&self) -> impl Iterator<Item = Publish> {
        self.0.iter().copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_of_the_machine_is_given_once() {
        let port = |container, host| Publish { container, host, address: None };
        assert!(Ports::new([port(22, 20022), port(80, 20080)]).is_ok());
        assert_eq!(Ports::new([port(22, 20022), port(80, 20022)]), Err(PortsError::Twice));
        assert_eq!(Ports::new([port(22, 0)]), Err(PortsError::Zero));
        assert_eq!(Ports::new([port(0, 22)]), Err(PortsError::Zero));
    }
}
