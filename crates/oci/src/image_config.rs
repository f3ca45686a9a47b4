//! The configuration of an image, as far as anybody here looks into it (image-spec, config.md).

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::platform::Platform;

/// The largest configuration that is read, in bytes.
pub const MAX_CONFIG_BYTES: usize = 8 << 20;

/// What an image's configuration says.
///
/// ```
/// # use entrepot_oci::ImageConfig;
/// let config = ImageConfig::parse(br#"{"os": "linux", "architecture": "arm64", "config": {"Labels": {"a": "b"}}}"#);
/// let config = config.unwrap_or_default();
/// assert_eq!(config.platform().map(ToString::to_string).as_deref(), Some("linux/arm64"));
/// assert_eq!(config.labels["a"], "b");
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ImageConfig {
    platform: Option<Platform>,
    /// When the image was built, as its builder wrote it.
    pub created: Option<String>,
    /// Its labels.
    pub labels: BTreeMap<String, String>,
    /// The environment of its processes, as `NAME=value`.
    pub environment: Vec<String>,
}

#[derive(Deserialize)]
struct ConfigDocument {
    #[serde(flatten)]
    platform: Platform,
    #[serde(default)]
    created: Option<String>,
    #[serde(default)]
    config: Option<Execution>,
}

#[derive(Deserialize)]
struct Execution {
    #[serde(default, rename = "Labels")]
    labels: Option<BTreeMap<String, String>>,
    #[serde(default, rename = "Env")]
    environment: Option<Vec<String>>,
}

impl ImageConfig {
    /// Reads a configuration. `None` if it is not one: an artifact may have anything in its place.
    pub fn parse(bytes: &[u8]) -> Option<Self> {
        let ConfigDocument { platform, created, config } = serde_json::from_slice(bytes).ok()?;
        let (labels, environment) =
            config.map_or_else(Default::default, |config| (config.labels, config.environment));
        Some(Self {
            platform: Some(platform),
            created,
            labels: labels.unwrap_or_default(),
            environment: environment.unwrap_or_default(),
        })
    }

    /// The value of a variable of the environment.
    pub fn variable(&self, name: &str) -> Option<&str> {
        // The last one counts.
        let mut pairs = self.environment.iter().rev().filter_map(|text| text.split_once('='));
        pairs.find_map(|(key, value)| (key == name).then_some(value))
    }

    /// The platform that the image runs on, where the configuration names one.
    pub fn platform(&self) -> Option<&Platform> {
        self.platform.as_ref().filter(|platform| !platform.os.is_empty())
    }

    /// The platform as written, with empty fields where the configuration says nothing. `None` for the default only.
    pub fn into_platform(self) -> Option<Platform> {
        self.platform
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_configuration_may_say_little() {
        let empty = ImageConfig::parse(b"{}").unwrap();
        assert_eq!((empty.platform(), empty.created.as_deref(), empty.labels.len()), (None, None, 0));
        assert_eq!(empty.into_platform().unwrap().to_string(), "/");
        let full =
            br#"{"os": "linux", "architecture": "arm", "variant": "v7", "created": "2026-01-02T03:04:05Z",
            "config": {"Labels": null, "Cmd": ["a"], "Env": ["A=1", "B", "A=2=3"]}, "rootfs": {"type": "layers"}}"#;
        let full = ImageConfig::parse(full).unwrap();
        assert_eq!(full.platform().unwrap().to_string(), "linux/arm/v7");
        assert_eq!(full.created.as_deref(), Some("2026-01-02T03:04:05Z"));
        assert_eq!((full.variable("A"), full.variable("B"), full.variable("C")), (Some("2=3"), None, None));
    }

    #[test]
    fn what_is_not_a_configuration_is_none() {
        for text in [&b"[]"[..], b"", b"{\"os\": 1}", b"{\"config\": {\"Labels\": [1]}}"] {
            assert_eq!(ImageConfig::parse(text), None, "{}", String::from_utf8_lossy(text));
        }
    }
}
