//! What an engine is, and which version of its API is spoken to it.

use std::{fmt, str::FromStr};

use serde::Deserialize;

use crate::{error::Error, json::null_is_default, message::Message};

/// The newest version of Docker's API whose dialect is known here. Newer engines still speak it.
const NEWEST: ApiVersion = ApiVersion { major: 1, minor: 51 };
/// The oldest: that of Docker 20.10, and what Podman 4.3 calls itself.
const OLDEST: ApiVersion = ApiVersion { major: 1, minor: 41 };
/// The oldest Podman.
const OLDEST_PODMAN: [u32; 2] = [4, 3];

/// A version of Docker's API, such as `1.41`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ApiVersion {
    major: u32,
    minor: u32,
}

impl FromStr for ApiVersion {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let mut numbers = text.split('.').map(str::parse);
        match (numbers.next(), numbers.next()) {
            (Some(Ok(major)), Some(Ok(minor))) => Ok(Self { major, minor }),
            _ => Err(Error::Answer("it names no version of the API")),
        }
    }
}

impl fmt::Display for ApiVersion {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}.{}", self.major, self.minor)
    }
}

/// Which program an engine is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Product {
    /// Docker, or what is built of its parts.
    Docker,
    /// Podman.
    Podman,
}

impl fmt::Display for Product {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(match self {
            Self::Docker => "Docker",
            Self::Podman => "Podman",
        })
    }
}

/// The version of a program, such as `20.10.24+dfsg1`. Compared by its first three numbers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Release {
    numbers: [u32; 3],
    text: Message,
}

impl Release {
    /// Reads a version; what is missing is 0.
    pub fn new(text: &str) -> Self {
        let mut numbers = [0; 3];
        for (number, part) in numbers.iter_mut().zip(text.trim_start_matches('v').split('.')) {
            let digits = part.find(|character: char| !character.is_ascii_digit()).unwrap_or(part.len());
            *number = part[..digits].parse().unwrap_or_default();
            if digits < part.len() {
                break;
            }
        }
        Self { numbers, text: Message::new(text) }
    }

    /// Whether it is this version or a later one.
    pub fn is_at_least(&self, major: u32, minor: u32) -> bool {
        self.numbers >= [major, minor, 0]
    }

    /// The first three numbers.
    pub fn numbers(&self) -> [u32; 3] {
        self.numbers
    }
}

impl fmt::Display for Release {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.text.fmt(formatter)
    }
}

/// What an engine says of itself, and the version of the API that both sides speak.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EngineVersion {
    /// Which program it is.
    pub product: Product,
    /// Its version.
    pub release: Release,
    /// What is spoken to it.
    pub api: ApiVersion,
    /// The operating system, `linux`.
    pub os: String,
    /// The architecture in Go's words, `amd64`.
    pub architecture: String,
    /// The version of the kernel.
    pub kernel: String,
    /// The version of the API of Podman's own.
    pub(crate) libpod: Option<Release>,
}

#[derive(Deserialize)]
pub(crate) struct WireVersion {
    #[serde(rename = "Version", default)]
    version: String,
    #[serde(rename = "ApiVersion", default)]
    api_version: String,
    #[serde(rename = "MinAPIVersion", default)]
    min_api_version: String,
    #[serde(rename = "Os", default)]
    os: String,
    #[serde(rename = "Arch", default)]
    architecture: String,
    #[serde(rename = "KernelVersion", default)]
    kernel: String,
    #[serde(rename = "Components", default, deserialize_with = "null_is_default")]
    components: Vec<Component>,
}

#[derive(Deserialize)]
struct Component {
    #[serde(rename = "Name", default)]
    name: String,
    #[serde(rename = "Version", default)]
    version: String,
    #[serde(rename = "Details", default, deserialize_with = "null_is_default")]
    details: Details,
}

#[derive(Default, Deserialize)]
struct Details {
    #[serde(rename = "APIVersion", default)]
    api_version: String,
}

/// Decides what is spoken. The program is known by its components: Podman's own version looks like any other.
pub(crate) fn negotiate(wire: WireVersion) -> Result<EngineVersion, Error> {
    let podman = wire.components.iter().find(|component| component.name == "Podman Engine");
    let newest: ApiVersion = wire.api_version.parse()?;
    let oldest = wire.min_api_version.parse().unwrap_or(OLDEST);
    let (product, release) = match podman {
        Some(podman) => (Product::Podman, Release::new(&podman.version)),
        None => (Product::Docker, Release::new(&wire.version)),
    };
    let [major, minor] = OLDEST_PODMAN;
    let is_too_old = match product {
        Product::Docker => newest < OLDEST,
        Product::Podman => !release.is_at_least(major, minor),
    };
    if is_too_old {
        let text = format!("{product} {release}; Docker 20.10 or Podman 4.3 is needed");
        return Err(Error::TooOld(Message::new(&text)));
    }
    if oldest > NEWEST {
        return Err(Error::Answer("it no longer speaks a version of the API that is known here"));
    }
    let libpod = podman.map(|podman| match podman.details.api_version.as_str() {
        "" => release.clone(),
        version => Release::new(version),
    });
    Ok(EngineVersion {
        product,
        release,
        api: newest.clamp(OLDEST, NEWEST),
        os: text(&wire.os),
        architecture: text(&wire.architecture),
        kernel: text(&wire.kernel),
        libpod,
    })
}

fn text(said: &str) -> String {
    Message::new(said).as_str().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn negotiated(json: &str) -> Result<EngineVersion, Error> {
        negotiate(serde_json::from_str(json).unwrap())
    }

    #[test]
    fn the_highest_version_that_both_know_is_spoken() {
        for (api, min, spoken) in [
            ("1.41", "1.12", "1.41"),
            ("1.51", "1.24", "1.51"),
            ("1.56", "1.40", "1.51"),
            ("1.44", "", "1.44"),
        ] {
            let json = format!(
                r#"{{"Version":"27.0","ApiVersion":"{api}","MinAPIVersion":"{min}","Components":null}}"#
            );
            assert_eq!(negotiated(&json).unwrap().api.to_string(), spoken);
        }
    }

    // Row 20: Podman 4.9.3 is not Docker 4.9.3.
    #[test]
    fn the_program_is_known_by_its_components() {
        let podman = negotiated(
            r#"{"Version":"4.9.3","ApiVersion":"1.41","MinAPIVersion":"1.24","Os":"linux","Arch":"amd64",
                "Components":[{"Name":"Podman Engine","Version":"4.9.3","Details":{"APIVersion":"4.9.3","MinAPIVersion":"4.0.0"}},
                              {"Name":"Conmon","Version":"conmon version 2.1.6"}]}"#,
        )
        .unwrap();
        assert_eq!((podman.product, podman.release.numbers()), (Product::Podman, [4, 9, 3]));
        assert_eq!(podman.libpod.unwrap().numbers(), [4, 9, 3]);
        let docker = negotiated(
            r#"{"Version":"4.9.3","ApiVersion":"1.43","Components":[{"Name":"Engine","Version":"4.9.3","Details":{"ApiVersion":"1.43"}}]}"#,
        );
        assert_eq!(docker.unwrap().product, Product::Docker);
    }

    #[test]
    fn what_is_too_old_is_named_with_the_way_out() {
        let old = negotiated(r#"{"Version":"19.03.15","ApiVersion":"1.40"}"#).unwrap_err();
        assert_eq!(
            old.to_string(),
            "the engine is too old: Docker 19.03.15; Docker 20.10 or Podman 4.3 is needed"
        );
        let old = negotiated(
            r#"{"Version":"4.2.0","ApiVersion":"1.41","Components":[{"Name":"Podman Engine","Version":"4.2.0"}]}"#,
        );
        assert!(matches!(old, Err(Error::TooOld(_))));
        assert!(matches!(negotiated(r#"{"ApiVersion":"2.0","MinAPIVersion":"2.0"}"#), Err(Error::Answer(_))));
        assert!(matches!(negotiated(r#"{"ApiVersion":"x"}"#), Err(Error::Answer(_))));
    }

    #[test]
    fn releases_are_compared_by_their_numbers() {
        for (text, numbers) in [
            ("20.10.24+dfsg1", [20, 10, 24]),
            ("5.8.6", [5, 8, 6]),
            ("6.0.0-dev", [6, 0, 0]),
            ("v4.3", [4, 3, 0]),
            ("5.0-rc1.2", [5, 0, 0]),
            ("", [0, 0, 0]),
            ("99999999999.1", [0, 1, 0]),
        ] {
            assert_eq!(Release::new(text).numbers(), numbers, "{text}");
        }
        assert!(Release::new("5.4.0").is_at_least(5, 4) && !Release::new("5.3.9").is_at_least(5, 4));
    }
}
