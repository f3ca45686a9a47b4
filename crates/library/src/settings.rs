//! The section `library` of the configuration.

use std::{net::SocketAddr, time::Duration};

use serde::{Deserialize, Deserializer, de::Error as _};

use crate::instances::InstanceSettings;

/// What the configuration says about the library.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LibrarySettings {
    /// Instances.
    pub instances: InstanceSettings,
    /// The machines that instances run on.
    pub nodes: NodesSettings,
    /// How images come to them.
    pub pulls: PullsSettings,
    /// How instances are reached by SSH.
    pub ssh: SshSettings,
}

/// How instances are reached by SSH.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SshSettings {
    /// Where the server listens for it; nowhere if it is not said.
    #[serde(deserialize_with = "address")]
    pub listen: Option<SocketAddr>,
    /// The port that clients reach it at, where that is another one.
    pub port: Option<u16>,
}

/// How nodes are looked after.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct NodesSettings {
    /// How long to wait between two looks at all nodes.
    #[serde(with = "humantime_serde")]
    pub check_every: Duration,
    /// How long a node may take to answer a look.
    #[serde(with = "humantime_serde")]
    pub check_timeout: Duration,
    /// How long to wait between two whole looks: at cards, HAMi-core and the disk.
    #[serde(with = "humantime_serde")]
    pub survey_every: Duration,
    /// How long a whole look may take.
    #[serde(with = "humantime_serde")]
    pub survey_timeout: Duration,
    /// How many nodes are looked at at once.
    pub checks_at_once: usize,
    /// How long before its end a certificate is said to end.
    #[serde(with = "humantime_serde")]
    pub certificate_warning: Duration,
}

/// How images come to nodes.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct PullsSettings {
    /// How many images a node pulls at once.
    pub at_once: usize,
    /// How long nothing may happen before a pull counts as stalled.
    #[serde(with = "humantime_serde")]
    pub stalled_after: Duration,
    /// How often a pull that broke off is tried in all.
    pub attempts: u32,
    /// How many pulls that have ended are remembered.
    pub remembered: u32,
}

impl Default for NodesSettings {
    fn default() -> Self {
        Self {
            check_every: Duration::from_secs(30),
            check_timeout: Duration::from_secs(20),
            survey_every: Duration::from_secs(10 * 60),
            survey_timeout: Duration::from_secs(3 * 60),
            checks_at_once: 8,
            certificate_warning: Duration::from_secs(30 * 24 * 60 * 60),
        }
    }
}

impl Default for PullsSettings {
    fn default() -> Self {
        Self { at_once: 3, stalled_after: Duration::from_secs(5 * 60), attempts: 3, remembered: 1000 }
    }
}

fn address<'de, D: Deserializer<'de>>(from: D) -> Result<Option<SocketAddr>, D::Error> {
    let wrong = |_| D::Error::custom("this is not an address with a port, such as `0.0.0.0:2222`");
    let text = Option::<String>::deserialize(from)?;
    text.map(|text| text.parse().map_err(wrong)).transpose()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn where_it_listens_for_ssh_is_an_address_with_a_port() {
        let read = |text: &str| serde_json::from_str::<SshSettings>(text).map_err(|error| error.to_string());
        assert_eq!(read("{}"), Ok(SshSettings::default()));
        let listen = Some("[::]:2222".parse().unwrap());
        assert_eq!(
            read(r#"{"listen": "[::]:2222", "port": 22}"#),
            Ok(SshSettings { listen, port: Some(22) })
        );
        for wrong in ["2222", ":2222", "0.0.0.0", "m.example.com:22"] {
            let error = read(&format!(r#"{{"listen": "{wrong}"}}"#)).unwrap_err();
            assert!(error.starts_with("this is not an address with a port"), "{error}");
        }
    }
}
