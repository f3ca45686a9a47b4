//! The section `library` of the configuration.

use serde::Deserialize;

/// What the configuration says about the library.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {}
