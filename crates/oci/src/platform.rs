//! Platforms: what an image runs on (image-spec, image-index.md).

use std::fmt;

use serde::{Deserialize, Serialize};

/// Operating system, architecture and what narrows them. Fields that the spec knows and we do not use are not kept.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Platform {
    /// Go's `GOOS`, such as `linux`.
    #[serde(default)]
    pub os: String,
    /// Go's `GOARCH`, such as `arm64`.
    #[serde(default)]
    pub architecture: String,
    /// A variant of the architecture, such as `v7`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub variant: Option<String>,
    /// The version of the operating system, which Windows images need.
    #[serde(default, rename = "os.version", skip_serializing_if = "Option::is_none")]
    pub os_version: Option<String>,
}

impl fmt::Display for Platform {
    /// `os[(version)]/architecture[/variant]`
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.os)?;
        if let Some(version) = &self.os_version {
            write!(f, "({version})")?;
        }
        write!(f, "/{}", self.architecture)?;
        if let Some(variant) = &self.variant {
            write!(f, "/{variant}")?;
        }
        Ok(())
    }
}
