//! The section `library` of the configuration.

use serde::Deserialize;

use crate::instances::InstanceSettings;

/// What the configuration says about the library.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// Instances.
    pub instances: InstanceSettings,
}
