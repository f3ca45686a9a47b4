//! Platforms: what an image runs on (image-spec, image-index.md).

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

/// Operating system, architecture and optional refinements. Other fields of the spec are dropped.
///
/// ```
/// use entrepot_oci::Platform;
///
/// let platform: Platform = "linux/arm/v7".parse()?;
/// assert_eq!((platform.os.as_str(), platform.architecture.as_str()), ("linux", "arm"));
/// assert_eq!(platform.variant.as_deref(), Some("v7"));
/// # Ok::<(), entrepot_oci::PlatformError>(())
/// ```
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
    /// The operating system's version, needed for Windows images.
    #[serde(default, rename = "os.version", skip_serializing_if = "Option::is_none")]
    pub os_version: Option<String>,
}

/// The text is not a platform.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "a platform is written `os/architecture`, or `os/architecture/variant`: `linux/arm64`, `linux/arm/v7`"
)]
pub struct PlatformError;

impl FromStr for Platform {
    type Err = PlatformError;

    /// Parses `os/architecture[/variant]`; this form cannot express an operating system version.
    fn from_str(text: &str) -> Result<Self, PlatformError> {
        let is_word = |part: &&str| {
            !part.is_empty()
                && part.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-'))
        };
        let mut parts = text.split('/');
        let mut next =
            || parts.next().map(|part| Some(part).filter(is_word).ok_or(PlatformError)).transpose();
        let (os, architecture, variant) = (next()?, next()?, next()?);
        match (os, architecture, next()?) {
            (Some(os), Some(architecture), None) => Ok(Self {
                os: os.to_owned(),
                architecture: architecture.to_owned(),
                variant: variant.map(str::to_owned),
                os_version: None,
            }),
            _ => Err(PlatformError),
        }
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_it_writes() {
        for text in ["linux/amd64", "linux/arm/v7", "windows/amd64"] {
            assert_eq!(text.parse::<Platform>().unwrap().to_string(), text);
        }
        for bad in ["", "linux", "linux/", "/amd64", "linux/arm/v7/x", "linux/a b", "linux//v7", "linux/arm/"]
        {
            assert_eq!(bad.parse::<Platform>(), Err(PlatformError), "{bad}");
        }
    }
}
