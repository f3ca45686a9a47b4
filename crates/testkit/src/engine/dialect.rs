//! Whose words the engine speaks.

use serde_json::{Value, json};

/// Whose words the engine speaks, as recorded of real ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dialect {
    /// Docker 20.10 with its own image store.
    Docker20,
    /// Docker 28.5 with images kept by containerd.
    Docker28,
    /// Podman 4.3, which knows cards only in its own words.
    Podman4,
    /// Podman 5.8.
    Podman5,
}

impl Dialect {
    /// The beginnings of the digests, and the sizes, of the recorded layers.
    pub const RECORDED_LAYERS: [(&str, u64); 2] = [("088d7abf487e", 2_618_278), ("f8a18e565d62", 20_006_322)];

    /// Each of them.
    pub const ALL: [Self; 4] = [Self::Docker20, Self::Docker28, Self::Podman4, Self::Podman5];

    /// Whether it is Podman.
    pub fn is_podman(self) -> bool {
        matches!(self, Self::Podman4 | Self::Podman5)
    }

    /// What a real one said while it pulled an image of [`Dialect::RECORDED_LAYERS`] over a slow link.
    pub fn recorded(self) -> &'static str {
        match self {
            Self::Docker20 => include_str!("recorded/docker20.ndjson"),
            Self::Docker28 => include_str!("recorded/docker28.ndjson"),
            Self::Podman4 => include_str!("recorded/podman4.ndjson"),
            Self::Podman5 => include_str!("recorded/podman5.ndjson"),
        }
    }

    /// Its version.
    pub fn release(self) -> &'static str {
        match self {
            Self::Docker20 => "20.10.24+dfsg1",
            Self::Docker28 => "28.5.2+dfsg1",
            Self::Podman4 => "4.3.1",
            Self::Podman5 => "5.8.6",
        }
    }

    /// The newest version of Docker's API that it speaks.
    pub fn api(self) -> &'static str {
        match self {
            Self::Docker28 => "1.51",
            Self::Podman5 => "1.44",
            Self::Docker20 | Self::Podman4 => "1.41",
        }
    }

    fn oldest_api(self) -> &'static str {
        match self {
            Self::Docker20 => "1.12",
            Self::Docker28 | Self::Podman4 | Self::Podman5 => "1.24",
        }
    }

    pub(crate) fn version(self) -> Value {
        let (release, api, oldest) = (self.release(), self.api(), self.oldest_api());
        let engine = if self.is_podman() {
            json!({"Name": "Podman Engine", "Version": release, "Details": {
                "APIVersion": release, "Arch": "amd64", "MinAPIVersion": "4.0.0", "Os": "linux"}})
        } else {
            json!({"Name": "Engine", "Version": release, "Details": {
                "ApiVersion": api, "Arch": "amd64", "MinAPIVersion": oldest, "Os": "linux"}})
        };
        json!({
            "Platform": {"Name": ""}, "Components": [engine, {"Name": "runc", "Version": "1.1.5"}],
            "Version": release, "ApiVersion": api, "MinAPIVersion": oldest,
            "Os": "linux", "Arch": "amd64", "KernelVersion": "6.1.0",
        })
    }
}
