//! What the engine can pull.

use std::collections::BTreeMap;

use super::dialect::Dialect;
use crate::gate::Gate;

/// An image that the engine can pull, or has.
#[derive(Clone, Debug)]
pub struct PullableImage {
    /// Bytes of each layer.
    pub layers: Vec<u64>,
    /// Go's word for the architecture.
    pub architecture: String,
    /// The variables that the image sets.
    pub environment: BTreeMap<String, String>,
    /// As whom it runs.
    pub user: String,
    /// The pull waits here in the middle.
    pub gate: Option<Gate>,
    /// Pulls say what a real engine said.
    pub is_recorded: bool,
}

impl PullableImage {
    /// An image for `linux/amd64` with layers of these sizes.
    pub fn of_layers(layers: &[u64]) -> Self {
        Self {
            layers: layers.to_vec(),
            architecture: "amd64".to_owned(),
            environment: BTreeMap::new(),
            user: String::new(),
            gate: None,
            is_recorded: false,
        }
    }

    /// The image that real engines were recorded with.
    pub fn recorded() -> Self {
        let sizes = Dialect::RECORDED_LAYERS.map(|(_, size)| size);
        Self { is_recorded: true, ..Self::of_layers(&sizes) }
    }

    /// Sets a variable of the image.
    #[must_use]
    pub fn with_variable(mut self, name: &str, value: &str) -> Self {
        self.environment.insert(name.to_owned(), value.to_owned());
        self
    }

    /// Makes pulls wait in the middle.
    #[must_use]
    pub fn held_at(self, gate: &Gate) -> Self {
        Self { gate: Some(gate.clone()), ..self }
    }
}

/// Why a pull fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// The registry does not have it.
    NotFound,
    /// The registry does not give it.
    Denied,
    /// The registry was asked too often.
    RateLimited,
    /// The registry's certificate is not trusted.
    Tls,
    /// The node's disk is full, in the middle.
    DiskFull,
    /// There is none for this platform.
    Platform,
    /// The registry answers with 500.
    Registry,
    /// The registry cannot be reached.
    Network,
}

impl Refusal {
    /// Each of them.
    pub const ALL: [Self; 8] = [
        Self::NotFound,
        Self::Denied,
        Self::RateLimited,
        Self::Tls,
        Self::DiskFull,
        Self::Platform,
        Self::Registry,
        Self::Network,
    ];
}
