//! The section `library` of the configuration.

use std::time::Duration;

use serde::Deserialize;

use crate::instances::InstanceSettings;

/// What the configuration says about the library.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// Instances.
    pub instances: InstanceSettings,
    /// The machines that instances run on.
    pub nodes: NodesSettings,
    /// How images come to them.
    pub pulls: PullsSettings,
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
