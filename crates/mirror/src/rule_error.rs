//! A freshness rule that cannot be used.

use entrepot_oci::Host;

/// A glob in a freshness rule that cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("a freshness rule of `{host}` is not a glob")]
pub struct RuleError {
    /// The upstream whose rule it is.
    pub host: Host,
    /// What is wrong with it.
    #[source]
    pub source: globset::Error,
}
